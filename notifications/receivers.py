"""Every signal from below, in one place; each is idempotent, and a sweep repeats what a crash swallowed."""

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from messaging import signals
from messaging.models import Campaign, Conversation, Message
from notifications import escalation, notify
from tenants.models import Membership

log = logging.getLogger(__name__)


def connect() -> None:
    """Called once, when the app is ready."""
    for signal, receiver in (
        (signals.text_received, on_text_received),
        (signals.conversation_assigned, on_assigned),
        (signals.human_replied, on_human_replied),
        (signals.conversation_closed, on_closed),
        (signals.mentioned, on_mentioned),
        (signals.campaign_finished, on_campaign_finished),
    ):
        signal.connect(receiver, dispatch_uid=receiver.__name__)


def on_text_received(sender: Any, message_id: UUID, **_: Any) -> None:
    """Who is to hear of an inbound text, and the clocks that start."""
    message = Message.unscoped.select_related("conversation").filter(pk=message_id).first()
    if message is None or message.announced_at is not None or message.conversation is None:
        return
    escalation.start_clocks(message)
    notify.tell_of_text(message)


def on_assigned(
    sender: Any, conversation_id: UUID, member_id: UUID, by_id: UUID | None = None, **_: Any
) -> None:
    conversation = Conversation.unscoped.get(pk=conversation_id)
    member = Membership.unscoped.select_related("user").get(pk=member_id)
    by = Membership.unscoped.select_related("user").filter(pk=by_id).first() if by_id else None
    actor = by.name if by else "An integration"
    notify.tell_member(
        conversation=conversation,
        member=member,
        kind="assigned_to_you",
        rule="assigned",
        reason=f"{actor} assigned this conversation to you",
        actor=actor,
    )


def on_human_replied(sender: Any, conversation_id: UUID, **_: Any) -> None:
    escalation.stop_clocks(conversation_id, "answered")


def on_closed(sender: Any, conversation_id: UUID, **_: Any) -> None:
    escalation.stop_clocks(conversation_id, "closed")


def on_mentioned(
    sender: Any, conversation_id: UUID, member_ids: list[UUID], by_id: UUID | None, text: str, **_: Any
) -> None:
    conversation = Conversation.unscoped.get(pk=conversation_id)
    people = {m.pk: m for m in Membership.unscoped.filter(pk__in=[*member_ids, by_id]).select_related("user")}
    actor = people[by_id].name if by_id in people else "Somebody"
    for member_id in member_ids:
        if member_id in people and member_id != by_id:
            notify.tell_member(
                conversation=conversation,
                member=people[member_id],
                kind="mentioned",
                rule="mentioned",
                reason=f"{actor} mentioned you",
                actor=actor,
                note=text[:500],
            )


def on_campaign_finished(sender: Any, campaign_id: UUID, **_: Any) -> None:
    campaign = Campaign.unscoped.select_related("owner__user").get(pk=campaign_id)
    if campaign.owner is not None:
        notify.tell_member(
            conversation=None,
            member=campaign.owner,
            kind="campaign_finished",
            rule="campaign_finished",
            reason="it is your campaign",
            campaign=campaign.name,
        )


def sweep() -> int:
    """Inbound texts that nobody was told of for 10 s: a crash came between commit and receiver."""
    untold = Message.unscoped.filter(
        direction=Message.Direction.INBOUND,
        announced_at__isnull=True,
        created_at__lt=timezone.now() - timedelta(seconds=10),
    )
    told = 0
    for pk in list(untold.values_list("pk", flat=True)[:100]):
        try:
            on_text_received(Message, message_id=pk)
            told += 1
        except Exception:
            log.exception("telling of text %s failed", pk)
    return told
