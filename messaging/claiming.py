"""Claiming texts: which rows leave now. One transaction: pick, re-check, write the attempts, state `sending`.

The intent is durable before a byte leaves. Runs as the owner of the tables and names each row's org itself.
"""

import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from messaging.throttle import Throttle
from messaging.turns import Sender, Turn, Turns, wants_of
from senderid.eligibility import MAY_HAVE_OPTED_OUT

BATCH = 500

# Ids first, the rest by `= ANY` after: with a LIMIT that varies by row the planner expects a tenth of the queue.
PICK = """
SELECT picked.id::text, a.turn
FROM unnest(%s::uuid[], %s::smallint[], %s::int[]) WITH ORDINALITY AS a(sender_id, lane, n, turn)
CROSS JOIN LATERAL (
  SELECT m.id FROM messaging_message m
  WHERE m.status = 'queued' AND m.sender_id = a.sender_id AND m.lane = a.lane AND m.due_at <= now()
  ORDER BY m.due_at, m.id LIMIT a.n FOR UPDATE SKIP LOCKED
) picked
"""
# What became true since the text was queued stands in `held`; while the fate of an identical text to the same number
# is unknown, this one waits: a look-up could not tell them apart.
LOOK = """
SELECT m.id::text, m.account_id::text, m.to, m.from_value, m.body, m.attempt_no + 1,
  EXTRACT(EPOCH FROM m.expires_at)::float8, m.segments,
  CASE
    WHEN m.expires_at <= now() THEN 'expired'
    WHEN m.origin = 'campaign' AND c.status = 'cancelled' THEN 'cancelled'
    WHEN m.origin = 'campaign' AND c.status = 'paused' THEN 'paused'
    WHEN m.origin <> 'compliance' AND EXISTS (
      SELECT FROM messaging_optout o WHERE o.org_id = m.org_id AND o.number = m.to AND (
        o.scope = 'org' OR (o.scope = 'sender' AND o.sender_id = m.sender_id)
        OR (o.scope = 'program' AND o.program_id = m.program_id))) THEN 'opted_out'
    WHEN (c.category = 'promotional' OR (m.origin = 'program' AND m.lane = 1)) AND EXISTS (
      SELECT FROM messaging_possibleoptout w
      WHERE w.org_id = m.org_id AND w.number = m.to AND w.decided_at IS NULL) THEN 'possible_opt_out'
    WHEN s.status <> 'active' THEN 'sender_not_active'
    WHEN EXISTS (
      SELECT FROM messaging_message u WHERE u.status IN ('sending', 'unknown') AND u.account_id = m.account_id
        AND u.to = m.to AND u.from_value = m.from_value AND u.body = m.body) THEN 'twin'
  END AS held
FROM messaging_message m JOIN senderid_senderid s ON s.id = m.sender_id
LEFT JOIN messaging_campaign c ON c.id = m.campaign_id
WHERE m.id = ANY(%s::uuid[])
"""
END = """
UPDATE messaging_message m SET status = %s, error_code = %s, error_text = %s, final_at = now() WHERE m.id = ANY(%s::uuid[])
"""
PUT_OFF = """
UPDATE messaging_message m SET due_at = %s::timestamptz + %s WHERE m.id = ANY(%s::uuid[])
"""
CLAIM = """
WITH leaving AS (
  UPDATE messaging_message m SET status = 'sending', attempt_no = m.attempt_no + 1, lease_until = now() + %s
  FROM unnest(%s::uuid[], %s::uuid[]) AS v(id, attempt_id) WHERE m.id = v.id
  RETURNING v.attempt_id, m.org_id, m.id, m.attempt_no, m.from_value
)
INSERT INTO messaging_attempt (id, org_id, message_id, no, sender_value, started_at, outcome, code, provider_sid, looked_up)
SELECT attempt_id, org_id, id, attempt_no, from_value, now(), '', '', '', 0 FROM leaving
"""
# {held: (state, code, words)} of those that end here.
ENDS = {
    "expired": ("expired", "expired", "It could not be handed over within its validity."),
    "cancelled": ("cancelled", "", ""),
    "opted_out": ("blocked", "opted_out", "The recipient opted out before it left."),
    "possible_opt_out": ("blocked", "possible_opt_out", MAY_HAVE_OPTED_OUT),
    "sender_not_active": (
        "blocked",
        "sender_not_active",
        "The sender was suspended or retired before it left.",
    ),
}
# {held: (from when, how much later)} of those that are put off; a paused campaign's until it goes on.
PUTS_OFF = {
    "paused": ("9999-01-01T00:00:00Z", timedelta(0)),
    "twin": ("now", timedelta(seconds=3)),
    "copy": ("now", timedelta(seconds=2)),
}


@dataclass(frozen=True, slots=True)
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
    expires_at: float  # of time.time()
    sender_id: uuid.UUID


