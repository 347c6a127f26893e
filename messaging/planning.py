"""What would happen to a text: recipient, sender and why, segments, warnings, when it leaves. Writes nothing.

`sending.queue_message` carries a plan out; the composer and `POST /messages/preview` show it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from messaging import consent, quiet_hours, segments
from messaging.models import Campaign, Contact, Conversation, Message, Program
from messaging.queue_state import Queue, queues_of
from senderid.board import GROUND, look_for
from senderid.country_rules import country_name
from senderid.eligibility import Ask
from senderid.instructions import named_elsewhere
from senderid.models import SenderId
from senderid.phone_numbers import Number, other_reading, parse, parse_received, read_number
from senderid.selection import Choice, choose_sender
from tenants import rows
from tenants.access import Standing, standing_of, standing_of_org
from tenants.errors import DomainError, register, unreadable
from tenants.kept import Kept, typed
from tenants.models import Membership, Organization

LONGEST_SCHEDULE = timedelta(days=35)
WORTH_SAYING = timedelta(seconds=5)


@dataclass(frozen=True)
class Request:
    """A text someone wants sent; the same for composer, API, program and preview."""

    org: Organization
    to: str
    body: str
    as_member: Membership | None = None
    named: SenderId | None = None
    conversation: Conversation | None = None
    may_answer: bool = False
    campaign: Campaign | None = None
    program: Program | None = None
    wants_reply: bool = False
    send_at: datetime | None = None
    sandbox: bool = False

    @property
    def is_promotional(self) -> bool:
        """A promotional campaign's text, or what a program sends on its own."""
        of_campaign = self.campaign is not None and self.campaign.category == Campaign.Category.PROMOTIONAL
        return of_campaign or self.is_automation

    @property
    def is_automation(self) -> bool:
        """A program's text. A text for nobody in particular is transactional for quiet hours."""
        return self.program is not None and self.as_member is None


@dataclass(frozen=True)
class Plan:
    """The outcome of planning; `choice.sender` is None when nobody may speak."""

    number: Number
    contact: Contact | None
    choice: Choice
    cut: segments.Cut
    due_at: datetime
    warnings: tuple[tuple[str, str], ...] = field(default=())
    lane: int = Message.INTERACTIVE

    @cached_property
    def queue(self) -> Queue | None:
        """What goes before it on its sender."""
        sender = self.choice.sender
        return queues_of(sender.org_id, [sender], lane=self.lane)[sender.pk] if sender else None

    @property
    def leaves_at(self) -> datetime:
        """When it would leave, at the rate of its sender."""
        return max(self.due_at, self.queue.through_at(timezone.now())) if self.queue else self.due_at

    def _waits(self) -> list[tuple[str, str]]:
        if not self.queue or self.queue.through_at(timezone.now()) <= self.due_at + WORTH_SAYING:
            return []
        rate = f"{self.queue.mps} a second"
        return [("queue_ahead", f"{self.queue.segments:,} segments wait on its sender, which sends {rate}.")]

    def shown(self) -> dict[str, Any]:
        """As `POST /messages/preview` answers."""
        sender = self.choice.sender
        return {
            "sender": sender
            and {"id": sender.pk, "value": sender.value, "kind": sender.kind, "label": sender.label},
            "sender_reason": {"rule": self.choice.rule, "text": self.choice.text},
            "rejected": [refusal.shown() for refusal in self.choice.rejected],
            "segments": self.cut.segments,
            "encoding": self.cut.encoding,
            "warnings": [{"code": code, "text": text} for code, text in (*self.warnings, *self._waits())],
            "would_send_at": self.leaves_at,
        }


