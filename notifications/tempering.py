"""Preferences and the throttle: they only reduce what the rules decided. A few queries, however many people."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from messaging.models import Message
from notifications.decisions import Decision, Outcome
from notifications.models import Notification, Preference

THROTTLE_MINUTES = 10
Off = Preference.How.OFF


@dataclass(frozen=True)
class Known:
    """What was asked once for everybody: wishes, the last mail by address, the last own text by member."""

    off: set[UUID]
    told: dict[str, datetime]
    own: dict[UUID, datetime]


def tempered(message: Message, decisions: Iterable[Decision]) -> list[Decision]:
    """The same decisions, some of them no longer told; a mandatory rule heeds no preference."""
    found = list(decisions)
    known = _known(message, [decision for decision in found if decision.is_told])
    return [_temper(decision, known) for decision in found]


def _temper(decision: Decision, known: Known) -> Decision:
    if not decision.is_told:
        return decision
    settings = decision.settings
    is_off = decision.member is not None and decision.member.pk in known.off
    if is_off and not (settings and settings.mandatory):
        reason = f"{decision.reason}, but they switched mails off"
        return replace(decision, outcome=Outcome.SKIPPED, reason=reason)
    minutes = settings.throttle_minutes if settings else THROTTLE_MINUTES
    if _was_told_lately(decision, known, minutes):
        reason = f"{decision.reason}; told within {minutes} minutes already"
        return replace(decision, outcome=Outcome.THROTTLED, reason=reason)
    return decision


def _was_told_lately(decision: Decision, known: Known, minutes: int) -> bool:
    """A mail within N minutes, and no reply of their own since."""
    last = known.told.get(decision.address)
    if last is None or last <= timezone.now() - timedelta(minutes=minutes):
        return False
    own = known.own.get(decision.member.pk) if decision.member else None
    return own is None or own <= last


def _known(message: Message, told: list[Decision]) -> Known:
    members = [decision.member.pk for decision in told if decision.member]
    mails = Notification.objects.for_org(message.org_id).filter(
        conversation=message.conversation_id,
        email__in=[decision.address for decision in told],
        kind="new_message",
        outcome__in=[Outcome.SENT, Outcome.PENDING],
    )
    texts = Message.objects.for_org(message.org_id).filter(
        conversation=message.conversation_id, sent_by__in=members
    )
    return Known(
        off=_switched_off(message, members),
        told=dict(mails.exclude(message=message.pk).values_list("email").annotate(last=Max("created_at"))),
        own=dict(texts.values_list("sent_by").annotate(last=Max("created_at"))),
    )


def _switched_off(message: Message, members: list[UUID]) -> set[UUID]:
    """Whose wish for this sender, else for all senders, is no mail."""
    wishes = Preference.objects.for_org(message.org_id).filter(member__in=members)
    rows = wishes.values_list("member", "sender", "how")
    usual = {member: how for member, sender, how in rows if sender is None}
    special = {member: how for member, sender, how in rows if sender == message.sender_id}
    return {member for member, how in {**usual, **special}.items() if how == Off}
