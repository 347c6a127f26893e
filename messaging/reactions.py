"""Reactions: a tapback that quotes a message of the thread is shown on it, and is no text that waits for a reply.

`receiving` asks `target_of` before anything else reads the words; threads and the API show what `reactions_on` finds.
"""

from collections.abc import Iterable
from uuid import UUID

from messaging.models import Conversation, Message, Reaction
from messaging.tapbacks import Tapback

LOOKED_AT = 100
QUOTED = 80
HUSHED = "Reaction: nobody is notified"


def target_of(*, conversation: Conversation, tapback: Tapback) -> Message | None:
    """The newest message between the two that the tapback quotes, ours before theirs. One query."""
    if not tapback.quote:
        return None
    rows = Message.objects.for_org(conversation.org_id).filter(
        sender=conversation.sender_id, contact=conversation.contact_id, reaction__isnull=True
    )
    quoted = [row for row in rows.order_by("-pk")[:LOOKED_AT] if tapback.quotes(row.body)]
    ours = (row for row in quoted if not row.is_inbound)
    return next(ours, None) or next(iter(quoted), None)


def record(*, message: Message, target: Message, tapback: Tapback) -> Reaction:
    """Keeps the reaction of a text that is written already."""
    return Reaction.objects.for_org(message.org_id).create(
        message=message, target=target, emoji=tapback.emoji[:32], is_removed=tapback.is_removed
    )


def in_words(reaction: Reaction, who: str) -> str:
    """Who reacted, with what, to what: as a list shows it."""
    body = reaction.target.body
    quote = body if len(body) <= QUOTED else f"{body[: QUOTED - 1]}…"
    if reaction.is_removed:
        return f"{who} removed {reaction.emoji} from “{quote}”"
    return f"{who} reacted {reaction.emoji} to “{quote}”"


def line_of(message: Message) -> str:
    """What a list of conversations shows of a message."""
    reaction = None
    if message.is_inbound:
        rows = Reaction.objects.for_org(message.org_id).filter(message=message)
        reaction = rows.select_related("target").first()
    return (in_words(reaction, str(message.contact)) if reaction else message.body)[:160]


def given_by(messages: Iterable[Message]) -> dict[UUID, Reaction]:
    """{id of an inbound message: the reaction that it is}, with targets. One query."""
    rows = [row for row in messages if row.is_inbound]
    if not rows:
        return {}
    found = Reaction.objects.for_org(rows[0].org_id).filter(message__in=[row.pk for row in rows])
    return {row.message_id: row for row in found.select_related("target")}


def reactions_on(messages: Iterable[Message]) -> dict[UUID, Reaction]:
    """{id of a message: the contact's reaction to it}; none where it was removed. One query."""
    rows = list(messages)
    if not rows:
        return {}
    found = Reaction.objects.for_org(rows[0].org_id).filter(target__in=[row.pk for row in rows])
    newest = {row.target_id: row for row in found.order_by("message_id")}
    return {target: row for target, row in newest.items() if not row.is_removed}
