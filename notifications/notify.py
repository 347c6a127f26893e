"""From a decision to a mail: rows first, then the mail, one per person; a row says what became of it.

`receivers` calls `tell_of_text` after an inbound text; the worker's `deliver` (or the dispatcher's sweep) sends.
"""

import logging
import smtplib
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import close_old_connections, transaction
from django.db.models import F, Q
from django.utils import timezone

from messaging import conversations
from messaging.models import Conversation, Message
from notifications import email_templates, recipients
from notifications.channels.email import send_mail
from notifications.models import Notification, NotificationRule
from notifications.recipients import Decision
from tenants import hints
from tenants.errors import DomainError
from tenants.models import Membership

log = logging.getLogger(__name__)
Outcome = Notification.Outcome
DELIVER = "notifications.notify.deliver"
MOST_TRIES = 8
LEASE = timedelta(seconds=60)


@transaction.atomic
def tell_of_text(message: Message) -> list[Notification]:
    """Decides, writes every decision once, and marks the text as told. Safe to run again."""
    locked = (
        Message.unscoped.select_for_update(of=("self",))
        .select_related(
            "org",
            "sender",
            "contact",
            "campaign__owner__user",
            "program__owner__user",
            "conversation__assignee__user",
            "conversation__contact__owner__user",
        )
        .get(pk=message.pk)
    )
    if locked.announced_at is not None:
        return []
    rows = record(locked, recipients.decide(locked))
    Message.unscoped.filter(pk=locked.pk).update(announced_at=timezone.now())
    if any(row.outcome == Outcome.PENDING for row in rows):
        hints.after_commit(DELIVER)
    return rows


def record(message: Message, decisions: list[Decision]) -> list[Notification]:
    """One row per decision; a round-robin winner also gets the conversation."""
    rows = []
    for decision in decisions:
        rule = recipients.rule_of(decision.assignment) if decision.assignment else None
        rows.append(
            Notification(
                org_id=message.org_id,
                kind="new_message",
                message=message,
                conversation=message.conversation,
                assignment=decision.assignment,
                member=decision.member,
                email=decision.address,
                rule=decision.rule,
                reason=decision.reason[:300],
                outcome=decision.outcome,
                template=rule.template if rule else None,
                hide_body=bool(rule and rule.hide_body),
            )
        )
        if decision.takes_conversation and decision.outcome == Outcome.PENDING:
            _take_turn(message, decision)
    Notification.objects.for_org(message.org_id).bulk_create(rows, ignore_conflicts=True)
    return rows


def _take_turn(message: Message, decision: Decision) -> None:
    assert message.conversation and decision.assignment and decision.member
    rules = NotificationRule.objects.for_org(message.org_id)
    rules.filter(assignment=decision.assignment).update(last_turn=decision.member)
    conversations.assign_conversation(
        conversation=message.conversation, to=decision.member, why="it was their turn"
    )


def tell_member(
    *,
    conversation: Conversation | None,
    member: Membership,
    kind: str,
    rule: str,
    reason: str,
    message: Message | None = None,
    **extra: Any,
) -> Notification | None:
    """A mail to one member about something else than a new text; None when they are inactive."""
    if not member.is_active:
        return None
    row = Notification.objects.for_org(member.org_id).create(
        kind=kind,
        conversation=conversation,
        message=message,
        member=member,
        email=member.email,
        rule=rule,
        reason=reason[:300],
        outcome=Outcome.PENDING,
        extra=extra,
    )
    hints.after_commit(DELIVER)
    return row


@shared_task
def deliver() -> int:
    """Sends the mails that are due."""
    return deliver_due()


def deliver_due(most: int = 200) -> int:
    """Each mail is claimed by a lease first, so two workers never send the same one at once."""
    close_old_connections()
    sent = 0
    for _ in range(most):
        row = _claim_one()
        if row is None:
            break
        sent += _send(row)
    return sent


