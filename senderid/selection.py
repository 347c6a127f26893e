"""Which sender speaks, and why: product rules, section 5.

`messaging.sending`, campaigns, the composer and the preview ask `choose_sender` with an Ask. Stage A
(`senderid.eligibility`) refuses candidates and keeps the reason; stage B here takes the first level that has one
left. Fan-out loads one Board for many recipients and asks `choose` for each: no query per text.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from senderid.board import Board, Candidate, load_board
from senderid.eligibility import Ask, Refusal, refusal_of, verdict_on, viewer_cannot_send
from senderid.models import Kind, SenderId
from tenants.access import LEVELS
from tenants.errors import DomainError
from tenants.models import Assignee

REPLY_ORDER = {Kind.SHORT_CODE: 0, Kind.LONG_CODE: 1, Kind.TOLL_FREE: 2, Kind.ALPHANUMERIC: 3}
RULES = {
    "named": "named in the request",
    "program": "the program’s sender",
    "campaign": "the campaign’s own sender",
    "campaign_fallback": "the campaign’s fall-back sender",
    "conversation": "this conversation’s sender",
    "member": "own sender",
    "team": "team’s sender",
    "profile": "profile’s sender",
    "organization": "the organization’s sender",
    "delegation": "sender of someone they stand in for",
}
MAX_OTHERS = 20


@dataclass(frozen=True)
class Choice:
    """The sender (None when nobody may speak), the rule that chose it, and everyone who was not chosen."""

    sender: SenderId | None
    rule: str
    text: str
    rejected: tuple[Refusal, ...] = ()
    warnings: tuple[tuple[str, str], ...] = field(default=())
    offers: tuple[SenderId, ...] = ()

    def demand(self) -> SenderId:
        """The sender, or the refusal: `sender_refused` for a named one, else `no_eligible_sender`."""
        if self.sender is not None:
            return self.sender
        rejected = [refusal.shown() for refusal in self.rejected]
        if self.rule in ("named", "conversation"):
            first = self.rejected[0]
            raise DomainError(
                "sender_refused",
                f"{first.sender.display} can’t send this: {first.text}",
                field="from",
                rejected=rejected,
                offers=[{"sender_id": str(s.pk), "value": s.value} for s in self.offers],
            )
        raise DomainError("no_eligible_sender", self.text, rejected=rejected)


def choose_sender(*, ask: Ask, board: Board | None = None) -> Choice:
    """The sender for one text. Two queries, one without absences, none over a board that was loaded already; one more
    to list unassigned senders when nobody may speak."""
    board = board or load_board(ask)
    choice = choose(ask=ask, board=board)
    if choice.sender is None and choice.rule == "none" and ask.may_send:
        seen = {refusal.sender.pk for refusal in choice.rejected}
        extra = [refusal_of(ask, board, Candidate.unassigned(sender)) for sender in others(ask, seen)]
        return Choice(None, "none", choice.text, choice.rejected + tuple(r for r in extra if r))
    return choice


def choose(*, ask: Ask, board: Board) -> Choice:
    """The same over rows already loaded; makes no query."""
    if ask.named is not None:
        return _insist(ask, board, ask.named, "named", granted=False)
    if ask.program_id is not None:
        return _first_of(ask, board, [("program", board.of(ask.program_id))])
    if ask.campaign_id is not None:
        return _for_campaign(ask, board)
    if ask.conversation_sender is not None:
        return _insist(ask, board, ask.conversation_sender, "conversation", granted=ask.may_answer)
    return _first_of(ask, board, levels_of(ask, board))


def others(ask: Ask, seen: set[UUID]) -> Iterable[SenderId]:
    """Some of the org's other senders, so that an empty answer still says what there is."""
    rows = SenderId.objects.for_org(ask.org_id).exclude(status=SenderId.Status.RETIRED).exclude(pk__in=seen)
    return rows.select_related("provider_account").order_by("pk")[:MAX_OTHERS]


def levels_of(ask: Ask, board: Board) -> list[tuple[str, list[Candidate]]]:
    """Steps 5 to 8: member, team (the conversation's first), profile, organization; then whom they stand in for."""
    levels: list[tuple[str, list[Candidate]]] = []
    for level in LEVELS:
        ids = [pk for pk, kind in ask.standing.assignees.items() if kind == level]
        if level == Assignee.Kind.TEAM and ask.team_id in ids:
            levels.append((str(level), board.of(ask.team_id)))
        levels.append((str(level), [c for pk in ids for c in board.of(pk)]))
    return [*levels, ("delegation", board.delegated)]


