"""How long the queue is and how old: per sender for people, per class of sender for the operator.

Counting reads the queue's own index; what is asked often looks only at senders whose first text is late.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Sum
from django.utils import timezone

from messaging.models import Message
from messaging.statuses import Status
from messaging.turns import QUEUED
from senderid.models import SenderId
from tenants.database import WEB
from tenants.kept import Kept

LATE_AFTER = timedelta(seconds=60)
# A sender's first due text is found by skipping from sender to sender. Late is one that waits for over a minute
# though its sender, at half its rate, would have had the time to come to it.
LATE = Kept(
    "late_senders",
    QUEUED.format(lane="")  # noqa: S608 - only our own words are put in
    + """, first AS (
  SELECT w.sender_id, least(
    (SELECT m.due_at FROM messaging_message m WHERE m.status = 'queued' AND m.sender_id = w.sender_id AND m.lane = 0
     ORDER BY m.due_at LIMIT 1),
    (SELECT m.due_at FROM messaging_message m WHERE m.status = 'queued' AND m.sender_id = w.sender_id AND m.lane = 1
     ORDER BY m.due_at LIMIT 1)) AS due_at
  FROM waiting w WHERE w.sender_id IS NOT NULL
)
SELECT extract(epoch FROM now() - f.due_at)::float8 AS age, f.due_at < %(since)s AND
  (SELECT count(*) FROM messaging_message m WHERE m.status = 'queued' AND m.sender_id = f.sender_id AND m.due_at <= now())
    < 0.5 * extract(epoch FROM now() - f.due_at) * least(s.mps, o.mps, a.mps) AS late
FROM first f JOIN senderid_senderid s ON s.id = f.sender_id JOIN tenants_organization o ON o.id = s.org_id
JOIN senderid_provideraccount a ON a.id = s.provider_account_id
WHERE f.due_at <= now() AND (a.paused_until IS NULL OR a.paused_until < %(since)s)
""",
    takes={"since": "timestamptz"},
    gives={"age": "float8", "late": "boolean"},
    across_orgs=[WEB],
)
DEPTHS = Kept(
    "queue_depths",
    """
SELECT s.kind, q.lane, sum(q.n)::int, extract(epoch FROM now() - min(q.first))::float8
FROM (SELECT sender_id, lane, count(*) AS n, min(due_at) AS first FROM messaging_message
      WHERE status = 'queued' GROUP BY sender_id, lane) q
JOIN senderid_senderid s ON s.id = q.sender_id GROUP BY s.kind, q.lane
""",
    takes={},
    gives={"kind": "varchar", "lane": "smallint", "texts": "integer", "age": "float8"},
    across_orgs=[WEB],
)
OPEN = Kept(
    "texts_unsettled",
    """
SELECT count(*) FILTER (WHERE status = 'sending'), count(*) FILTER (WHERE status = 'unknown')
FROM messaging_message WHERE status IN ('sending', 'unknown')
""",
    takes={},
    gives={"sending": "bigint", "unknown": "bigint"},
    across_orgs=[WEB],
)


@dataclass(frozen=True)
class Ages:
    """Seconds: of the oldest text that could have left, and of the oldest that should have (0.0: none)."""

    oldest_due: float
    oldest_late: float


def ages() -> Ages:
    """Of all orgs; texts of a paused account and those that wait for their sender's rate are not late."""
    since = timezone.now() - LATE_AFTER
    with connection.cursor() as cursor:
        rows = LATE.ask(cursor, {"since": since}).fetchall()
    return Ages(
        oldest_due=round(max((float(age) for age, _ in rows), default=0.0), 1),
        oldest_late=round(max((float(age) for age, late in rows if late), default=0.0), 1),
    )


def depths() -> list[tuple[str, int, int, float]]:
    """(kind of sender, lane, texts queued, age in seconds of the first; negative when none is due yet)."""
    with connection.cursor() as cursor:
        return list(DEPTHS.ask(cursor, {}).fetchall())


def unsettled() -> dict[str, int]:
    """How many texts are on their way or of unknown fate."""
    with connection.cursor() as cursor:
        sending, unknown = OPEN.ask(cursor, {}).fetchone()
    return {Status.SENDING.value: sending, Status.UNKNOWN.value: unknown}


@dataclass(frozen=True)
class Queue:
    """What waits for one sender."""

    texts: int
    segments: int
    mps: int

    @property
    def seconds(self) -> float:
        """Until a text that joins now would leave."""
        return self.segments / self.mps

    def through_at(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.seconds)


def queues_of(org: Any, senders: list[SenderId], *, lane: int = Message.BULK) -> dict[UUID, Queue]:
    """{sender: what goes before a new text of this lane}: interactive texts pass the bulk ones."""
    rows = Message.objects.for_org(org).filter(
        sender__in=senders, status=Status.QUEUED, due_at__lte=timezone.now(), lane__lte=lane
    )
    found = {
        pk: (n, segments)
        for pk, n, segments in rows.values_list("sender").annotate(Count("pk"), Sum("segments"))
    }
    return {sender.pk: Queue(*found.get(sender.pk, (0, 0)), sender.mps) for sender in senders}
