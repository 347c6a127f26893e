"""Stage A: what keeps a sender from speaking to a number, one reason at a time, in the order of the rule book."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from senderid.country_rules import (
    NEEDS_REGISTRATION,
    REFUSED,
    Verdict,
    is_valid,
    verdict_for,
    with_registration,
)
from senderid.models import SenderId
from tenants.access import Standing
from tenants.errors import register
from tenants.models import Membership

if TYPE_CHECKING:
    from senderid.board import Board, Candidate


@dataclass(frozen=True)
class Ask:
    """One text that wants a sender. What senderid can't know comes as plain values."""

    org_id: UUID
    country: str
    standing: Standing
    wants_reply: bool = False
    named: SenderId | None = None
    program_id: UUID | None = None
    campaign_id: UUID | None = None
    by_contact_owner: bool = False
    fallback: SenderId | None = None
    conversation_sender: SenderId | None = None
    may_answer: bool = False
    team_id: UUID | None = None
    # Senders the contact opted out of, or "all".
    opted_out: frozenset[UUID] | Literal["all"] = field(default=frozenset())
    # A promotional message to a number that asked to stop in its own words.
    is_held: bool = False
    last_used: UUID | None = None
    sandbox: bool = False

    @cached_property
    def may_send(self) -> bool:
        """False for a viewer, whatever is assigned to them."""
        return self.standing.member is None or self.standing.member.may_write


@dataclass(frozen=True)
class Refusal:
    """A candidate that was not chosen: a stable code, a sentence, how far it got."""

    sender: SenderId
    code: str
    text: str
    stage: int = 0

    def shown(self) -> dict[str, Any]:
        """{sender_id, value, code, text}, as the API shows it."""
        return {
            "sender_id": str(self.sender.pk),
            "value": self.sender.value,
            "code": self.code,
            "text": self.text,
        }


MAY_HAVE_OPTED_OUT = "This contact may have opted out; decide in the inbox."
Reason = tuple[str, str] | None
# Plain words: they are compared for each candidate.
ACTIVE, INCOMING = SenderId.Status.ACTIVE.value, SenderId.Direction.INCOMING.value


def refusal_of(ask: Ask, board: "Board", candidate: "Candidate") -> Refusal | None:
    """The first reason why this candidate may not speak, or None."""
    for stage, check in enumerate(CHECKS):
        if reason := check(ask, board, candidate):
            return Refusal(candidate.sender, *reason, stage=stage)
    return None


def verdict_on(ask: Ask, board: "Board", candidate: "Candidate") -> Verdict:
    """What the destination country says of this candidate, its registration included."""
    base = _of_its_kind(ask, board, candidate.sender)
    held = candidate.registration or board.registrations.get((candidate.sender.id, ask.country))
    return with_registration(base, held, country=ask.country)


def _of_its_kind(ask: Ask, board: "Board", sender: SenderId) -> Verdict:
    """What the destination country says of senders of its kind and home: computed once per board."""
    key = (sender.kind, sender.country, ask.country)
    verdict = board.verdicts.get(key)
    if verdict is None:
        verdict = board.verdicts[key] = verdict_for(
            kind=sender.kind,
            home=sender.country,
            destination=ask.country,
            rule=board.rules.get(ask.country),
            override=board.overrides.get((sender.kind, ask.country)),
        )
    return verdict


def viewer_cannot_send(member: Membership) -> str:
    """Why a viewer is never chosen a sender, whatever is assigned to them."""
    return f"{member.name} is a viewer. Viewers can read, but not send."


def _is_assigned(ask: Ask, board: "Board", candidate: "Candidate") -> Reason:
    if not ask.may_send and ask.standing.member is not None:
        return "viewer_cannot_send", viewer_cannot_send(ask.standing.member)
    if not candidate.is_assigned:
        who = ask.standing.member.name if ask.standing.member else "the organization"
        return "not_assigned", f"It is not assigned to {who}."
    if not candidate.is_live:
        return "assignment_not_live", "Its assignment has not begun or has ended."
    if not candidate.can_send:
        return "may_not_send", "Its assignment allows reading only."
    return None


def _is_active(ask: Ask, board: "Board", candidate: "Candidate") -> Reason:
    if candidate.sender.status == ACTIVE:
        return None
    return "sender_not_active", f"It is {candidate.sender.status}, not active."


def _is_not_set_aside(ask: Ask, board: "Board", candidate: "Candidate") -> Reason:
    if not candidate.sender.is_quarantined:
        return None
    return "sender_quarantined", candidate.sender.quarantine_reason


