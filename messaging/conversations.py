"""Conversations: opening, who may read which, folders, unread, assigning, closing.

Who may read is asked anew each time from assignments (`senderid.delegated`), never stored.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from messaging.assignees import why_cannot_reply
from messaging.live_events import tell_conversation
from messaging.media.files import words_of
from messaging.models import Contact, Conversation, ConversationRead, Message, TimelineEntry
from messaging.models.conversations import CLOSED
from messaging.reactions import line_of
from messaging.signals import conversation_assigned, conversation_closed
from messaging.statuses import Status as TextStatus
from senderid.delegated import assignee_ids_of, readable_sender_ids
from senderid.models import Assignment, SenderId
from tenants import rows
from tenants.access import standing_of
from tenants.errors import DomainError, register, unreadable
from tenants.kept import Kept, typed
from tenants.models import Membership, Organization
from tenants.scoping import after_commit_in

Status = Conversation.Status
BY_AUTOMATION = (
    "last_at = EXCLUDED.last_at, last_body = EXCLUDED.last_body, last_direction = EXCLUDED.last_direction, "
    "last_failed = false, changed_at = EXCLUDED.changed_at"
)
BY_A_PERSON = (
    f"{BY_AUTOMATION}, last_human_id = EXCLUDED.last_human_id, waiting_since = NULL, "
    "status = CASE known.status WHEN 'closed' THEN 'open' ELSE known.status END"
)

NOT_DELIVERED = (TextStatus.FAILED, TextStatus.UNDELIVERED)
# A message that leaves later: the row shows it when it leaves (`scheduled.PROMOTE`), and whoever waits goes on waiting.
BY_A_SCHEDULE = "changed_at = EXCLUDED.changed_at"


def open_conversation(*, org: Organization, sender: SenderId, contact: Contact) -> Conversation:
    """The one conversation of this sender and contact, made if new."""
    row, _ = Conversation.objects.for_org(org).get_or_create(sender=sender, contact=contact)
    row.sender, row.contact = sender, contact
    return row


def write_with(*, message: Message, human: Membership | None) -> Conversation:
    """Writes a text of ours and its conversation, opened if new, with the text on its row as `record_outbound` puts it:
    one statement."""
    scheduled = message.status == TextStatus.SCHEDULED
    row = rows.new(
        Conversation,
        org=message.org, sender=message.sender, contact=message.contact,
        last_human=None if scheduled else human, last_at=message.created_at,
        last_body="" if scheduled else message.body[:160],
        last_direction="" if scheduled else Message.Direction.OUTBOUND,
    )  # fmt: skip
    kept = WRITE_OF_A_SCHEDULE if scheduled else WRITE_OF_A_PERSON if human else WRITE_OF_AUTOMATION
    with connection.cursor() as cursor:
        given = {"text": rows.as_json(message), "talk": rows.as_json(row)}
        values = kept.ask(cursor, given).fetchone()
    message._state.adding, message._state.db = False, "default"
    message.conversation = rows.joined(rows.build(Conversation, values), like=row)
    return message.conversation


def _writing(name: str, changes: str) -> Kept:
    text = rows.columns(Message, "r").replace('r."conversation_id"', "talk.id")
    return Kept(
        name,
        f"""
        WITH talk AS (
          INSERT INTO {rows.table(Conversation)}
          SELECT {rows.columns(Conversation, "r")} FROM {rows.given(Conversation, "talk")} r
          ON CONFLICT (org_id, sender_id, contact_id) DO UPDATE SET {changes}
          RETURNING {rows.columns(Conversation, "known")}
        ), text AS (INSERT INTO {rows.table(Message)} SELECT {text} FROM talk, {rows.given(Message, "text")} r)
        SELECT * FROM talk
        """,  # noqa: S608 - only our own names are put in
        takes={"text": "json", "talk": "json"},
        gives=typed(Conversation),
    )


WRITE_OF_A_PERSON = _writing("write_of_a_person", BY_A_PERSON)
WRITE_OF_AUTOMATION = _writing("write_of_automation", BY_AUTOMATION)
WRITE_OF_A_SCHEDULE = _writing("write_of_a_schedule", BY_A_SCHEDULE)


def record_outbound(*, conversation: Conversation, message: Message, human: Membership | None) -> None:
    """Puts a text of ours on the conversation's row; a human answer ends the waiting."""
    changes: dict[str, Any] = {
        "last_at": message.created_at,
        "last_body": message.body[:160],
        "last_direction": Message.Direction.OUTBOUND,
        "last_failed": False,
        "changed_at": timezone.now(),
    }
    if human is not None:
        changes |= {"last_human": human, "waiting_since": None}
        if conversation.status == Status.CLOSED:
            changes["status"] = Status.OPEN
    _update(conversation, **changes)


