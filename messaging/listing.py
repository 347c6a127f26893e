"""The list of conversations: a folder, filters, a page by cursor. Four queries or so, however long it is."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, Q

from messaging.conversations import readable_by, with_unread
from messaging.folders import in_folder, narrowed, undecided_wishes
from messaging.inbox.drafts import newest_drafts
from messaging.models import Conversation, Message
from messaging.rail import SharedInbox, shared_inboxes
from messaging.statuses import Status
from tenants.errors import NotFound, unreadable
from tenants.models import Membership

PAGE, MOST = 50, 200


@dataclass(frozen=True)
class Listed:
    """Rows as the list shows them, and the cursor of those after; each row has `unread_count`, `place`, `draft`
    (the member's newest one, or None) and `scheduled` (the next message to leave, where the row shows it)."""

    rows: list[Conversation]
    next: str = ""
    inboxes: list[SharedInbox] = field(default_factory=list)


def list_conversations(
    *,
    member: Membership,
    folder: str,
    filters: dict[str, Any],
    group: UUID | None = None,
    after: str = "",
    most: int = PAGE,
) -> Listed:
    """The newest conversations of a folder first; `after` is the cursor of an earlier answer."""
    inboxes = shared_inboxes(member)
    rows = in_folder(with_unread(readable_by(member), member), folder, member)
    if group is not None:
        rows = rows.filter(sender__in=_inbox(inboxes, group).senders)
    rows = narrowed(rows, filters, country=member.org.country).filter(last_at__isnull=False)
    if after:
        at, pk = _read_cursor(after)
        rows = rows.filter(Q(last_at__lt=at) | Q(last_at=at, pk__lt=pk))
    rows = rows.annotate(may_have_opted_out=Exists(undecided_wishes()))
    rows = rows.select_related("contact", "sender", "campaign", "program", "assignee__user")
    most = max(1, min(most, MOST))
    found: list[Any] = list(rows.order_by("-last_at", "-pk")[: most + 1])
    shown = found[:most]
    _name_places(shown, inboxes)
    _add_drafts(shown, member)
    _add_scheduled(shown, folder)
    return Listed(shown, _cursor(shown[-1]) if len(found) > most else "", inboxes)


def _inbox(inboxes: Iterable[SharedInbox], pk: UUID) -> SharedInbox:
    found = next((inbox for inbox in inboxes if inbox.id == pk), None)
    if found is None:
        raise NotFound("inbox", field="group")
    return found


def _name_places(rows: Iterable[Conversation], inboxes: Iterable[SharedInbox]) -> None:
    """`place`: the shared inbox a conversation came in on, '' for a sender that is nobody's or one person's."""
    names = {sender: inbox.name for inbox in reversed(list(inboxes)) for sender in inbox.senders}
    for row in rows:
        row.place = names.get(row.sender_id, "")  # type: ignore[attr-defined]


def _add_drafts(rows: list[Conversation], member: Membership) -> None:
    drafts = newest_drafts(member=member, conversations=[row.pk for row in rows])
    for row in rows:
        row.draft = drafts.get(row.pk)  # type: ignore[attr-defined]


def _add_scheduled(rows: list[Conversation], folder: str) -> None:
    """In the folder Scheduled, and where nothing else has passed yet; one query, and only then."""
    wanted = [row for row in rows if folder == "scheduled" or not row.last_direction]
    found: dict[UUID | None, Message] = {}
    if wanted:
        texts = Message.objects.for_org(wanted[0].org_id).filter(
            conversation__in=[row.pk for row in wanted], status=Status.SCHEDULED
        )
        found = {text.conversation_id: text for text in texts.order_by("-due_at")}
    for row in rows:
        row.scheduled = found.get(row.pk)  # type: ignore[attr-defined]


def _cursor(row: Conversation) -> str:
    assert row.last_at is not None
    return base64.urlsafe_b64encode(f"{row.last_at.isoformat()} {row.pk}".encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[datetime, UUID]:
    try:
        at, pk = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split(" ")
        return datetime.fromisoformat(at), UUID(pk)
    except (ValueError, binascii.Error):
        raise unreadable("after", "This address is not complete; start at the top of the list.")
