"""Escalation: after N minutes without a human reply, someone else is told; once; a reply or a close stops the clock."""

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from messaging.models import Conversation, Message
from notifications import notify, recipients
from notifications.absences import reachable
from notifications.models import Escalation, NotificationRule

log = logging.getLogger(__name__)


def start_clocks(message: Message) -> int:
    """One clock per assignment whose rule escalates, from the first unanswered text; once until it is answered."""
    conversation = message.conversation
    if message.hushed or conversation is None or conversation.waiting_since is None:
        return 0
    started = 0
    for assignment in recipients.governing(message):
        rule = recipients.rule_of(assignment)
        if rule.escalate_after_minutes and rule.escalate_to_id:
            started += _start(message, conversation.waiting_since, rule)
    return started


def _start(message: Message, waiting_since: datetime, rule: NotificationRule) -> bool:
    clocks = Escalation.objects.for_org(message.org_id).filter(
        conversation=message.conversation, assignment=rule.assignment
    )
    if clocks.filter(ended_at__isnull=False, message__created_at__gte=waiting_since).exists():
        return False
    fields: dict[str, Any] = {
        "conversation": message.conversation,
        "assignment": rule.assignment,
        "message": message,
        "escalate_to_id": rule.escalate_to_id,
        "due_at": message.created_at + timedelta(minutes=rule.escalate_after_minutes or 0),
    }
    _, is_new = clocks.get_or_create(ended_at=None, defaults=fields)
    return is_new


def stop_clocks(conversation_id: UUID, outcome: str) -> int:
    """A human reply or a close: nobody needs to be told any more."""
    running = Escalation.unscoped.filter(conversation=conversation_id, ended_at__isnull=True)
    return running.update(ended_at=timezone.now(), outcome=outcome)


def sweep() -> int:
    """Clocks that ran out: tell the one named, once."""
    due = Escalation.unscoped.filter(ended_at__isnull=True, due_at__lte=timezone.now())
    done = 0
    for pk in list(due.order_by("due_at").values_list("pk", flat=True)[:100]):
        try:
            done += _escalate(pk)
        except Exception:  # one clock's trouble never holds up another's
            log.exception("escalation %s failed", pk)
    return done


@transaction.atomic
def _escalate(pk: UUID) -> bool:
    rows = Escalation.unscoped.select_for_update(skip_locked=True, of=("self",)).filter(
        pk=pk, ended_at__isnull=True
    )
    clock = rows.select_related(
        "conversation", "message", "assignment__assignee", "escalate_to__user"
    ).first()
    if clock is None:
        return False
    since = clock.conversation.waiting_since
    if since is None or clock.conversation.status == Conversation.Status.CLOSED:
        return _end(clock, "answered")
    wait = clock.due_at - clock.message.created_at
    if since > clock.message.created_at and since + wait > timezone.now():
        return _restart(clock, since, wait)
    _tell(clock, round(wait.total_seconds() / 60))
    _end(clock, "told")
    return True


def _restart(clock: Escalation, since: datetime, wait: timedelta) -> bool:
    """Answered in between, and the word of it was lost: the text that waits now has N minutes of its own."""
    texts = Message.objects.for_org(clock.org_id).filter(
        conversation=clock.conversation, direction=Message.Direction.INBOUND, created_at__gte=since
    )
    first = texts.order_by("created_at").first() or clock.message
    Escalation.unscoped.filter(pk=clock.pk).update(message=first, due_at=since + wait)
    return False


def _end(clock: Escalation, outcome: str) -> bool:
    Escalation.unscoped.filter(pk=clock.pk).update(ended_at=timezone.now(), outcome=outcome)
    return False


def _tell(clock: Escalation, minutes: int) -> None:
    """The one named, or their stand-in; owners and admins when neither can be reached."""
    named = clock.escalate_to
    reached = reachable(member=named, sender_id=clock.conversation.sender_id)
    reason = f"nobody answered for {minutes} minutes"
    if reached is None:
        reason += f"; {named.name} can’t be reached"
    elif reached.pk != named.pk:
        reason += f"; you stand in for {named.name}"
    for member in [reached] if reached else notify.admins_of(clock.org_id):
        notify.tell_member(
            conversation=clock.conversation,
            member=member,
            kind="escalation",
            rule="escalation",
            reason=reason,
            message=clock.message,
            settings_of_rule=recipients.rule_of(clock.assignment),
        )
