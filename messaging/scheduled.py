"""Scheduled messages whose time has come join the queue; only now their conversations show them as sent.

Called by the drain and the dispatcher's sweep, over all orgs; `claiming` takes them from the queue.
"""

from django.db import connection, transaction

from messaging.live_events import tell_conversation
from messaging.models import Conversation, Message
from messaging.signals import human_replied
from tenants.scoping import after_commit_in

# One statement, so that a crash can't leave a message queued that its conversation does not show.
PROMOTE = """
WITH moved AS (
  UPDATE messaging_message SET status = 'queued'
  WHERE id = ANY(ARRAY(SELECT id FROM messaging_message WHERE status = 'scheduled' AND due_at <= now()
    ORDER BY due_at LIMIT 2000 FOR UPDATE SKIP LOCKED))
  RETURNING org_id, conversation_id, id, sent_by_id, body
), newest AS (
  SELECT DISTINCT ON (conversation_id) * FROM moved WHERE conversation_id IS NOT NULL
  ORDER BY conversation_id, sent_by_id IS NULL, id DESC
), shown AS (
  UPDATE messaging_conversation c SET last_at = now(), last_body = left(n.body, 160), last_direction = 'outbound',
    last_failed = false, changed_at = now(), last_human_id = COALESCE(n.sent_by_id, c.last_human_id),
    waiting_since = CASE WHEN n.sent_by_id IS NULL THEN c.waiting_since END,
    status = CASE WHEN n.sent_by_id IS NOT NULL AND c.status = 'closed' THEN 'open' ELSE c.status END
  FROM newest n WHERE c.org_id = n.org_id AND c.id = n.conversation_id
  RETURNING c.id, n.sent_by_id
)
SELECT (SELECT count(*) FROM moved), shown.id, shown.sent_by_id FROM (SELECT 1) one LEFT JOIN shown ON true
"""


def promote_scheduled() -> int:
    """How many joined the queue."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(PROMOTE)
        found = cursor.fetchall()
        replied = {conversation: member for _, conversation, member in found if conversation and member}
        for conversation in Conversation.unscoped.filter(pk__in=replied).select_related("contact"):
            tell_conversation(conversation)
            _tell_of_reply(conversation, replied[conversation.pk])
    return int(found[0][0])


def _tell_of_reply(conversation: Conversation, member_id: object) -> None:
    ids = {"conversation_id": conversation.pk, "member_id": member_id}
    after_commit_in(conversation.org_id, lambda: human_replied.send_robust(Message, **ids))