def _for_campaign(ask: Ask, board: Board) -> Choice:
    assert ask.campaign_id is not None
    if ask.by_contact_owner:
        levels = levels_of(ask, board)
    else:
        levels = [("campaign", board.of(ask.campaign_id))]
    if ask.fallback is not None:
        levels = [*levels, ("campaign_fallback", [Candidate.granted(ask.fallback)])]
    return _first_of(ask, board, levels)


def _insist(ask: Ask, board: Board, sender: SenderId, rule: str, *, granted: bool) -> Choice:
    """One sender or none: never swapped for another."""
    mine = [c for c in board.everyone() if c.sender.pk == sender.pk]
    if granted:
        mine = [Candidate.granted(sender)]
    refusals = []
    for candidate in mine or [Candidate.unassigned(sender)]:
        refusal = refusal_of(ask, board, candidate)
        if refusal is None:
            return _chosen(ask, board, candidate, rule, [])
        refusals.append(refusal)
    # Of several assignments the one that got furthest explains best.
    best = max(refusals, key=lambda refusal: refusal.stage)
    rest = _first_of(ask, board, levels_of(ask, board))
    able = (refusal.sender for refusal in rest.rejected if refusal.code == "outranked")
    offers = (rest.sender, *able) if rest.sender is not None else ()
    remaining = (refusal for refusal in rest.rejected if refusal.sender.pk != sender.pk)
    return Choice(None, rule, best.text, (best, *remaining), offers=offers)


def _first_of(ask: Ask, board: Board, levels: list[tuple[str, list[Candidate]]]) -> Choice:
    winner: tuple[Candidate, str] | None = None
    rejected: dict[UUID, Refusal] = {}
    for level, candidates in levels:
        for candidate in ranked(ask, candidates):
            refusal = refusal_of(ask, board, candidate)
            if refusal is None and winner is None:
                winner = (candidate, level)
            elif refusal is None and winner is not None:
                refusal = _outranked(candidate, level, winner)
            if refusal is not None:
                _keep_best(rejected, refusal)
    if winner is None:
        return Choice(None, "none", _nobody(ask, rejected), tuple(rejected.values()))
    rejected.pop(winner[0].sender.pk, None)
    return _chosen(ask, board, winner[0], winner[1], list(rejected.values()))


def _keep_best(rejected: dict[UUID, Refusal], refusal: Refusal) -> None:
    sender_id = refusal.sender.id
    known = rejected.get(sender_id)
    if known is None or refusal.stage > known.stage:
        rejected[sender_id] = refusal


def ranked(ask: Ask, candidates: list[Candidate]) -> list[Candidate]:
    """The candidates of one level, the one that goes first before the others."""
    return sorted(candidates, key=lambda candidate: _rank(ask, candidate))


def _rank(ask: Ask, candidate: Candidate) -> tuple[object, ...]:
    sender = candidate.sender
    return (
        ask.country not in candidate.countries,
        not candidate.is_default,
        candidate.priority,
        sender.id != ask.last_used,
        REPLY_ORDER[Kind(sender.kind)] if ask.wants_reply else 0,
        sender.id,
    )


def _outranked(candidate: Candidate, level: str, winner: tuple[Candidate, str]) -> Refusal:
    if level == winner[1]:
        text = f"It could send this, but {winner[0].sender.display} goes first at the same level."
    else:
        text = f"It could send this, but it stands lower: {RULES[level]}."
    return Refusal(candidate.sender, "outranked", text, stage=99)


def _chosen(ask: Ask, board: Board, candidate: Candidate, rule: str, rejected: list[Refusal]) -> Choice:
    who = ""
    if ask.by_contact_owner and rule in ("member", "team", "profile", "organization", "delegation"):
        name = ask.standing.member.name if ask.standing.member else "the organization"
        who, rule_name = f"the contact’s owner {name}: ", "contact_owner"
    else:
        rule_name = rule
    notes = []
    if ask.country in candidate.countries:
        notes.append(f"set for {ask.country}")
    if candidate.is_default:
        notes.append("the default")
    text = who + RULES[rule] + (f" ({', '.join(notes)})" if notes else "")
    return Choice(
        candidate.sender, rule_name, text, tuple(rejected), verdict_on(ask, board, candidate).warnings
    )


def _nobody(ask: Ask, rejected: dict[UUID, Refusal]) -> str:
    if ask.standing.member is not None and not ask.may_send:
        return viewer_cannot_send(ask.standing.member)
    if not rejected:
        if ask.campaign_id or ask.program_id:
            return "Nothing is assigned that could send this; assign a sender to it first."
        return "No sender is assigned for this message; assign one first."
    reasons = sorted({refusal.text for refusal in rejected.values()})
    return "No sender can text this number: " + " ".join(reasons[:3])
