"""Escalation: after N minutes without a human reply, someone else is told; once; a reply or a close stops the clock."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from messaging.models import Conversation, Message
from notifications import notify, recipients
from notifications.models import Escalation


def start_clocks(message: Message) -> int:
    """One clock per assignment whose rule escalates; a running one goes on."""
    if message.hushed or message.conversation is None:
        return 0
    started = 0
    for assignment in recipients.governing(message):
        rule = recipients.rule_of(assignment)
        if rule.escalate_after_minutes and rule.escalate_to_id:
            _, is_new = Escalation.objects.for_org(message.org_id).get_or_create(
                conversation=message.conversation,
                assignment=assignment,
                ended_at=None,
                defaults={
                    "message": message,
                    "escalate_to_id": rule.escalate_to_id,
                    "due_at": message.created_at + timedelta(minutes=rule.escalate_after_minutes),
                },
            )
            started += is_new
    return started


def stop_clocks(conversation_id: UUID, outcome: str) -> int:
    """A human reply or a close: nobody needs to be told any more."""
    running = Escalation.unscoped.filter(conversation=conversation_id, ended_at__isnull=True)
    return running.update(ended_at=timezone.now(), outcome=outcome)


def sweep() -> int:
    """Clocks that ran out: tell the one named, once."""
    due = Escalation.unscoped.filter(ended_at__isnull=True, due_at__lte=timezone.now())
    done = 0
    for pk in list(due.values_list("pk", flat=True)[:100]):
        done += _escalate(pk)
    return done


@transaction.atomic
def _escalate(pk: UUID) -> bool:
    rows = Escalation.unscoped.select_for_update(skip_locked=True, of=("self",)).filter(
        pk=pk, ended_at__isnull=True
    )
    clock = rows.select_related("conversation", "message", "escalate_to__user").first()
    if clock is None:
        return False
    waits = (
        clock.conversation.waiting_since is not None
        and clock.conversation.status != Conversation.Status.CLOSED
    )
    clock.ended_at, clock.outcome = timezone.now(), "told" if waits else "answered"
    clock.save(update_fields=["ended_at", "outcome"])
    if waits:
        minutes = round((clock.due_at - clock.message.created_at).total_seconds() / 60)
        notify.tell_member(
            conversation=clock.conversation,
            member=clock.escalate_to,
            kind="escalation",
            rule="escalation",
            reason=f"nobody answered for {minutes} minutes",
            message=clock.message,
        )
    return waits