def _sends(ask: Ask, board: "Board", candidate: "Candidate") -> Reason:
    return None if candidate.sender.direction != INCOMING else ("receive_only", "It only receives.")


def _country_allows(ask: Ask, board: "Board", candidate: "Candidate") -> Reason:
    base = _of_its_kind(ask, board, candidate.sender)
    if base.verdict == REFUSED:
        return base.code, base.text
    # Asked of each candidate: the verdict with its sentence is made only for one that is refused.
    if base.verdict == NEEDS_REGISTRATION:
        held = candidate.registration or board.registrations.get((candidate.sender.id, ask.country))
        if not is_valid(held):
            return "registration_missing", verdict_on(ask, board, candidate).text
    return None


def _covers_country(ask: Ask, board: "Board", candidate: "Candidate") -> Reason:
    if not candidate.countries or ask.country in candidate.countries:
        return None
    return "outside_countries", f"Its assignment is for {', '.join(sorted(candidate.countries))} only."


def _not_opted_out(ask: Ask, board: "Board", candidate: "Candidate") -> Reason:
    if ask.opted_out == "all":
        return "opted_out", "This number has opted out of all your texts."
    if ask.opted_out and candidate.sender.id in ask.opted_out:
        return "opted_out", "This number has opted out of texts from it."
    return None


def _is_not_held(ask: Ask, board: "Board", candidate: "Candidate") -> Reason:
    return ("possible_opt_out", MAY_HAVE_OPTED_OUT) if ask.is_held else None


def _takes_replies(ask: Ask, board: "Board", candidate: "Candidate") -> Reason:
    if not ask.wants_reply or candidate.sender.can_be_answered:
        return None
    if candidate.sender.is_numeric:
        return "one_way", "It can’t receive the reply this text asks for."
    return (
        "one_way",
        "A name can’t receive the reply this text asks for; give it a reply number and an instruction.",
    )


def _in_sandbox(ask: Ask, board: "Board", candidate: "Candidate") -> Reason:
    if not ask.sandbox:
        return None
    is_simulated = candidate.is_simulated
    if is_simulated is None:
        is_simulated = candidate.sender.provider_account.is_simulator
    return None if is_simulated else ("not_sandbox", "A test key reaches only the carrier simulator.")


CHECKS: tuple[Callable[[Ask, "Board", "Candidate"], Reason], ...] = (
    _is_assigned,
    _is_active,
    _is_not_set_aside,
    _sends,
    _country_allows,
    _covers_country,
    _not_opted_out,
    _is_not_held,
    _takes_replies,
    _in_sandbox,
)

register(
    {
        "no_eligible_sender": "No sender can text this number; `rejected` says why for each.",
        "sender_refused": "The sender that was named, or the conversation’s own, can’t be used; `rejected` says why.",
        "viewer_cannot_send": "The member is a viewer, who may not send.",
        "not_assigned": "The sender is not assigned to the member who sends.",
        "assignment_not_live": "The assignment has not begun or has ended.",
        "may_not_send": "The assignment allows reading only.",
        "sender_not_active": "The sender is draft, suspended or retired.",
        "sender_quarantined": "The provider refused the sender several times; it is set aside for an hour.",
        "receive_only": "The sender only receives.",
        "short_code_abroad": "A short code works only in its own country.",
        "name_not_supported": "The country refuses or replaces names.",
        "name_needs_registration": "The country takes only registered names.",
        "long_code_needs_registration": "The country requires a registration of long codes.",
        "toll_free_needs_registration": "The country requires a verification of toll-free numbers.",
        "short_code_needs_registration": "The country requires an approval of short codes.",
        "registration_missing": "The country requires an approved, unexpired registration of this sender.",
        "foreign_number_restricted": "The country blocks or replaces numbers from abroad.",
        "long_code_not_supported": "The country does not take long codes.",
        "toll_free_not_supported": "The country does not take toll-free senders.",
        "short_code_not_supported": "The country does not take short codes.",
        "outside_countries": "The assignment is for other countries.",
        "opted_out": "The recipient opted out.",
        "possible_opt_out": "The recipient may have opted out in other words than STOP; promotional messages are held "
        "until someone decides in the inbox.",
        "one_way": "The text asks for a reply that this sender can’t receive.",
        "not_sandbox": "A test key reaches only the carrier simulator.",
        "outranked": "It could send, but another goes first.",
    }
)
