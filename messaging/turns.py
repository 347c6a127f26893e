"""Whose turn it is: senders with an interactive text first, then orgs in turn, and within an org sender by sender.

Which senders wait is read from the queue's index by skipping from sender to sender, and kept for a moment: the more
senders wait the longer, so that reading takes a twentieth of the time at most. The cost of a turn grows neither with
the senders nor with the texts that wait.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from django.db import connection

from messaging.throttle import Want, bucket_of

KEPT_AT_LEAST = 0.1
KEPT_TIMES_THE_COST = 20
# The senders that have a text queued, skipping along the index; {lane} is the part of the queue that is looked at.
QUEUED = """
WITH RECURSIVE waiting AS (
  (SELECT sender_id FROM messaging_message WHERE status = 'queued' {lane} ORDER BY sender_id LIMIT 1)
  UNION ALL
  SELECT (SELECT m.sender_id FROM messaging_message m
          WHERE m.status = 'queued' {lane} AND m.sender_id > w.sender_id ORDER BY m.sender_id LIMIT 1)
  FROM waiting w WHERE w.sender_id IS NOT NULL
)"""
# A sender is listed when a text of it is due in that part.
WAITING = (
    QUEUED
    + """
SELECT s.id, s.org_id, s.provider_account_id, s.mps, o.mps, a.mps
FROM waiting w JOIN senderid_senderid s ON s.id = w.sender_id
JOIN senderid_provideraccount a ON a.id = s.provider_account_id JOIN tenants_organization o ON o.id = s.org_id
WHERE (a.paused_until IS NULL OR a.paused_until <= now()) AND ({due})
"""
)
DUE = """COALESCE((SELECT m.due_at FROM messaging_message m WHERE m.status = 'queued' AND m.sender_id = w.sender_id
  AND m.lane = {lane} ORDER BY m.due_at LIMIT 1) <= now(), false)"""
INTERACTIVE = WAITING.format(lane="AND lane = 0", due=DUE.format(lane=0))
BULK = WAITING.format(lane="", due=DUE.format(lane=1))


@dataclass(frozen=True)
class Sender:
    """One that has something due; rates in segments a second, None is no limit."""

    pk: UUID
    org_id: UUID
    account_id: UUID
    mps: int
    org_mps: int | None
    account_mps: int | None

    @cached_property
    def bucket(self) -> str:
        return bucket_of("sender", self.pk)

    @cached_property
    def shares(self) -> tuple[tuple[str, float], ...]:
        """The limited buckets it draws on besides its own."""
        limits = (("org", self.org_id, self.org_mps), ("account", self.account_id, self.account_mps))
        return tuple((bucket_of(kind, pk), float(mps)) for kind, pk, mps in limits if mps)


@dataclass
class Ring:
    """The senders of one lane that wait, by org; read again when it is old or empty."""

    query: str
    by_org: dict[UUID, deque[Sender]] = field(default_factory=dict)
    good_until: float = 0.0

    def refresh(self) -> None:
        began = time.monotonic()
        if self.by_org and began < self.good_until:
            return
        self.by_org = {}
        with connection.cursor() as cursor:
            cursor.execute(self.query)
            for row in cursor.fetchall():
                self.by_org.setdefault(row[1], deque()).append(Sender(*row))
        now = time.monotonic()
        self.good_until = now + max(KEPT_AT_LEAST, KEPT_TIMES_THE_COST * (now - began))

    def next_of(self, org_id: UUID, most: int, may: Callable[[Sender], bool]) -> list[Sender]:
        """The next `most` senders of an org that may send; they go to the end of the line."""
        line = self.by_org.get(org_id, deque())
        found: list[Sender] = []
        for _ in range(len(line)):
            if len(found) == most:
                break
            sender = line.popleft()
            line.append(sender)
            if may(sender):
                found.append(sender)
        return found

    def to_the_end(self, orgs: list[UUID]) -> None:
        """The orgs that were served come last next time."""
        for org_id in orgs:
            if org_id in self.by_org:
                self.by_org[org_id] = self.by_org.pop(org_id)

    def drop(self, org_id: UUID, senders: set[UUID]) -> None:
        """These have nothing due any more, as far as is known."""
        line = deque(sender for sender in self.by_org.pop(org_id, ()) if sender.pk not in senders)
        if line:
            self.by_org[org_id] = line


@dataclass(frozen=True)
class Turn:
    """A sender and how many texts of a lane (0 interactive, 1 bulk) it may put into this batch."""

    sender: Sender
    lane: int
    most: int


class Turns:
    """Kept for the length of a drain: it remembers who had the last turn."""

    def __init__(self) -> None:
        self._rings = (Ring(INTERACTIVE), Ring(BULK))

    def next(self, most: int, may: Callable[[Sender], bool] = lambda _: True) -> list[Turn]:
        """The turns of a batch of `most` texts: each org gets an equal part, interactive texts before bulk ones."""
        for ring in self._rings:
            ring.refresh()
        orgs = list(dict.fromkeys(pk for ring in self._rings for pk in ring.by_org))
        served = orgs[:most]
        turns = [turn for org_id in served for turn in self._of_org(org_id, most // len(served), may)]
        for ring in self._rings:
            ring.to_the_end(served if len(orgs) > len(served) else served[:1])
        return turns

    def _of_org(self, org_id: UUID, part: int, may: Callable[[Sender], bool]) -> list[Turn]:
        turns: list[Turn] = []
        for lane, ring in enumerate(self._rings):
            senders = ring.next_of(org_id, part, may)
            share = max(1, part // len(senders)) if senders else 0
            turns += [Turn(sender, lane, share) for sender in senders]
        return turns

    def ran_dry(self, turns: Iterable[Turn]) -> None:
        """These senders had fewer texts than they might have sent: no more are due in that lane."""
        dry: dict[tuple[int, UUID], set[UUID]] = {}
        for turn in turns:
            dry.setdefault((turn.lane, turn.sender.org_id), set()).add(turn.sender.pk)
        for (lane, org_id), senders in dry.items():
            self._rings[lane].drop(org_id, senders)


def wants_of(turns: list[Turn]) -> dict[str, Want]:
    """What the senders ask of the throttle: both lanes together, in segments of short texts."""
    wants: dict[str, Want] = {}
    for turn in turns:
        known = wants.get(turn.sender.bucket)
        wanted = turn.most + (known.wanted if known else 0)
        wants[turn.sender.bucket] = Want(turn.sender.mps, wanted, turn.sender.shares)
    return wants