def record_withdrawn(*, conversation: Conversation) -> None:
    """A queued message was cancelled or moved to another sender: the row shows what came before it, and who waited for
    it waits again; a conversation it had reopened is closed again."""
    shown = Message.objects.for_org(conversation.org_id).filter(
        sender=conversation.sender_id, contact=conversation.contact_id
    )
    shown = shown.exclude(status__in=[TextStatus.SCHEDULED, TextStatus.CANCELLED])
    last = shown.order_by("-pk").first()
    replied = (
        shown.filter(direction=Message.Direction.OUTBOUND, sent_by__isnull=False).order_by("-pk").first()
    )
    unanswered = shown.filter(direction=Message.Direction.INBOUND, hushed="")
    if replied is not None:
        unanswered = unanswered.filter(pk__gt=replied.pk)
    first = unanswered.order_by("pk").first()
    is_closed = conversation.status == Status.CLOSED or _was_closed(conversation, last)
    _update(
        conversation,
        last_at=last.created_at if last else conversation.last_at,
        last_body=line_of(last) or words_of(last)[:160] if last else "",
        last_direction=last.direction if last else "",
        last_failed=last is not None and last.status in NOT_DELIVERED,
        last_human=replied.sent_by if replied else None,
        waiting_since=first.created_at if first and not is_closed else None,
        status=Status.CLOSED if is_closed else conversation.status,
        changed_at=timezone.now(),
    )


def _was_closed(conversation: Conversation, last: Message | None) -> bool:
    """The last thing set here was closing it, after its last message."""
    entries = TimelineEntry.objects.for_org(conversation.org_id).filter(
        conversation=conversation, kind=TimelineEntry.Kind.STATUS
    )
    entry = entries.order_by("-at").first()
    return bool(entry and entry.text == CLOSED and (last is None or entry.at > last.created_at))


def record_inbound(
    *, conversation: Conversation, message: Message, waits: bool = True, reopens: bool = True, shown: str = ""
) -> None:
    """Puts a text of theirs on the row: unread for everyone, waiting for a reply unless it needs none, and reopened
    unless it is an automatic reply. `shown` stands in the list in place of its words."""
    reopened = {"status": Status.OPEN, "snoozed_until": None} if reopens else {}
    _update(
        conversation,
        **reopened,
        last_at=message.created_at,
        last_body=(shown or message.body)[:160],
        last_direction=Message.Direction.INBOUND,
        last_failed=False,
        waiting_since=conversation.waiting_since or (message.created_at if waits else None),
        changed_at=timezone.now(),
    )
    Conversation.objects.for_org(conversation.org_id).filter(pk=conversation.pk).update(
        inbound_count=F("inbound_count") + 1
    )


def close_quietly(*, conversation: Conversation) -> None:
    """A new conversation that nobody need look at: it begins closed."""
    _update(conversation, status=Status.CLOSED)


def _update(conversation: Conversation, **changes: Any) -> None:
    for field, value in changes.items():
        setattr(conversation, field, value)
    Conversation.objects.for_org(conversation.org_id).filter(pk=conversation.pk).update(**changes)


