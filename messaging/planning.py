"""What would happen to a text: recipient, sender and why, segments, warnings, when it leaves. Writes nothing.

`sending.queue_message` carries a plan out; the composer and `POST /messages/preview` show it.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone

from messaging import consent, quiet_hours, segments
from messaging.models import Campaign, Contact, Conversation, Message, Program
from messaging.statuses import Status
from senderid.eligibility import Ask
from senderid.models import SenderId
from senderid.phone_numbers import Number, parse, read_number
from senderid.selection import Choice, choose_sender
from tenants.access import Standing, standing_of, standing_of_org
from tenants.errors import DomainError, register, unreadable
from tenants.models import Membership, Organization

LONGEST_SCHEDULE = timedelta(days=35)


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
            "warnings": [{"code": code, "text": text} for code, text in self.warnings],
            "would_send_at": self.due_at,
        }


def plan_text(*, request: Request) -> Plan:
    """Plans one text. 400 for what can't be read, 422 for where the org may not send at all."""
    org = request.org
    body = read_body(request.body)
    number = read_destination(org=org, to=request.to)
    contact = Contact.objects.for_org(org).select_related("owner__user").filter(number=number.e164).first()
    choice = choose_sender(ask=ask_for(request, number, contact))
    now = timezone.now()
    due_at = read_send_at(request.send_at, now) or now
    zone = contact.timezone if contact else number.timezone
    warnings = list(choice.warnings)
    if quiet_hours.is_quiet(org=org, country=number.country, timezone=zone, at=due_at):
        due_at = _heed_quiet_hours(request, number, zone, due_at, warnings)
    cut = segments.cut(body)
    _warn_about_words(request, choice.sender, cut, warnings)
    return Plan(number, contact, choice, cut, due_at, tuple(warnings))


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
    number = read_number(to, country=org.country, field="to")
    if number.premium:
        raise DomainError("premium_number", "Premium and shared-cost numbers are never texted.", field="to")
    if not org.may_reach(number.country):
        where = number.country or "this network"
        text = f"Your organization does not text {where}; an admin can add it to the allowed countries."
        raise DomainError("country_not_allowed", text, field="to")
    return number


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


def ask_for(request: Request, number: Number, contact: Contact | None) -> Ask:
    """The question that selection answers; what senderid can't know is looked up here."""
    org = request.org
    return Ask(
        org_id=org.pk,
        country=number.country,
        standing=_standing(request, contact),
        wants_reply=request.wants_reply,
        named=request.named,
        program_id=request.program.pk if request.program else None,
        campaign_id=request.campaign.pk if request.campaign else None,
        by_contact_owner=bool(
            request.campaign and request.campaign.sender_mode == Campaign.SenderMode.CONTACT_OWNER
        ),
        fallback=request.campaign.fallback_sender if request.campaign else None,
        conversation_sender=request.conversation.sender if request.conversation else None,
        may_answer=request.may_answer,
        opted_out=consent.opted_out(
            org=org, number=number.e164, program_id=request.program.pk if request.program else None
        ),
        last_used=last_used_sender(org=org, contact=contact),
        sandbox=request.sandbox,
    )


def _standing(request: Request, contact: Contact | None) -> Standing:
    campaign = request.campaign
    if campaign is not None and campaign.sender_mode == Campaign.SenderMode.CONTACT_OWNER:
        if contact is not None and contact.owner is not None and contact.owner.is_active:
            return standing_of(contact.owner)
        return Standing(request.org.pk, None)
    return standing_of(request.as_member) if request.as_member else standing_of_org(request.org)


def last_used_sender(*, org: Organization, contact: Contact | None) -> UUID | None:
    """The sender that last texted this contact, for stickiness."""
    if contact is None:
        return None
    rows = (
        Conversation.objects.for_org(org).filter(contact=contact, last_at__isnull=False).order_by("-last_at")
    )
    return rows.values_list("sender_id", flat=True).first()


def demand_room(*, sender: SenderId, extra: int, lane: int) -> None:
    """422 `sender_queue_full` when what goes before it exceeds ten hours of the sender's own rate.

    Bulk never goes before a person's text, so a long campaign does not silence its number.
    """
    queued = Message.objects.for_org(sender.org_id).filter(
        sender=sender, status=Status.QUEUED, lane__lte=lane
    )
    waiting = queued.aggregate(n=Sum("segments"))["n"] or 0
    if waiting + extra > sender.queue_limit:
        text = (
            f"{sender.display} has {waiting} segments waiting, ten hours of its rate; use another, or wait."
        )
        raise DomainError("sender_queue_full", text, field="from", retryable=True)


def _heed_quiet_hours(
    request: Request, number: Number, zone: str, due_at: datetime, warnings: list[tuple[str, str]]
) -> datetime:
    promotional = request.campaign is not None and request.campaign.category == Campaign.Category.PROMOTIONAL
    if promotional or request.is_automation:
        later = quiet_hours.next_allowed(country=number.country, timezone=zone, at=due_at)
        warnings.append(("deferred_by_quiet_hours", "It waits for the end of the recipient’s quiet hours."))
        return later
    if request.as_member is not None:
        local = due_at.astimezone(quiet_hours.zone_named(zone))
        warnings.append(("quiet_hours", f"It is {local:%H:%M} for the recipient: quiet hours for marketing."))
    return due_at


def _warn_about_words(
    request: Request, sender: SenderId | None, cut: segments.Cut, warnings: list[tuple[str, str]]
) -> None:
    if cut.first_unicode:
        text = f"“{cut.first_unicode}” makes this a Unicode text: 70 characters a segment instead of 160."
        warnings.append(("unicode", text))
    hint = sender.reply_instruction if sender is not None and not sender.is_numeric else ""
    if request.wants_reply and hint and hint.casefold() not in request.body.casefold():
        warnings.append(("no_reply_instruction", f"Say how to answer, for example: {hint}"))
    if sender is not None and sender.reply_number_id is None and not sender.receives:
        warnings.append(("not_answerable", "Nobody can answer this text."))


def is_own_number(*, org: Organization, value: str) -> bool:
    """Whether a number is one of the org's own senders: automation never answers those."""
    found = parse(value)
    return SenderId.objects.for_org(org).filter(value=found.e164 if found else value).exists()


register(
    {
        "body_too_long": "A text has at most 1,600 characters.",
        "premium_number": "Premium and shared-cost numbers are never texted.",
        "country_not_allowed": "The organization’s allowed countries lack the destination.",
        "in_the_past": "The time has passed.",
        "too_far_ahead": "The time is more than 35 days ahead.",
        "sender_queue_full": "The sender’s queue holds ten hours of its own rate already.",
    }
)
