"""Asking for a text: everything that makes one `queued` row, in one transaction. What comes next: `dispatching`.

Called by the composer, the API, programs and answers to STOP and HELP; campaigns write the same rows in bulk.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from messaging import consent, conversations, segments, usage
from messaging.auto_replies import looks_automatic
from messaging.contacts import contact_for
from messaging.live_events import tell_conversation
from messaging.models import Campaign, Contact, Conversation, Message, Program
from messaging.planning import Plan, Request, demand_room, is_own_number, plan_text
from messaging.signals import human_replied
from messaging.statuses import Status, may_move
from messaging.tapbacks import tapback_in
from senderid.models import SenderId
from senderid.phone_numbers import parse_received
from tenants import hints, rows
from tenants.errors import DomainError, register
from tenants.models import ApiKey, Membership
from tenants.scoping import after_commit_in

DISPATCH = "messaging.dispatching.dispatch"
# The campaign's own fan-out may be faster.
ONCE_PER_CAMPAIGN = "ON CONFLICT (campaign_id, contact_id) WHERE origin = 'campaign' DO NOTHING"
WRITE_OF_CAMPAIGN = rows.Insert(Message, conflict=ONCE_PER_CAMPAIGN)


@transaction.atomic
def queue_message(
    *,
    request: Request,
    api_key: ApiKey | None = None,
    client_ref: str = "",
    metadata: dict[str, Any] | None = None,
) -> Message:
    """Queues one text, or raises the refusal. The row is durable when this commits; nothing else is needed."""
    return queue_inside(request=request, api_key=api_key, client_ref=client_ref, metadata=metadata)


def queue_inside(
    *,
    request: Request,
    api_key: ApiKey | None = None,
    client_ref: str = "",
    metadata: dict[str, Any] | None = None,
) -> Message:
    """The same inside a transaction that a refusal rolls back whole, as a request of the API is: no savepoint."""
    if request.as_member is not None and not request.as_member.may_write:
        text = f"{request.as_member.name} is a viewer and writes nothing."
        raise DomainError("forbidden", text, status=403, field="as_member")
    plan = plan_text(request=request)
    sender = plan.choice.demand()
    org = request.org
    if org.require_consent and not consent.has_consent(org=org, number=plan.number.e164):
        raise DomainError("consent_missing", "This number has given no consent; record it first.", field="to")
    if request.campaign is not None and plan.contact is not None:
        _refuse_second(request.campaign, plan.contact)
    lane = Message.BULK if request.campaign or request.is_automation else Message.INTERACTIVE
    demand_room(sender=sender, extra=plan.cut.segments, lane=lane)
    if not request.sandbox:
        usage.spend(org=org, segments=plan.cut.segments, at=timezone.now())
    contact = plan.contact or contact_for(org=org, number=plan.number)
    message = _row(request, plan, sender, contact)
    message.api_key, message.client_ref, message.metadata = api_key, client_ref, metadata or {}
    if request.campaign is None:
        _tell(conversations.write_with(message=message, human=request.as_member), request, message)
    elif not WRITE_OF_CAMPAIGN(message):
        raise DomainError("duplicate", f"{contact} has this campaign’s text already.", field="to")
    hints.after_commit(DISPATCH)
    return message


def _refuse_second(campaign: Campaign, contact: Contact) -> None:
    """Each contact gets a campaign's text at most once, whoever asks for it."""
    rows = Message.objects.for_org(campaign.org_id).filter(campaign=campaign, contact=contact)
    if rows.filter(origin=Message.Origin.CAMPAIGN).exists():
        raise DomainError("duplicate", f"{contact} has the text of {campaign.name} already.", field="to")


def _row(request: Request, plan: Plan, sender: SenderId, contact: Contact) -> Message:
    return rows.new(
        Message,
        org=request.org,
        sender=sender,
        account_id=sender.provider_account_id,
        contact=contact,
        direction=Message.Direction.OUTBOUND,
        origin=_origin(request),
        status=first_status(plan.due_at),
        lane=Message.BULK if request.campaign or request.is_automation else Message.INTERACTIVE,
        to=plan.number.e164,
        from_value=sender.value,
        country=plan.number.country,
        body=request.body,
        encoding=plan.cut.encoding,
        segments=plan.cut.segments,
        rule=plan.choice.rule,
        rule_text=plan.choice.text[:200],
        sent_by=request.as_member,
        on_behalf_of=conversations.on_behalf_of(member=request.as_member, sender=sender)
        if request.as_member
        else None,
        campaign=request.campaign,
        program=request.program,
        send_at=request.send_at,
        due_at=plan.due_at,
        expires_at=plan.due_at + settings.MESSAGE_VALIDITY,
    )


