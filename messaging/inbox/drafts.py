"""Drafts: what a member typed and has not sent, kept on the server beside the copy in their browser.

A draft and the message it becomes share one `client_ref`. No words are dropped silently: when two tabs edit the same
draft, each keeps its own. Called by the composer's views; `submissions` deletes a draft when its message is sent.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils import timezone

from messaging.models import Conversation, Draft, Message, TimelineEntry
from senderid.models import SenderId
from tenants.errors import DomainError, register, unreadable
from tenants.models import Membership

MAX_PER_CONVERSATION = 50


@dataclass(frozen=True)
class Typed:
    """The contents of a composer. `edited` is when its tab changed it last, in milliseconds of that tab's clock."""

    client_ref: str
    mode: str = Draft.Mode.MESSAGE
    body: str = ""
    later: bool = False
    send_at: str = ""
    to: str = ""
    sender: SenderId | None = None
    tab: str = ""
    edited: int = 0
    revision: int = 0


@dataclass(frozen=True)
class Saved:
    """`state`: saved, empty, sent (this `client_ref` was used up), forked (another tab has changed it: a new ref)."""

    client_ref: str
    revision: int
    state: str
    sent_body: str = ""


def new_client_ref() -> str:
    """Names one intended message; the same name never sends twice."""
    return f"composer-{uuid4()}"


def lock_ref(member: Membership, client_ref: str) -> None:
    """Until the transaction ends, nobody else saves or sends this member's `client_ref`."""
    with connection.cursor() as cursor:
        key = f"{member.org_id}:{member.pk}:{client_ref}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])


def submitted(member: Membership, client_ref: str) -> Message | TimelineEntry | None:
    """The message or note this `client_ref` became, if any."""
    messages = Message.objects.for_org(member.org_id).filter(client_ref=client_ref, sent_by=member)
    notes = TimelineEntry.objects.for_org(member.org_id).filter(client_ref=client_ref, member=member)
    return messages.select_related("conversation").first() or notes.first()


@transaction.atomic
def save_draft(*, member: Membership, conversation: Conversation | None, typed: Typed) -> Saved:
    """Keeps what was typed. A save that arrives late changes nothing newer; a `client_ref` that was sent stays sent."""
    lock_ref(member, typed.client_ref)
    done = submitted(member, typed.client_ref)
    if done is not None:
        return Saved(typed.client_ref, 0, "sent", sent_body=body_of(done))
    existing = _rows(member).filter(client_ref=typed.client_ref).first()
    if existing is None:
        return _create(member, conversation, typed)
    if existing.tab == typed.tab and typed.edited <= existing.edited:
        return Saved(typed.client_ref, existing.revision, "saved")
    if _is_of_another_tab(existing, typed):
        return _fork(member, conversation, typed)
    return _update(existing, typed)


def body_of(done: Message | TimelineEntry) -> str:
    return done.body if isinstance(done, Message) else done.text


def drafts_of(*, member: Membership, conversation: Conversation | None) -> list[Draft]:
    """A member's drafts in a conversation, newest first; None: those of new messages."""
    rows = _rows(member).filter(conversation=conversation).exclude(body="")
    return list(rows.select_related("sender").order_by("-saved_at", "-pk")[:MAX_PER_CONVERSATION])


def newest_drafts(*, member: Membership, conversations: Iterable[UUID]) -> dict[UUID, Draft]:
    """{conversation: newest draft}, in one query."""
    rows = _rows(member).filter(conversation__in=list(conversations)).exclude(body="")
    return {row.conversation_id: row for row in rows.order_by("saved_at", "pk")}


def as_dict(draft: Draft) -> dict[str, Any]:
    """As the composer reads it."""
    return {
        "ref": draft.client_ref,
        "revision": draft.revision,
        "tab": draft.tab,
        "edited": draft.edited,
        "mode": draft.mode,
        "body": draft.body,
        "later": draft.later,
        "send_at": draft.send_at,
        "to": draft.to,
        "sender": str(draft.sender_id or ""),
        "saved_at": draft.saved_at.isoformat(),
    }


def finish(*, member: Membership, client_ref: str, body: str, revision: int, tab: str) -> None:
    """The draft became a message. Words another tab added meanwhile stay, as a draft under a name of its own."""
    row = _rows(member).filter(client_ref=client_ref).first()
    if row is None:
        return
    if row.body.strip() in ("", body.strip()) or row.tab == tab or row.revision == revision:
        row.delete()
        return
    row.client_ref, row.revision = new_client_ref(), 1
    row.save(update_fields=["client_ref", "revision"])


def _rows(member: Membership) -> Any:
    return Draft.objects.for_org(member.org_id).filter(member=member)


def _create(member: Membership, conversation: Conversation | None, typed: Typed) -> Saved:
    if not typed.body.strip():
        return Saved(typed.client_ref, 0, "empty")
    others = _rows(member).filter(conversation=conversation)
    others.filter(body="").delete()
    if others.count() >= MAX_PER_CONVERSATION:
        raise DomainError("too_many_drafts", "You have too many drafts here; send or discard one first.")
    _rows(member).create(
        member=member, conversation=conversation, client_ref=typed.client_ref, **_fields(typed)
    )
    return Saved(typed.client_ref, 1, "saved")


def _is_of_another_tab(existing: Draft, typed: Typed) -> bool:
    same = existing.tab == typed.tab or existing.revision == typed.revision
    return not same and existing.body.strip() not in ("", typed.body.strip())


def _fork(member: Membership, conversation: Conversation | None, typed: Typed) -> Saved:
    if not typed.body.strip():
        return Saved(new_client_ref(), 0, "forked")
    fresh = replace(typed, client_ref=new_client_ref(), revision=0)
    return Saved(fresh.client_ref, _create(member, conversation, fresh).revision, "forked")


def _update(existing: Draft, typed: Typed) -> Saved:
    """A draft that was emptied stays as an empty row, so that an older save which comes late can't fill it again."""
    for field, value in _fields(typed).items():
        setattr(existing, field, value)
    existing.revision += 1
    existing.save()
    return Saved(existing.client_ref, existing.revision, "saved" if existing.body else "empty")


def _fields(typed: Typed) -> dict[str, Any]:
    return {
        "tab": typed.tab[:40],
        "edited": typed.edited,
        "mode": typed.mode,
        "body": typed.body if typed.body.strip() else "",
        "later": typed.later,
        "send_at": typed.send_at[:32],
        "to": typed.to[:40],
        "sender": typed.sender,
        "saved_at": timezone.now(),
    }


def require_ref(client_ref: str) -> str:
    """400 without one: then a retry could not be told from a second message."""
    if not client_ref.strip():
        raise unreadable("client_ref", "This page is out of date; reload it and try again.", "required")
    return client_ref


register({"too_many_drafts": "A member keeps at most 50 drafts in a conversation."})
