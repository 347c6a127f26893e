"""Claiming texts: which rows leave now. One transaction: pick, re-check, write the attempts, state `sending`.

The intent is durable before a byte leaves. Runs as the owner of the tables and names each row's org itself.
"""

import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from messaging.throttle import Throttle

BATCH = 500

# Skips from sender to sender along the queue's index: the cost grows with senders that wait, not with texts.
SENDERS_WAITING = """
WITH RECURSIVE waiting AS (
  (SELECT sender_id FROM messaging_message WHERE status = 'queued' ORDER BY sender_id LIMIT 1)
  UNION ALL
  SELECT (SELECT m.sender_id FROM messaging_message m
          WHERE m.status = 'queued' AND m.sender_id > w.sender_id ORDER BY m.sender_id LIMIT 1)
  FROM waiting w WHERE w.sender_id IS NOT NULL
)
SELECT s.id, s.org_id, s.mps FROM waiting w JOIN senderid_senderid s ON s.id = w.sender_id
JOIN senderid_provideraccount a ON a.id = s.provider_account_id
WHERE a.paused_until IS NULL OR a.paused_until <= now()
"""
PICK = """
SELECT picked.id, a.sender_id, picked.segments
FROM unnest(%s::uuid[], %s::int[]) AS a(sender_id, n)
CROSS JOIN LATERAL (
  SELECT m.id, m.segments FROM messaging_message m
  WHERE m.status = 'queued' AND m.sender_id = a.sender_id AND m.due_at <= now()
  ORDER BY m.lane, m.due_at, m.id LIMIT a.n FOR UPDATE SKIP LOCKED
) picked
"""
# What became true since the text was queued. Each sets a final state, or puts the row off.
EXPIRE = """
UPDATE messaging_message SET status = 'expired', error_code = 'expired', final_at = now(),
  error_text = 'It could not be handed over within its validity.'
WHERE id = ANY(%s) AND expires_at <= now() RETURNING id
"""
BLOCK_OPTED_OUT = """
UPDATE messaging_message m SET status = 'blocked', error_code = 'opted_out', final_at = now(),
  error_text = 'The recipient opted out before it left.'
WHERE m.id = ANY(%s) AND m.status = 'queued' AND m.origin <> 'compliance' AND EXISTS (
  SELECT FROM messaging_optout o WHERE o.org_id = m.org_id AND o.number = m.to AND (
    o.scope = 'org' OR (o.scope = 'sender' AND o.sender_id = m.sender_id)
    OR (o.scope = 'program' AND o.program_id = m.program_id))
) RETURNING m.id
"""
BLOCK_INACTIVE = """
UPDATE messaging_message m SET status = 'blocked', error_code = 'sender_not_active', final_at = now(),
  error_text = 'The sender was suspended or retired before it left.'
FROM senderid_senderid s
WHERE m.id = ANY(%s) AND m.status = 'queued' AND s.id = m.sender_id AND s.status <> 'active' RETURNING m.id
"""
CANCEL_WITH_CAMPAIGN = """
UPDATE messaging_message m SET status = 'cancelled', final_at = now() FROM messaging_campaign c
WHERE m.id = ANY(%s) AND m.status = 'queued' AND m.origin = 'campaign' AND c.id = m.campaign_id
  AND c.status = 'cancelled' RETURNING m.id
"""
WAIT_WITH_CAMPAIGN = """
UPDATE messaging_message m SET due_at = '9999-01-01T00:00:00Z' FROM messaging_campaign c
WHERE m.id = ANY(%s) AND m.status = 'queued' AND m.origin = 'campaign' AND c.id = m.campaign_id
  AND c.status = 'paused' RETURNING m.id
"""
# Of identical texts to one number in the same batch, one leaves now.
PUT_OFF_COPIES = """
UPDATE messaging_message m SET due_at = now() + interval '2 seconds'
FROM (SELECT q.id, row_number() OVER (PARTITION BY q.account_id, q.to, q.from_value, q.body ORDER BY q.id) AS place
      FROM messaging_message q WHERE q.id = ANY(%s) AND q.status = 'queued') t
WHERE m.id = t.id AND t.place > 1 RETURNING m.id
"""
# While the fate of an identical text to the same number is unknown, this one waits: a look-up could not tell them apart.
PUT_OFF_TWINS = """
UPDATE messaging_message m SET due_at = now() + interval '3 seconds'
WHERE m.id = ANY(%s) AND m.status = 'queued' AND EXISTS (
  SELECT FROM messaging_message u WHERE u.status IN ('sending', 'unknown') AND u.account_id = m.account_id AND u.to = m.to
    AND u.from_value = m.from_value AND u.body = m.body AND u.id <> m.id
) RETURNING m.id
"""
RECHECKS = (
    EXPIRE,
    CANCEL_WITH_CAMPAIGN,
    WAIT_WITH_CAMPAIGN,
    BLOCK_OPTED_OUT,
    BLOCK_INACTIVE,
    PUT_OFF_TWINS,
    PUT_OFF_COPIES,
)
CLAIM = """
UPDATE messaging_message m SET status = 'sending', attempt_no = m.attempt_no + 1, lease_until = now() + %s
WHERE m.id = ANY(%s) AND m.status = 'queued'
RETURNING m.id, m.org_id, m.account_id, m.to, m.from_value, m.body, m.attempt_no, m.expires_at
"""
RECORD_ATTEMPTS = """
INSERT INTO messaging_attempt (id, org_id, message_id, no, sender_value, started_at, outcome, code, provider_sid, looked_up)
SELECT a.id, a.org_id, a.message_id, a.no, a.sender_value, now(), '', '', '', 0
FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::int[], %s::text[]) AS a(id, org_id, message_id, no, sender_value)
"""
PROMOTE = """
UPDATE messaging_message SET status = 'queued'
WHERE id = ANY(ARRAY(SELECT id FROM messaging_message WHERE status = 'scheduled' AND due_at <= now()
  ORDER BY due_at LIMIT 2000 FOR UPDATE SKIP LOCKED))
"""


