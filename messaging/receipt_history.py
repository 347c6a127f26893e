"""The delivery receipts of messages, oldest first, as the thread and the API show them. One query for a page of messages."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from messaging.models import Message, ReceiptEvent
from senderid.providers import errors

MAX_RECEIPTS = 50  # of one message
WORDS = {
    "accepted": "Accepted by the provider",
    "queued": "Queued at the provider",
    "scheduled": "Scheduled at the provider",
    "sending": "Being sent to the carrier",
    "sent": "Sent to the carrier",
    "delivered": "Delivered",
    "read": "Read",
    "undelivered": "Not delivered",
    "failed": "Failed",
    "canceled": "Cancelled at the provider",
}


@dataclass(frozen=True)
class Receipt:
    """One receipt: the provider's own status and error code as they came, and both in words."""

    at: datetime
    status: str
    code: str
    text: str


def receipts_of(messages: Iterable[Message]) -> dict[UUID, list[Receipt]]:
    """By message id, oldest first; a message without receipts is absent. All messages are of one organization."""
    outbound = [message for message in messages if not message.is_inbound]
    if not outbound:
        return {}
    rows = ReceiptEvent.objects.for_org(outbound[0].org_id).filter(message__in=[one.pk for one in outbound])
    history: dict[UUID, list[Receipt]] = defaultdict(list)
    for row in rows.order_by("received_at", "pk"):
        of_one = history[row.message_id] if row.message_id else []
        if len(of_one) < MAX_RECEIPTS:
            of_one.append(
                Receipt(row.received_at, row.raw_status, row.code, in_words(row.raw_status, row.code))
            )
    return dict(history)


def in_words(raw_status: str, code: str) -> str:
    """`Not delivered: The recipient blocks texts.`"""
    words = WORDS.get(raw_status, "Reported by the provider")
    reason = errors.sentence(code)
    return f"{words}: {reason}" if reason else words