def _claim_one() -> Notification | None:
    now = timezone.now()
    with transaction.atomic():
        due = Notification.unscoped.filter(
            Q(lease_until__isnull=True) | Q(lease_until__lt=now), outcome=Outcome.PENDING, due_at__lte=now
        )
        row = due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at").first()
        if row is None:
            return None
        Notification.unscoped.filter(pk=row.pk).update(lease_until=now + LEASE, tries=F("tries") + 1)
    related = (
        "org",
        "member__user",
        "template",
        "message__campaign",
        "message__program",
        "message__sender",
        "conversation__contact__owner__user",
        "conversation__sender",
        "conversation__assignee__user",
        "conversation__last_human__user",
        "conversation__campaign",
        "conversation__program",
    )
    return Notification.unscoped.select_related(*related).get(pk=row.pk)


def _send(row: Notification) -> bool:
    try:
        subject, html, text = email_templates.compose(email_templates.wording_for(row), fields_of(row))
        send_mail(to=row.email, subject=subject, html=html, text=text)
    except DomainError as error:
        return _failed(row, error.text, final=True)
    except smtplib.SMTPRecipientsRefused:
        return _failed(row, "The mail server refused this address.", final=True)
    except (smtplib.SMTPException, OSError) as error:
        return _failed(
            row, f"The mail server did not take it ({type(error).__name__}).", final=row.tries >= MOST_TRIES
        )
    Notification.unscoped.filter(pk=row.pk).update(
        outcome=Outcome.SENT, sent_at=timezone.now(), lease_until=None, error=""
    )
    return True


def _failed(row: Notification, why: str, *, final: bool) -> bool:
    later = timezone.now() + timedelta(seconds=min(600, 5 * 2**row.tries))
    Notification.unscoped.filter(pk=row.pk).update(
        outcome=Outcome.FAILED if final else Outcome.PENDING, due_at=later, lease_until=None, error=why[:200]
    )
    return False


def fields_of(row: Notification) -> dict[str, Any]:
    """What a mail may name; parts that do not apply are empty."""
    conversation, message = row.conversation, row.message
    contact = conversation.contact if conversation else None
    sender = conversation.sender if conversation else None
    campaign = (message.campaign if message else None) or (conversation.campaign if conversation else None)
    program = (message.program if message else None) or (conversation.program if conversation else None)
    return {
        "contact": {
            "name": str(contact or ""),
            "first_name": str(contact or "").split(" ")[0],
            "number": contact.display_number if contact else "",
        },
        "message": {
            "body": ""
            if message is None
            else ("(hidden; open the conversation)" if row.hide_body else message.body),
            "received_at": f"{message.created_at:%-d %b %Y, %H:%M} UTC" if message else "",
        },
        "conversation": {"url": _url(conversation), "unread_count": _unread(row)},
        "sender": {"label": sender.label if sender else "", "value": sender.display if sender else ""},
        "recipient": {
            "name": row.member.name if row.member else row.email,
            "first_name": (row.member.name if row.member else row.email).split(" ")[0],
            "email": row.email,
        },
        "owner": {"name": _name(contact.owner if contact else None)},
        "assignee": {"name": _name(conversation.assignee if conversation else None)},
        "last_sender": {"name": _name(conversation.last_human if conversation else None)},
        "org": {"name": row.org.name},
        "campaign": {"name": row.extra.get("campaign") or (campaign.name if campaign else "")},
        "program": {"name": program.name if program else ""},
        "rule": {"reason": row.reason},
        "preferences_url": f"{settings.PUBLIC_BASE_URL}/people/me/",
        "actor": {"name": row.extra.get("actor", "Somebody")},
        "note": {"text": row.extra.get("note", "")},
    }


def _url(conversation: Conversation | None) -> str:
    return f"{settings.PUBLIC_BASE_URL}/inbox/" + (f"{conversation.pk}/" if conversation else "")


def _name(member: Membership | None) -> str:
    return member.name if member else ""


def _unread(row: Notification) -> int:
    if row.conversation is None:
        return 0
    counted = conversations.with_unread(
        Conversation.objects.for_org(row.org_id).filter(pk=row.conversation.pk), row.member
    )
    return int(counted.values_list("unread_count", flat=True).get())


def sweep() -> int:
    """Mails that are due: hinted, and sent here when they have waited 5 s."""
    due = Notification.unscoped.filter(outcome=Outcome.PENDING, due_at__lte=timezone.now())
    if not due.exists():
        return 0
    hints.send_now(DELIVER)
    if due.filter(due_at__lt=timezone.now() - timedelta(seconds=5)).exists():
        return deliver_due(most=20)
    return 1