@dataclass(frozen=True)
class Claimed:
    """A text in flight: its attempt is written, its lease runs."""

    attempt_id: uuid.UUID
    # Of time.monotonic(): a call that begins later could outlive the lease.
    call_before: float
    message_id: uuid.UUID
    org_id: uuid.UUID
    account_id: uuid.UUID
    to: str
    sender: str
    body: str
    no: int
    expires_at: datetime


def promote_scheduled() -> int:
    """Scheduled texts whose time has come join the queue."""
    with connection.cursor() as cursor:
        cursor.execute(PROMOTE)
        return int(cursor.rowcount)


def claim(throttle: Throttle, most: int = BATCH) -> list[Claimed]:
    """At most `most` texts of all senders that may send now; empty when nothing may leave."""
    with connection.cursor() as cursor:
        cursor.execute(SENDERS_WAITING)
        waiting = cursor.fetchall()
    if not waiting:
        return []
    wants = _shares(waiting, most)
    granted = throttle.take(wants)
    allowed = {key: n for key, n in granted.items() if n > 0}
    if not allowed:
        return []
    used: dict[str, float] = dict.fromkeys(allowed, 0.0)
    try:
        with transaction.atomic():
            return _claim(allowed, used)
    finally:
        throttle.give_back({key: allowed[key] - used[key] for key in allowed})


def _shares(waiting: list[tuple[Any, ...]], most: int) -> dict[str, tuple[float, int]]:
    """Orgs share a batch equally, and so do the senders of an org."""
    by_org: dict[Any, list[tuple[Any, int]]] = {}
    for sender_id, org_id, mps in waiting:
        by_org.setdefault(org_id, []).append((sender_id, mps))
    wants: dict[str, tuple[float, int]] = {}
    for senders in by_org.values():
        share = max(1, most // len(by_org) // len(senders))
        for sender_id, mps in senders:
            wants[_key(sender_id)] = (mps, share)
    return wants


def _key(sender_id: Any) -> str:
    return f"bucket:{sender_id}"


def _claim(allowed: dict[str, int], used: dict[str, float]) -> list[Claimed]:
    ids = [key.removeprefix("bucket:") for key in allowed]
    with connection.cursor() as cursor:
        cursor.execute(PICK, [ids, list(allowed.values())])
        chosen = _within(cursor.fetchall(), allowed)
        if not chosen:
            return []
        leaving = _recheck(cursor, list(chosen))
        cursor.execute(CLAIM, [_lease(), leaving])
        call_before = time.monotonic() + settings.LEASE_SECONDS - settings.SEND_TOTAL_SECONDS - 2
        rows = [Claimed(uuid.uuid4(), call_before, *row) for row in cursor.fetchall()]
        cursor.execute(
            RECORD_ATTEMPTS,
            [
                [row.attempt_id for row in rows],
                [row.org_id for row in rows],
                [row.message_id for row in rows],
                [row.no for row in rows],
                [row.sender for row in rows],
            ],
        )
    for row in rows:
        sender_id, segments = chosen[row.message_id]
        used[_key(sender_id)] += segments
    return rows


def _within(picked: list[tuple[Any, ...]], allowed: dict[str, int]) -> dict[Any, tuple[Any, int]]:
    """As many of each sender as its allowance in segments carries; the first always, in debt if need be."""
    chosen: dict[Any, tuple[Any, int]] = {}
    left = dict(allowed)
    for message_id, sender_id, segments in picked:
        key = _key(sender_id)
        if left[key] > 0:
            chosen[message_id] = (sender_id, segments)
            left[key] -= segments
    return chosen


def _recheck(cursor: Any, ids: list[Any]) -> list[Any]:
    gone: set[Any] = set()
    for statement in RECHECKS:
        cursor.execute(statement, [ids])
        gone |= {row[0] for row in cursor.fetchall()}
    return [message_id for message_id in ids if message_id not in gone]


def _lease() -> Any:
    return timedelta(seconds=settings.LEASE_SECONDS)
