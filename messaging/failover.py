"""A message that its sender couldn't send moves to the next eligible sender, and with it to another conversation.

The thread says so. A conversation that holds no message any more is merged into the new one and deleted; whoever still
asks for it is led on (`successor_of`). Called by `recording`; `opened` and the API ask for successors.
"""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from messaging import consent, conversations
from messaging.live_events import tell_conversation
from messaging.models import Conversation, ConversationRead, Message, TimelineEntry
from messaging.signals import human_replied
from messaging.statuses import Status
from senderid.board import Candidate, load_board
from senderid.eligibility import Ask, refusal_of
from senderid.models import SenderId
from senderid.selection import levels_of, ranked
from tenants.access import standing_of, standing_of_org
from tenants.models import ApiKey

CHOSEN_FREELY = ("member", "team", "profile", "organization")
MAX_QUOTED = 80
MOVED_FROM, MOVED_TO = "moved-from:", "moved-to:"


def try_next_sender(*, org_id: UUID, message_id: UUID) -> None:
    """Queues a failed message again from the next eligible sender, unless its sender was named or is the
    conversation's own."""
    message = (
        Message.objects.for_org(org_id)
        .select_for_update(of=("self",))
        .select_related("org", "sender", "sent_by", "contact")
        .get(pk=message_id)
    )
    if message.rule not in CHOSEN_FREELY or message.status != Status.FAILED:
        return
    tried = set(message.attempts.values_list("sender_value", flat=True))
    sender = _next_sender(message, tried)
    if sender is not None:
        _move(message, sender)


def successor_of(*, org_id: UUID, conversation_id: UUID | str) -> UUID | None:
    """The conversation that a deleted one was merged into, if any."""
    name = f"{MOVED_FROM}{conversation_id}"
    entries = TimelineEntry.objects.for_org(org_id).filter(member=None, client_ref=name)
    return entries.values_list("conversation_id", flat=True).first()


def message_moved_by(entry: TimelineEntry) -> UUID | None:
    """The message that left this entry's conversation, if it notes that."""
    return UUID(entry.client_ref.removeprefix(MOVED_TO)) if entry.client_ref.startswith(MOVED_TO) else None


def _next_sender(message: Message, tried: set[str]) -> SenderId | None:
    standing = standing_of(message.sent_by) if message.sent_by else standing_of_org(message.org)
    ask = Ask(
        org_id=message.org_id,
        country=message.country,
        standing=standing,
        opted_out=consent.opted_out(org=message.org, number=message.to),
        sandbox=_is_of_test_key(message),
    )
    board = load_board(ask)
    candidates: list[Candidate] = [c for _, level in levels_of(ask, board) for c in ranked(ask, level)]
    return next(
        (c.sender for c in candidates if c.sender.value not in tried and refusal_of(ask, board, c) is None),
        None,
    )


def _is_of_test_key(message: Message) -> bool:
    if message.api_key_id is None:
        return False
    return ApiKey.objects.for_org(message.org_id).filter(pk=message.api_key_id, sandbox=True).exists()


def _move(message: Message, sender: SenderId) -> None:
    refused, old_id = message.sender, message.conversation_id
    reason = f"{message.error_text.rstrip('.')} ({message.error_code})."
    message.status, message.due_at, message.final_at = Status.QUEUED, timezone.now(), None
    message.sender, message.from_value, message.account_id = sender, sender.value, sender.provider_account_id
    message.rule_text = f"{refused.display} couldn’t send it; {sender.display} was next. {reason}"[:200]
    message.error_code = message.error_text = ""
    if old_id is None:  # a campaign's message has no conversation before it is answered
        message.save()
        return
    old, new = _lock_both(message, old_id, sender)
    message.conversation = new
    message.save()
    conversations.record_outbound(conversation=new, message=message, human=message.sent_by)
    why = f"{refused.display} couldn’t send %s. {reason}"
    _leave(old, new, message, why)
    _announce(old, new, message)


def _lock_both(message: Message, old_id: UUID, sender: SenderId) -> tuple[Conversation, Conversation]:
    """The conversation the message leaves, and the one of the new sender, opened if need be. Always locked in the
    same order; once more when the new one was merged into another meanwhile."""
    while True:
        new = conversations.open_conversation(org=message.org, sender=sender, contact=message.contact)
        rows = Conversation.objects.for_org(message.org_id).select_for_update(of=("self",))
        rows = rows.filter(pk__in=[old_id, new.pk]).select_related("sender", "contact", "assignee")
        locked = {row.pk: row for row in rows.order_by("pk")}
        if new.pk in locked:
            return locked[old_id], locked[new.pk]


def _leave(old: Conversation, new: Conversation, message: Message, why: str) -> None:
    """Notes the move in both threads; merges the old conversation into the new one when nothing is left in it."""
    left = Message.objects.for_org(old.org_id).filter(sender=old.sender_id, contact=old.contact_id)
    switched = f"Switched to {new.sender.display}: {why % 'this message'}"
    if left.exists():
        _note(new, switched)
        quoted = message.body if len(message.body) <= MAX_QUOTED else f"{message.body[: MAX_QUOTED - 1]}…"
        moved = f"“{quoted}” moved to {new.sender.display}: {why % 'it'}"
        _note(old, moved, name=f"{MOVED_TO}{message.pk}")
        conversations.record_withdrawn(conversation=old)
    else:
        _merge(old, new)
        _note(new, switched, name=f"{MOVED_FROM}{old.pk}")


def _merge(old: Conversation, new: Conversation) -> None:
    """Everything that hangs on the old conversation (drafts, notes, notifications) goes to the new one."""
    of_old = TimelineEntry.objects.for_org(old.org_id).filter(conversation=old)
    of_old.filter(client_ref__startswith=MOVED_TO).delete()
    for relation in Conversation._meta.related_objects:
        model: Any = relation.related_model
        if model is not ConversationRead:
            name = relation.field.name
            model.objects.for_org(old.org_id).filter(**{name: old}).update(**{name: new})
    new.assignee = new.assignee or old.assignee
    new.tags = [*new.tags, *(tag for tag in old.tags if tag not in new.tags)]
    new.save(update_fields=["assignee", "tags"])
    tell_conversation(old)
    Conversation.objects.for_org(old.org_id).filter(pk=old.pk).delete()


def _note(conversation: Conversation, text: str, name: str = "") -> None:
    kind = TimelineEntry.Kind.SENDER
    conversations.note(conversation=conversation, kind=kind, text=text, client_ref=name)


def _announce(old: Conversation, new: Conversation, message: Message) -> None:
    tell_conversation(old)
    tell_conversation(new)
    if message.sent_by_id is not None:
        ids = {"conversation_id": new.pk, "member_id": message.sent_by_id}
        transaction.on_commit(lambda: human_replied.send_robust(Message, **ids))