def claim(
    throttle: Throttle,
    most: int = BATCH,
    turns: Turns | None = None,
    room: Callable[[uuid.UUID], int] = lambda _: BATCH,
) -> list[Claimed]:
    """At most `most` texts of all senders that may send now, of each account at most its `room`."""
    turns = turns or Turns()
    asked = _with_room(turns.next(most, lambda sender: not throttle.rests(sender.bucket)), room)
    granted = throttle.take(wants_of(asked))
    allowed = [turn for turn in asked if granted[turn.sender.bucket] > 0]
    if not allowed:
        return []
    used: Counter[uuid.UUID] = Counter()
    try:
        with transaction.atomic():
            return _claim(allowed, granted, used, turns)
    finally:
        throttle.give_back(_unused(asked, granted, used))


def _with_room(turns: list[Turn], room: Callable[[uuid.UUID], int]) -> list[Turn]:
    left: dict[uuid.UUID, int] = {}
    kept = []
    for turn in turns:
        account = turn.sender.account_id
        left.setdefault(account, room(account))
        most = min(turn.most, left[account])
        if most > 0:
            left[account] -= most
            kept.append(Turn(turn.sender, turn.lane, most))
    return kept


def _unused(turns: list[Turn], granted: dict[str, int], used: Counter[uuid.UUID]) -> dict[str, float]:
    """{bucket: segments granted and not used}; negative is debt."""
    left: dict[str, float] = defaultdict(float)
    for sender in {turn.sender for turn in turns}:
        unused = granted[sender.bucket] - used[sender.pk]
        for bucket in (sender.bucket, *(name for name, _ in sender.shares)):
            left[bucket] += unused
    return left


def _claim(
    allowed: list[Turn], granted: dict[str, int], used: Counter[uuid.UUID], turns: Turns
) -> list[Claimed]:
    asked = [min(turn.most, granted[turn.sender.bucket]) for turn in allowed]
    with connection.cursor() as cursor:
        cursor.execute(PICK, [[str(t.sender.pk) for t in allowed], [t.lane for t in allowed], asked])
        picked = {message_id: allowed[place - 1] for message_id, place in cursor.fetchall()}
        had = Counter(map(id, picked.values()))
        turns.ran_dry(turn for turn, n in zip(allowed, asked, strict=True) if had[id(turn)] < n)
        if not picked:
            return []
        cursor.execute(LOOK, [list(picked)])
        places = {message_id: place for place, message_id in enumerate(picked)}
        looked = sorted(cursor.fetchall(), key=lambda row: (picked[row[0]].lane, places[row[0]]))
        leaving = [(picked[row[0]].sender, row) for row in _fit(cursor, looked)]
        return _write(cursor, _within(leaving, granted, used))


def _fit(cursor: Any, looked: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Those that may leave; the others get a final state or are put off."""
    held: dict[str, list[str]] = defaultdict(list)
    fit, seen = [], set()
    for row in looked:
        account_id, to, sender, body = row[1:5]
        reason = row[-1] or ("copy" if (account_id, to, sender, body) in seen else "")
        if reason:
            held[reason].append(row[0])
        else:
            seen.add((account_id, to, sender, body))
            fit.append(row)
    for reason, ids in held.items():
        if reason in ENDS:
            cursor.execute(END, [*ENDS[reason], ids])
        else:
            cursor.execute(PUT_OFF, [*PUTS_OFF[reason], ids])
    return fit


def _within(
    rows: list[tuple[Sender, tuple[Any, ...]]], granted: dict[str, int], used: Counter[uuid.UUID]
) -> list[tuple[Sender, tuple[Any, ...]]]:
    """As many of each sender as its allowance in segments carries; the first always, in debt if need be."""
    leaving = []
    for sender, row in rows:
        if used[sender.pk] < granted[sender.bucket]:
            used[sender.pk] += row[7]
            leaving.append((sender, row))
    return leaving


def _write(cursor: Any, leaving: list[tuple[Sender, tuple[Any, ...]]]) -> list[Claimed]:
    call_before = time.monotonic() + settings.LEASE_SECONDS - settings.SEND_TOTAL_SECONDS - 2
    accounts = {row[1]: uuid.UUID(row[1]) for _, row in leaving}
    rows = [
        Claimed(
            attempt_id=uuid.uuid4(),
            call_before=call_before,
            message_id=uuid.UUID(message_id),
            org_id=sender.org_id,
            account_id=accounts[account_id],
            to=to,
            sender=value,
            body=body,
            no=no,
            expires_at=expires_at,
            sender_id=sender.pk,
        )
        for sender, (message_id, account_id, to, value, body, no, expires_at, _, _) in leaving
    ]
    lease = timedelta(seconds=settings.LEASE_SECONDS)
    cursor.execute(CLAIM, [lease, [row[0] for _, row in leaving], [str(row.attempt_id) for row in rows]])
    return rows
