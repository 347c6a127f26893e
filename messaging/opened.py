"""One conversation as its reader sees it: the time line of texts, notes and events; who they stand in for.

Called by the inbox's views. The number of queries does not grow with the texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from messaging.assignees import AssigneeOption, options_for
from messaging.conversations import on_behalf_of, readable_by, thread_of, with_unread
from messaging.failover import message_moved_by, successor_of
from messaging.media.files import media_of
from messaging.models import Conversation, Message, MessageMedia, Reaction, TimelineEntry
from messaging.reactions import given_by, in_words, reactions_on
from messaging.receipt_history import Receipt, receipts_of
from tenants.access import standing_of
from tenants.errors import NotFound
from tenants.models import Delegation, Membership

PAGE, MOST = 100, 200


@dataclass(eq=False)
class Line:
    """A text, with its delivery receipts, media and the contact's reaction, or an entry; `day` is set on the first line of
    a day, `says_from` on the first text of ours. `leads_to` is the conversation of a message that left this one, `event`
    a sentence in place of the text."""

    at: datetime
    text: Message | None = None
    entry: TimelineEntry | None = None
    day: datetime | None = None
    says_from: bool = False
    leads_to: UUID | None = None
    reaction: Reaction | None = None
    event: str = ""
    receipts: Sequence[Receipt] = ()
    media: Sequence[MessageMedia] = ()


@dataclass(frozen=True)
class Thread:
    """Lines, oldest first; `earlier` is what to ask for the ones before, None when these are the first."""

    lines: list[Line] = field(default_factory=list)
    earlier: UUID | None = None


def conversation_for(*, member: Membership, pk: UUID) -> Conversation:
    """A conversation this member may read, with `unread_count`; 404 for any other. For one that was merged into another
    when its only message changed senders: that one."""
    rows = with_unread(readable_by(member), member).select_related(
        "sender__provider_account",
        "sender__reply_number",
        "contact__owner__user",
        "assignee__user",
        "campaign__owner__user",
        "program__owner__user",
    )
    found = rows.filter(pk=pk).first() or _successor(rows, member, pk)
    if found is None:
        raise NotFound("conversation")
    found.org = member.org
    return found


def _successor(rows: Any, member: Membership, pk: UUID) -> Conversation | None:
    now = successor_of(org_id=member.org_id, conversation_id=pk)
    found: Conversation | None = rows.filter(pk=now).first() if now else None
    return found


def thread_for(
    *, conversation: Conversation, member: Membership, before: UUID | None = None, most: int = PAGE
) -> Thread:
    """The newest lines, or those before the text `before`."""
    most = max(1, min(most, MOST))
    texts = thread_of(conversation, before=before, most=most)
    earlier = texts[0].pk if len(texts) == most else None
    receipts, media = receipts_of(texts), media_of(texts)
    lines = [
        Line(at=text.created_at, text=text, receipts=receipts.get(text.pk, ()), media=media.get(text.pk, ()))
        for text in texts
    ]
    lines = _with_reactions(lines, texts, str(conversation.contact))
    lines += [Line(at=entry.at, entry=entry) for entry in _entries(conversation, texts, before, earlier)]
    lines.sort(key=lambda line: line.at)
    _add_links(lines, member)
    _mark_days(lines)
    first = next((line for line in lines if line.text and not line.text.is_inbound), None)
    if first is not None:
        first.says_from = True
    return Thread(lines, earlier)


def _with_reactions(lines: list[Line], texts: list[Message], who: str) -> list[Line]:
    """Reactions stand on the messages they quote; one to an earlier message says so in a line. Two queries."""
    by_message = given_by(texts)
    shown = {text.pk for text in texts}
    on_page = reactions_on(texts)
    kept = []
    for line in lines:
        assert line.text is not None
        line.reaction = on_page.get(line.text.pk)
        given = by_message.get(line.text.pk)
        line.event = in_words(given, who) if given else ""
        if given is None or given.target_id not in shown:
            kept.append(line)
    return kept


def _entries(
    conversation: Conversation, texts: list[Message], before: UUID | None, earlier: UUID | None
) -> list[TimelineEntry]:
    rows = TimelineEntry.objects.for_org(conversation.org_id).filter(conversation=conversation)
    if earlier is not None:
        rows = rows.filter(at__gte=texts[0].created_at)
    if before is not None:
        end = Message.objects.for_org(conversation.org_id).filter(pk=before).values("created_at")[:1]
        rows = rows.filter(at__lt=end)
    entries = list(rows.select_related("member__user").order_by("-at")[: MOST * 2])
    for entry in entries:
        entry.conversation = conversation
    return entries


def _add_links(lines: list[Line], member: Membership) -> None:
    """Where messages that left this conversation are now, as far as the member may read it; a query only if some did."""
    moved = {line: message_moved_by(line.entry) for line in lines if line.entry is not None}
    ids = [pk for pk in moved.values() if pk is not None]
    if not ids:
        return
    rows = Message.objects.for_org(member.org_id).filter(pk__in=ids, conversation__in=readable_by(member))
    now = dict(rows.values_list("pk", "conversation_id"))
    for line, pk in moved.items():
        line.leads_to = now.get(pk) if pk else None


def _mark_days(lines: list[Line]) -> None:
    last: date | None = None
    for line in lines:
        today = timezone.localtime(line.at).date()
        if today != last:
            line.day, last = line.at, today


def absence_behind(*, member: Membership, conversation: Conversation) -> Delegation | None:
    """The absence because of which this member sees the conversation, None when it is theirs anyway."""
    running = standing_of(member).delegations
    if not running or member.pk == conversation.assignee_id:
        return None
    absent = on_behalf_of(member=member, sender=conversation.sender)
    people = {conversation.assignee_id, absent.pk if absent else None}
    return next((delegation for delegation in running if delegation.absent_id in people), None)


def snooze_times(now: datetime) -> list[tuple[str, datetime]]:
    """(words, time) to offer, in the zone of `now`."""
    morning = now.replace(hour=9, minute=0, second=0, microsecond=0)
    later = (now + timedelta(hours=3)).replace(second=0, microsecond=0)
    monday = morning + timedelta(days=7 - now.weekday())
    return [
        ("In three hours", later),
        ("Tomorrow, 9:00", morning + timedelta(days=1)),
        ("Monday, 9:00", monday),
    ]


def assign_menu(*, conversation: Conversation, member: Membership) -> list[AssigneeOption]:
    """Whom the conversation can be assigned to: those who can reply first, then the others with the reason."""
    options = options_for(conversation=conversation, members=people_of(member))
    return sorted(options, key=lambda option: bool(option.cannot_reply))


def people_of(member: Membership) -> list[Membership]:
    """Whom a conversation can be given to: active members who may write."""
    rows = (
        Membership.objects.for_org(member.org_id).filter(is_active=True).exclude(role=Membership.Role.VIEWER)
    )
    return list(rows.select_related("user").order_by("name", "email")[:200])
