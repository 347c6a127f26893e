"""From a decision to a mail: rows first, then the mail, one per person; a row says what became of it.

`receivers` calls `tell_of_text` after an inbound text; the worker's `deliver` (or the dispatcher's sweep) sends.
"""

import logging
import smtplib
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import close_old_connections, transaction
from django.db.models import F, Q
from django.utils import timezone

from messaging import conversations
from messaging.assignees import why_cannot_reply
from messaging.media.files import with_media
from messaging.models import Conversation, Message
from notifications import email_templates, recipients
from notifications.channels.email import send_mail
from notifications.decisions import Decision
from notifications.models import EmailTemplate, Notification, NotificationRule, Rule
from senderid.models import Assignment
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
    """Decides, writes every decision once, and marks the text as told. Safe to run again.

    Two texts of one conversation, or two turns of one rule, are decided one after the other.
    """
    _wait_for_my_turn(message)
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


def _wait_for_my_turn(message: Message) -> None:
    assert message.conversation_id is not None
    conversation = Conversation.objects.for_org(message.org_id).filter(pk=message.conversation_id)
    list(conversation.select_for_update(of=("self",)).values_list("pk"))
    takes_turns = Q(rule=Rule.ROUND_ROBIN) | Q(fallback=Rule.ROUND_ROBIN)
    rules = NotificationRule.objects.for_org(message.org_id).filter(
        takes_turns, assignment__sender=message.sender_id
    )
    list(rules.select_for_update(of=("self",)).order_by("pk").values_list("pk"))


def record(message: Message, decisions: list[Decision]) -> list[Notification]:
    """One row per decision; a round-robin winner also gets the conversation."""
    rows = []
    for decision in decisions:
        settings_of_rule = decision.settings
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
                template_id=settings_of_rule.template_id if settings_of_rule else None,
                hide_body=bool(settings_of_rule and settings_of_rule.hide_body),
            )
        )
        if decision.turn_of is not None and decision.member is not None:
            _take_turn(message, decision.turn_of, decision.member)
    Notification.objects.for_org(message.org_id).bulk_create(rows, ignore_conflicts=True)
    return rows


def _take_turn(message: Message, assignment: Assignment, member: Membership) -> None:
    """The first of several whose turn it is has the conversation from now on, unless nobody of them can reply."""
    conversation = message.conversation
    assert conversation is not None
    if conversation.assignee is not None and conversation.assignee.is_active:
        return
    if why_cannot_reply(conversation=conversation, member=member):
        return
    rules = NotificationRule.objects.for_org(message.org_id)
    rules.filter(assignment=assignment).update(last_turn=member)
    conversations.assign_conversation(conversation=conversation, to=member, why="round robin")


def tell_member(
    *,
    conversation: Conversation | None,
    member: Membership,
    kind: str,
    rule: str,
    reason: str,
    message: Message | None = None,
    settings_of_rule: NotificationRule | None = None,
    **extra: Any,
) -> Notification | None:
    """A mail to one member about something else than a new text; None when they are inactive.

    About one text a member gets at most one mail of a kind; `settings_of_rule` may hide its body.
    """
    if not member.is_active:
        return None
    fields: dict[str, Any] = {
        "conversation": conversation,
        "member": member,
        "rule": rule,
        "reason": reason[:300],
        "outcome": Outcome.PENDING,
        "template_id": settings_of_rule.template_id if settings_of_rule else None,
        "hide_body": bool(settings_of_rule and settings_of_rule.hide_body),
        "extra": extra,
    }
    rows: Any = Notification.objects.for_org(member.org_id)
    if message is None:
        row = rows.create(kind=kind, email=member.email, **fields)
    else:
        row, _ = rows.get_or_create(message=message, kind=kind, email=member.email, defaults=fields)
    hints.after_commit(DELIVER)
    return row


def tell_of_broken_template(template: EmailTemplate) -> None:
    """Notifies the owners and admins: once for a template, until it is saved again."""
    text = (
        f"The email template “{template.name}” can’t be used. {template.broken_text} Until you fix it, the default "
        f"template is used instead: {settings.PUBLIC_BASE_URL}/notifications/templates/{template.pk}/"
    )
    for member in admins_of(template.org_id):
        tell_member(
            conversation=None,
            member=member,
            kind="template_broken",
            rule="template_broken",
            reason="you are an admin of your organization",
            note=text,
        )


def admins_of(org_id: UUID) -> list[Membership]:
    """The active owners and admins, the oldest first."""
    roles = [Membership.Role.OWNER, Membership.Role.ADMIN]
    rows = Membership.objects.for_org(org_id).filter(is_active=True, role__in=roles)
    return list(rows.select_related("user").order_by("created_at"))


@shared_task
def deliver() -> int:
    """Sends the mails that are due."""
    close_old_connections()
    return deliver_due()


def deliver_due(most: int = 200) -> int:
    """Each mail is claimed by a lease first, so two workers never send the same one at once."""
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
    if row.member is not None and not row.member.is_active:
        return _ended(row, Outcome.SKIPPED, "They were deactivated before it was sent.")
    try:
        (subject, html, text), broken = email_templates.compose_for(row, fields_of(row))
        if broken is not None:
            tell_of_broken_template(broken)
        send_mail(
            to=row.email,
            subject=subject,
            html=html,
            text=text,
            notification=row.pk,
            conversation=row.conversation_id,
        )
    except DomainError as error:
        if error.retryable:
            return _try_later(row, error.text)
        return _ended(row, Outcome.FAILED, error.text)
    except smtplib.SMTPRecipientsRefused as error:
        if all(code >= 500 for code, _ in error.recipients.values()):
            return _ended(row, Outcome.FAILED, "The mail server refused this address.")
        return _try_later(row, "The mail server did not take this address yet.")
    except (smtplib.SMTPException, OSError) as error:
        return _try_later(row, f"The mail server did not take it ({type(error).__name__}).")
    except Exception as error:  # one mail's trouble never holds up another's
        log.exception("mail %s can't be made", row.pk)
        return _try_later(row, f"The mail could not be made ({type(error).__name__}).")
    Notification.unscoped.filter(pk=row.pk).update(
        outcome=Outcome.SENT, sent_at=timezone.now(), lease_until=None, error=""
    )
    return True


def _ended(row: Notification, outcome: str, why: str) -> bool:
    Notification.unscoped.filter(pk=row.pk).update(outcome=outcome, lease_until=None, error=why[:200])
    return False


def _try_later(row: Notification, why: str) -> bool:
    """Again after 10 s, 20 s, … at most 10 minutes; failed after MOST_TRIES."""
    if row.tries >= MOST_TRIES:
        return _ended(row, Outcome.FAILED, why)
    later = timezone.now() + timedelta(seconds=min(600, 5 * 2**row.tries))
    Notification.unscoped.filter(pk=row.pk).update(due_at=later, lease_until=None, error=why[:200])
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
            "first_name": (contact.name.split(" ")[0] or str(contact)) if contact else "",
            "number": contact.display_number if contact else "",
        },
        "message": {
            "body": ""
            if message is None
            else ("(hidden; open the conversation)" if row.hide_body else with_media(message)),
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
        "preferences_url": f"{settings.PUBLIC_BASE_URL}/preferences/",
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