def plan_text(*, request: Request) -> Plan:
    """Plans one text. 400 for what can't be read, 422 for where the org may not send at all."""
    org = request.org
    body = read_body(request.body)
    number = read_destination(org=org, to=request.to)
    contact, choice, may_have_opted_out = _choose(request, number)
    _refuse_own_number(choice.sender, number)
    now = timezone.now()
    due_at = read_send_at(request.send_at, now) or now
    zones = (contact.timezone,) if contact and contact.timezone else number.zones
    warnings = list(choice.warnings)
    if may_have_opted_out and not request.is_promotional:
        warnings.append(("possible_opt_out", "This contact may have asked you to stop. Reply with care."))
    if quiet_hours.is_quiet(org=org, country=number.country, zones=zones, at=due_at):
        due_at = _heed_quiet_hours(request, number, zones, due_at, warnings)
    _warn_about_country(request, number, contact, warnings)
    cut = segments.cut(body)
    _warn_about_words(request, choice.sender, cut, warnings)
    lane = Message.BULK if request.campaign or request.is_automation else Message.INTERACTIVE
    return Plan(number, contact, choice, cut, due_at, tuple(warnings), lane)


def read_body(body: Any) -> str:
    """The text; 400 when empty or over 1,600 characters."""
    if not isinstance(body, str) or not body.strip():
        raise unreadable("body", "Write a text; it is empty.", "required")
    if "\x00" in body:
        raise unreadable("body", "The text has a character that can’t be sent (NUL); take it out.")
    if len(body) > segments.MOST_CHARACTERS:
        over = len(body) - segments.MOST_CHARACTERS
        raise unreadable(
            "body", f"A text has at most 1,600 characters; shorten it by {over}.", "body_too_long"
        )
    return body


def read_destination(*, org: Organization, to: str) -> Number:
    """The recipient's number; 400 when unreadable, 422 when the org may not text there."""
    number = (
        parse(to, org.country) or _who_texted_us(org, to) or read_number(to, country=org.country, field="to")
    )
    if number.premium:
        raise DomainError("premium_number", "Premium and shared-cost numbers are never texted.", field="to")
    if not org.may_reach(number.country):
        where = country_name(number.country) if number.country else "this network"
        text = f"Your organization doesn’t text {where}; an admin can add it to the allowed countries."
        raise DomainError("country_not_allowed", text, field="to")
    return number


def _who_texted_us(org: Organization, to: str) -> Number | None:
    """Whoever texted us can be texted, whether the library knows the number or not; 400 for short codes and names."""
    number = parse_received(to)
    value = number.e164 if number else to.strip()
    if not Contact.objects.for_org(org).filter(number=value).exists():
        return None
    if number is None:
        text = f"{value} is a short code or a name. It can text you, but it can’t be texted back."
        raise DomainError("invalid_number", text, field="to", status=400, reason="not_answerable")
    return number


def _warn_about_country(
    request: Request, number: Number, contact: Contact | None, warnings: list[tuple[str, str]]
) -> None:
    """Digits without + were read as a number at home, and are a mobile abroad as well."""
    other = other_reading(request.to, number) if contact is None and request.conversation is None else None
    if other is not None and request.org.may_reach(other.country):
        home, abroad = country_name(number.country), country_name(other.country)
        text = f"Read as a number in {home}. If you meant {abroad}, enter {other.e164}."
        warnings.append(("country_assumed", text))


def _refuse_own_number(sender: SenderId | None, number: Number) -> None:
    """422 when the text would go to the very number it is sent from; the carrier would refuse it later (21266)."""
    if sender is not None and sender.value == number.e164:
        text = f"{sender.display} can’t text itself. Enter another number, or choose another sender."
        raise DomainError("own_number", text, field="to")


def read_send_at(given: datetime | None, now: datetime) -> datetime | None:
    """A time to come, within 35 days; a minute in the past counts as now."""
    if given is None:
        return None
    if given < now - timedelta(minutes=1):
        raise unreadable(
            "send_at", "This time has passed; give a later one, or none to send now.", "in_the_past"
        )
    if given > now + LONGEST_SCHEDULE:
        raise unreadable("send_at", "At most 35 days ahead.", "too_far_ahead")
    return max(given, now)


@dataclass(frozen=True)
class Known:
    """What is known of a number: its contact, the sender last used with it, its opt-outs."""

    contact: Contact | None
    last_used: UUID | None
    opt_outs: list[tuple[str, UUID | None, UUID | None]]
    may_have_opted_out: bool = False


