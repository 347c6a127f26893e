"""What others did in a conversation since a composer was drawn: replies of colleagues, status changes, opt-outs.

The composer carries what it has seen as ids, the newest among them. Ids are UUIDv7, made before the commit that shows
their row: so a minute before the newest id is looked at too, and what the page did list is named one by one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from messaging.models import Conversation, Message, TimelineEntry
from messaging.opened import Line
from messaging.statuses import Status
from tenants.errors import unreadable
from tenants.models import Membership
from tenants.scoping import new_id

LOOK_BACK_MS = 60_000
MAX_SHOWN = 3
EVENTS = (
    TimelineEntry.Kind.STATUS,
    TimelineEntry.Kind.ASSIGNED,
    TimelineEntry.Kind.OPT_OUT,
    TimelineEntry.Kind.OPT_IN,
)
BY_CONTACT = (TimelineEntry.Kind.OPT_OUT, TimelineEntry.Kind.OPT_IN)


@dataclass(frozen=True)
class Change:
    """Something the composer has not seen, as a sentence."""

    id: UUID
    text: str


def seen_marker(lines: Iterable[Line] = ()) -> str:
    """What a composer drawn beside these lines has seen: ids, separated by spaces."""
    ids = [row.pk for line in lines for row in (line.text, line.entry) if row is not None]
    newest = max(ids, default=new_id())
    floor = _milliseconds(newest) - LOOK_BACK_MS
    return " ".join(str(pk) for pk in sorted(ids, reverse=True) if _milliseconds(pk) >= floor) or str(newest)


def unseen_changes(*, conversation: Conversation, member: Membership, seen: str) -> list[Change]:
    """Oldest first. Two queries. Run inside a transaction that has written to the conversation's row, it misses none:
    who writes there later waits for it."""
    known = read_marker(seen)
    floor = UUID(int=max(0, _milliseconds(max(known)) - LOOK_BACK_MS) << 80)
    replies = Message.objects.for_org(member.org_id).filter(
        sender=conversation.sender_id,
        contact=conversation.contact_id,
        pk__gte=floor,
        direction=Message.Direction.OUTBOUND,
        sent_by__isnull=False,
    )
    replies = replies.exclude(sent_by=member).exclude(status=Status.CANCELLED).exclude(pk__in=known)
    events = TimelineEntry.objects.for_org(member.org_id).filter(
        Q(member__isnull=False) | Q(kind__in=BY_CONTACT),
        conversation=conversation,
        kind__in=EVENTS,
        at__gte=datetime.fromtimestamp(_milliseconds(floor) / 1000, UTC),
    )
    events = events.exclude(member=member).exclude(pk__in=known)
    changes = [Change(row.pk, _reply(row)) for row in replies.select_related("sent_by__user")[:20]]
    changes += [
        Change(row.pk, _event(row, conversation)) for row in events.select_related("member__user")[:20]
    ]
    return sorted(changes, key=lambda change: change.id)


def with_seen(seen: str, changes: Iterable[Change]) -> str:
    """The marker after these changes were read."""
    return " ".join(map(str, sorted({*read_marker(seen), *(c.id for c in changes)}, reverse=True)))


def in_words(changes: list[Change]) -> str:
    return " ".join(change.text for change in changes[-MAX_SHOWN:])


def read_marker(seen: str) -> set[UUID]:
    """400 for one that is missing or can't be read."""
    try:
        ids = {UUID(word) for word in seen.split()}
    except ValueError:
        ids = set()
    if not ids:
        raise unreadable("seen", "This page is out of date; reload it and try again.", "required")
    return ids


def _milliseconds(pk: UUID) -> int:
    return pk.int >> 80


def _reply(message: Message) -> str:
    who = message.sent_by.name if message.sent_by else "Someone"
    what = "scheduled a message" if message.status == Status.SCHEDULED else "replied"
    words = message.body if len(message.body) <= 80 else f"{message.body[:79]}…"
    return f"{who} {what} {_ago(message.created_at)}: “{words}”"


def _event(entry: TimelineEntry, conversation: Conversation) -> str:
    entry.conversation = conversation
    return f"{entry.sentence} {_ago(entry.at)}."


def _ago(at: datetime) -> str:
    seconds = max(1, int((timezone.now() - at).total_seconds()))
    if seconds < 60:
        return f"{seconds} s ago"
    return f"{seconds // 60} min ago" if seconds < 3600 else f"{seconds // 3600} h ago"