def first_status(due_at: datetime) -> Status:
    return Status.SCHEDULED if due_at > timezone.now() else Status.QUEUED


def _origin(request: Request) -> str:
    if request.campaign:
        return Message.Origin.CAMPAIGN
    if request.program:
        return Message.Origin.PROGRAM
    return Message.Origin.MANUAL if request.as_member else Message.Origin.API


def _tell(conversation: Conversation, request: Request, message: Message) -> None:
    """A scheduled message is no reply before it leaves (`scheduled`)."""
    tell_conversation(conversation)
    if request.as_member is not None and message.status != Status.SCHEDULED:
        member_id, conversation_id = request.as_member.pk, conversation.pk
        after_commit_in(
            conversation.org_id,
            lambda: human_replied.send_robust(Message, conversation_id=conversation_id, member_id=member_id),
        )


MOST_ANSWERS = 10


def _may_be_answered(conversation: Conversation, to_text: str, size: int, *, compliance: bool) -> bool:
    """Automation never texts premium numbers, our own, other countries or beyond the caps; STOP and HELP ten times a day.

    Nor does it answer what looks like an automatic reply or a reaction.
    """
    org, contact = conversation.org, conversation.contact
    number = parse_received(contact.number)
    if number is None or number.premium or is_own_number(org=org, value=contact.number):
        return False
    if looks_automatic(to_text) or tapback_in(to_text) is not None:
        return False
    if compliance:
        since = timezone.now() - timedelta(hours=24)
        texts = Message.objects.for_org(org).filter(
            conversation=conversation, origin=Message.Origin.COMPLIANCE
        )
        if texts.filter(created_at__gt=since).count() >= MOST_ANSWERS:
            return False
        usage.count(org=org, segments=size, at=timezone.now())
        return True
    return org.may_reach(number.country) and usage.fits(org=org, segments=size, at=timezone.now())


def answer(
    *,
    conversation: Conversation,
    body: str,
    to_text: str,
    program: Program | None = None,
    compliance: bool = False,
) -> Message | None:
    """An automatic answer on a conversation's own sender: no selection, no quiet hours. None when it can't be sent.

    `to_text` is what they texted. `compliance` marks answers to STOP, START and HELP, which an opted-out number may get.
    """
    sender, contact = conversation.sender, conversation.contact
    now = timezone.now()
    cut = segments.cut(body)
    if not body.strip() or not sender.sends or sender.status != SenderId.Status.ACTIVE:
        return None
    if not _may_be_answered(conversation, to_text, cut.segments, compliance=compliance):
        return None
    message = Message.objects.for_org(conversation.org_id).create(
        sender=sender,
        account_id=sender.provider_account_id,
        contact=contact,
        conversation=conversation,
        direction=Message.Direction.OUTBOUND,
        origin=Message.Origin.COMPLIANCE if compliance else Message.Origin.PROGRAM,
        status=Status.QUEUED,
        lane=Message.INTERACTIVE,
        to=contact.number,
        from_value=sender.value,
        country=contact.country,
        body=body,
        encoding=cut.encoding,
        segments=cut.segments,
        rule="conversation",
        rule_text="answers on the number that was texted",
        program=program,
        due_at=now,
        expires_at=now + settings.MESSAGE_VALIDITY,
    )
    conversations.record_outbound(conversation=conversation, message=message, human=None)
    hints.after_commit(DISPATCH)
    return message


@transaction.atomic
def cancel(*, message: Message, by: Membership | None = None) -> Message:
    """Cancels a text that has not left; 422 `too_late` otherwise."""
    row = Message.objects.for_org(message.org_id).select_for_update().get(pk=message.pk)
    if row.status not in (Status.SCHEDULED, Status.QUEUED) or not may_move(row.status, Status.CANCELLED):
        raise DomainError("too_late", f"It is {row.status} already and can’t be cancelled.")
    was_queued = row.status == Status.QUEUED
    row.status, row.final_at = Status.CANCELLED, timezone.now()
    row.save(update_fields=["status", "final_at"])
    if row.conversation is not None:
        if was_queued:
            conversations.record_withdrawn(conversation=row.conversation)
        tell_conversation(row.conversation)
    return row


register({"too_late": "The text has left and can’t be cancelled."})