KNOWN = Kept(
    "known_number",
    f"""
    SELECT (SELECT (array_agg(v.sender_id ORDER BY v.last_at DESC))[1] FROM messaging_conversation v
            WHERE v.contact_id = c.id AND v.org_id = %(org)s AND v.last_at IS NOT NULL),
      (SELECT json_agg(json_build_array(o.scope, o.sender_id, o.program_id)) FROM messaging_optout o
       WHERE o.org_id = %(org)s AND o.number = %(number)s),
      EXISTS (SELECT FROM messaging_possibleoptout w
              WHERE w.org_id = %(org)s AND w.number = %(number)s AND w.decided_at IS NULL),
      {rows.columns(Contact, "c")}
    FROM (SELECT 1) one LEFT JOIN messaging_contact c ON c.org_id = %(org)s AND c.number = %(number)s
    """,  # noqa: S608 - only our own names are put in
    takes={"org": "uuid", "number": "text"},
    gives={"last_used": "uuid", "opt_outs": "json", "may_have_opted_out": "bool"} | typed(Contact),
)


def known_of(*, org: Organization, number: str) -> Known:
    """One query."""
    with connection.cursor() as cursor:
        return _known(KNOWN.ask(cursor, {"org": org.pk, "number": number}).fetchone())


def _known(found: Sequence[Any]) -> Known:
    last_used, opt_outs, may_have_opted_out, *values = found
    contact = rows.build(Contact, values) if values[0] is not None else None
    return Known(contact, last_used, [_ids(*row) for row in opt_outs or ()], may_have_opted_out)


def _ids(scope: str, sender: str | None, program: str | None) -> tuple[str, UUID | None, UUID | None]:
    return scope, UUID(sender) if sender else None, UUID(program) if program else None


def _choose(request: Request, number: Number) -> tuple[Contact | None, Choice, bool]:
    """The contact, if there is one, the sender, whether the number may have opted out. One query, and those of the
    standing; a second where the contact's owner is to speak."""
    if _by_contact_owner(request):
        known = known_of(org=request.org, number=number.e164)
        ask = ask_for(request, number, _standing_of_owner(request, known.contact))
        return known.contact, choose_sender(ask=_with_known(ask, known, request)), known.may_have_opted_out
    member = request.as_member
    ask = ask_for(request, number, standing_of(member) if member else standing_of_org(request.org))
    look = look_for(ask)
    with connection.cursor() as cursor:
        both = f"SELECT k.*, g.* FROM {KNOWN.call} k, {GROUND.call} g"  # noqa: S608 - only our own names
        cursor.execute(both, {**look.given, "number": number.e164})
        found = cursor.fetchone()
    known = _known(found[: len(KNOWN.gives)])
    board = look.board(found[len(KNOWN.gives) :])
    choice = choose_sender(ask=_with_known(ask, known, request), board=board)
    return known.contact, choice, known.may_have_opted_out


def _with_known(ask: Ask, known: Known, request: Request) -> Ask:
    opted_out = consent.reach_of(known.opt_outs, ask.program_id)
    is_held = known.may_have_opted_out and request.is_promotional
    return replace(ask, opted_out=opted_out, is_held=is_held, last_used=known.last_used)


def ask_for(request: Request, number: Number, standing: Standing) -> Ask:
    """The question that selection answers."""
    return Ask(
        org_id=request.org.pk,
        country=number.country,
        standing=standing,
        wants_reply=request.wants_reply,
        named=request.named,
        program_id=request.program.pk if request.program else None,
        campaign_id=request.campaign.pk if request.campaign else None,
        by_contact_owner=_by_contact_owner(request),
        fallback=request.campaign.fallback_sender if request.campaign else None,
        conversation_sender=request.conversation.sender if request.conversation else None,
        may_answer=request.may_answer,
        sandbox=request.sandbox,
    )


def _by_contact_owner(request: Request) -> bool:
    campaign = request.campaign
    return campaign is not None and campaign.sender_mode == Campaign.SenderMode.CONTACT_OWNER


def _standing_of_owner(request: Request, contact: Contact | None) -> Standing:
    if contact is not None and contact.owner is not None and contact.owner.is_active:
        return standing_of(contact.owner)
    return Standing(request.org.pk, None)


