"""The states of a text and the one rule that moves them: only forward, a final one is never overwritten.

scheduled → queued → sending → accepted → sent → delivered | undelivered | failed; aside: unknown, blocked,
cancelled, expired. Inbound texts are `received`. Pure: no database.
"""

from django.db import models


class Status(models.TextChoices):
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    RECEIVED = "received"


FINAL = frozenset(
    {
        Status.DELIVERED,
        Status.UNDELIVERED,
        Status.FAILED,
        Status.BLOCKED,
        Status.CANCELLED,
        Status.EXPIRED,
        Status.RECEIVED,
    }
)
WAITING = frozenset({Status.SCHEDULED, Status.QUEUED})
RANK = {
    Status.SCHEDULED: 0,
    Status.QUEUED: 1,
    Status.SENDING: 2,
    Status.UNKNOWN: 3,
    Status.ACCEPTED: 4,
    Status.SENT: 5,
} | {status: 9 for status in FINAL}


def may_move(now: str, to: str) -> bool:
    """Whether a text may go from one state to another.

    The one way back is to `queued`, from `sending` or `unknown`, when the carrier surely did not take it.
    """
    if Status(now) in FINAL:
        return False
    if to == Status.QUEUED:
        return now in (Status.SCHEDULED, Status.SENDING, Status.UNKNOWN)
    return RANK[Status(to)] > RANK[Status(now)]


def movable_to(to: str) -> list[str]:
    """Every state from which `to` may be reached: the compare-and-set of an UPDATE."""
    return [status for status in Status.values if may_move(status, to)]