def readable_by(member: Membership) -> QuerySet[Conversation]:
    """Every conversation this member may read now."""
    rows = Conversation.objects.for_org(member.org_id)
    if member.is_admin:
        return rows
    standing = standing_of(member)
    people = [
        member.pk,
        *(delegation.absent_id for delegation in standing.delegations if delegation.all_senders),
    ]
    mine = Q(sender__in=readable_sender_ids(standing)) | Q(assignee__in=people)
    attributed = Q(campaign__isnull=False) & (Q(campaign__owner__in=people) | Q(contact__owner__in=people))
    attributed |= Q(program__isnull=False) & (Q(program__owner__in=people) | Q(contact__owner__in=people))
    return rows.filter(mine | attributed)


def may_answer(*, member: Membership, conversation: Conversation) -> bool:
    """Whoever reads it as part of a campaign's or program's audience may answer on its sender.

    Other readers need an assignment with `can_send`, which selection checks.
    """
    if not member.may_write:
        return False
    people = {member.pk, *(d.absent_id for d in standing_of(member).delegations if d.all_senders)}
    if conversation.campaign is None and conversation.program is None:
        return False
    owners = {conversation.contact.owner_id, conversation.assignee_id}
    owners.add(conversation.campaign.owner_id if conversation.campaign else None)
    owners.add(conversation.program.owner_id if conversation.program else None)
    return bool(people & owners)


def on_behalf_of(*, member: Membership, sender: SenderId) -> Membership | None:
    """The absent colleague whose sender this is, when the member speaks on it only as a stand-in."""
    standing = standing_of(member)
    if not standing.delegations:
        return None
    rows = Assignment.objects.for_org(member.org_id).filter(Assignment.live(), sender=sender)
    holders = set(rows.values_list("assignee_id", flat=True))
    if holders & set(standing.assignees):
        return None
    for delegation in standing.delegations:
        if holders & assignee_ids_of(delegation.absent):
            return delegation.absent
    return None


def with_unread(rows: QuerySet[Conversation], member: Membership | None) -> Any:
    """Adds `unread_count` of this member; without one, texts since the last answer that wait."""
    if member is None:
        return rows.annotate(unread_count=Coalesce(Subquery(_unanswered()), 0))
    read = ConversationRead.objects.for_org(member.org_id).filter(conversation=OuterRef("pk"), member=member)
    return rows.annotate(
        unread_count=Greatest(F("inbound_count") - Coalesce(Subquery(read.values("read_count")[:1]), 0), 0)
    )


def _unanswered() -> Any:
    """How many texts of theirs wait in the conversation outside; none when nothing waits."""
    texts = Message.unscoped.filter(
        org=OuterRef("org"),
        sender=OuterRef("sender"),
        contact=OuterRef("contact"),
        direction=Message.Direction.INBOUND,
        created_at__gte=OuterRef("waiting_since"),
    )
    return texts.order_by().values("contact").annotate(count=Count("pk")).values("count")


def mark_read(*, conversation: Conversation, member: Membership) -> None:
    """This member has read all there is."""
    count = (
        Conversation.objects.for_org(member.org_id)
        .values_list("inbound_count", flat=True)
        .get(pk=conversation.pk)
    )
    ConversationRead.objects.for_org(member.org_id).update_or_create(
        conversation=conversation, member=member, defaults={"read_count": count}
    )


@transaction.atomic
def assign_conversation(
    *,
    conversation: Conversation,
    to: Membership | None,
    by: Membership | None = None,
    why: str = "",
    must_reply: bool = True,
) -> str:
    """Assigns (or with None unassigns) a conversation; the new assignee is notified unless they did it themselves.

    422 `assignee_cannot_reply` for who may not send from its sender; with `must_reply` False the reason is noted in the
    thread and returned instead.
    """
    if conversation.assignee_id == (to.pk if to else None):
        return ""
    if to is not None and not to.is_active:
        raise DomainError("not_found", f"{to.name} is not active; choose someone else.", field="assignee")
    warning = why_cannot_reply(conversation=conversation, member=to) if to else ""
    if warning and must_reply:
        raise DomainError(
            "assignee_cannot_reply", f"{warning} Choose someone who can reply.", field="assignee"
        )
    _update(conversation, assignee=to)
    text = _assignment_in_words(to, by)
    is_turn, why = bool(why), " ".join(part for part in (why, warning) if part)
    note(
        conversation=conversation,
        kind=TimelineEntry.Kind.ASSIGNED,
        text=f"{text}{': ' + why if why else ''}",
        by=by,
    )
    tell_conversation(conversation)
    if to is not None and (by is None or by.pk != to.pk) and not is_turn:
        ids = {"conversation_id": conversation.pk, "member_id": to.pk, "by_id": by.pk if by else None}
        after_commit_in(conversation.org_id, lambda: conversation_assigned.send_robust(Conversation, **ids))
    return warning