def demand_room(*, sender: SenderId, extra: int, lane: int) -> None:
    """422 `sender_queue_full` when what goes before it exceeds ten hours of the sender's own rate.

    Bulk never goes before a person's text, so a long campaign does not silence its number. Adding up a long queue is
    dear: while it is less than half full, this process does so once a second.
    """
    if time.monotonic() < _roomy_until.get((sender.pk, lane), 0.0):
        return
    waiting = _segments_waiting(sender, lane)
    if waiting + extra <= sender.queue_limit // 2:
        if len(_roomy_until) > 10_000:
            _roomy_until.clear()
        _roomy_until[sender.pk, lane] = time.monotonic() + 1
        return
    if waiting + extra > sender.queue_limit:
        text = (
            f"{sender.display} has {waiting} segments waiting, ten hours of its rate; use another, or wait."
        )
        raise DomainError("sender_queue_full", text, field="from", retryable=True)


_roomy_until: dict[tuple[UUID, int], float] = {}


def _segments_waiting(sender: SenderId, lane: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COALESCE(sum(segments), 0) FROM messaging_message "
            "WHERE org_id = %s AND sender_id = %s AND status = 'queued' AND lane <= %s",
            [sender.org_id, sender.pk, lane],
        )
        return int(cursor.fetchone()[0])


def _heed_quiet_hours(
    request: Request,
    number: Number,
    zones: tuple[str, ...],
    due_at: datetime,
    warnings: list[tuple[str, str]],
) -> datetime:
    promotional = request.campaign is not None and request.campaign.category == Campaign.Category.PROMOTIONAL
    if promotional or request.is_automation:
        later = quiet_hours.next_allowed(country=number.country, zones=zones, at=due_at)
        warnings.append(("deferred_by_quiet_hours", "It waits for the end of the recipient’s quiet hours."))
        return later
    if request.as_member is not None:
        warnings.append(("quiet_hours", _say_quiet_hours(zones, due_at)))
    return due_at


def _say_quiet_hours(zones: tuple[str, ...], at: datetime) -> str:
    """The recipient's clock; where several zones are possible, that it may be quiet hours."""
    if len(zones) > 1:
        return "It may be quiet hours for marketing where the recipient is; their time zone isn't known."
    local = at.astimezone(quiet_hours.zone_named(zones[0]))
    return f"It is {local:%H:%M} for the recipient: quiet hours for marketing."


def _warn_about_words(
    request: Request, sender: SenderId | None, cut: segments.Cut, warnings: list[tuple[str, str]]
) -> None:
    if cut.first_unicode:
        text = (
            f"The character {cut.culprit} makes this a Unicode message: 70 characters per segment, not 160."
        )
        warnings.append(("unicode", text))
    hint = sender.reply_instruction if sender is not None and not sender.is_numeric else ""
    if request.wants_reply and hint and hint.casefold() not in request.body.casefold():
        warnings.append(("no_reply_instruction", f"Say how to answer, for example: {hint}"))
    if sender is not None and (
        other := named_elsewhere(request.body, senders=[sender], country=request.org.country)
    ):
        text = f"The message tells people to reply to {other}, but it is sent from {sender.display}."
        warnings.append(("instruction_names_other_number", text))
    if sender is not None and sender.reply_number_id is None and not sender.receives:
        warnings.append(("not_answerable", "Nobody can answer this text."))


def is_own_number(*, org: Organization, value: str) -> bool:
    """Whether a number is one of the org's own senders: automation never answers those."""
    found = parse(value, line=True)
    return SenderId.objects.for_org(org).filter(value=found.e164 if found else value).exists()


register(
    {
        "body_too_long": "A text has at most 1,600 characters.",
        "premium_number": "Premium and shared-cost numbers are never texted.",
        "own_number": "The sender’s own number is the recipient.",
        "country_not_allowed": "The organization’s allowed countries lack the destination.",
        "too_far_ahead": "The time is more than 35 days ahead.",
        "sender_queue_full": "The sender’s queue holds ten hours of its own rate already.",
    }
)