def _assignment_in_words(to: Membership | None, by: Membership | None) -> str:
    """What `by` did; their name comes before it."""
    if to is None:
        return "unassigned this"
    if by is None:
        return f"Assigned to {to.name}"
    return "claimed this" if by.pk == to.pk else f"assigned this to {to.name}"


@transaction.atomic
def set_status(
    *,
    conversation: Conversation,
    status: str,
    by: Membership | None = None,
    snoozed_until: datetime | None = None,
) -> None:
    """Opens, closes, snoozes or sets pending; snoozing needs a time to come."""
    if status not in Status.values:
        raise unreadable("status", f"“{status}” is none of: {', '.join(Status.values)}.")
    if status == Status.SNOOZED and (snoozed_until is None or snoozed_until <= timezone.now()):
        raise unreadable("snoozed_until", "Say until when; a time to come.", "required")
    changes: dict[str, Any] = {
        "status": status,
        "snoozed_until": snoozed_until if status == Status.SNOOZED else None,
    }
    if status == Status.CLOSED:
        changes["waiting_since"] = None
    _update(conversation, **changes)
    note(conversation=conversation, kind=TimelineEntry.Kind.STATUS, text=f"set to {status}", by=by)
    tell_conversation(conversation)
    if status == Status.CLOSED:
        pk = conversation.pk
        after_commit_in(
            conversation.org_id,
            lambda: conversation_closed.send_robust(Conversation, conversation_id=pk),
        )


def set_tags(*, conversation: Conversation, tags: list[str]) -> None:
    """Replaces the tags."""
    _update(conversation, tags=tags)
    tell_conversation(conversation)


def note(
    *,
    conversation: Conversation,
    kind: str,
    text: str,
    by: Membership | None = None,
    client_ref: str = "",
) -> TimelineEntry:
    """A line in the thread besides the texts."""
    return TimelineEntry.objects.for_org(conversation.org_id).create(
        conversation=conversation, kind=kind, text=text[:2000], member=by, client_ref=client_ref
    )


def sweep() -> int:
    """Wakes snoozed conversations whose time has come."""
    due = Conversation.unscoped.filter(status=Status.SNOOZED, snoozed_until__lte=timezone.now())
    woken = 0
    for conversation in due.select_related("contact")[:200]:
        still = due.filter(pk=conversation.pk)  # it may have been closed meanwhile
        if still.update(status=Status.OPEN, snoozed_until=None, changed_at=timezone.now()):
            tell_conversation(conversation)
            woken += 1
    return woken


def thread_of(conversation: Conversation, *, before: UUID | None = None, most: int = 100) -> list[Message]:
    """The newest texts between this sender and contact, oldest first; campaign texts are among them."""
    rows = Message.objects.for_org(conversation.org_id).filter(
        sender_id=conversation.sender_id, contact_id=conversation.contact_id
    )
    if before is not None:
        rows = rows.filter(pk__lt=before)
    rows = rows.select_related("sent_by__user", "on_behalf_of__user", "campaign", "program")
    return list(rows.order_by("-pk")[:most])[::-1]


def attribute(*, conversation: Conversation, campaign: Any = None, program: Any = None) -> None:
    """Marks the conversation as an answer to a campaign or as a program's."""
    changes = {"campaign": campaign} if campaign is not None else {"program": program}
    _update(conversation, **changes)


register({"assignee_cannot_reply": "The member may not send from the conversation’s sender."})
