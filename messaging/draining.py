"""One drain of the queue: a claimer, the calls, a recorder, side by side in one event loop.

Claimer and recorder have a database connection each. What was claimed is always called and recorded before a drain
ends, unless the process is killed: then leases run out and `resolving` asks the carrier.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, close_old_connections, connection

from messaging import claiming, measures, recording
from messaging.carriers import LATE, Carriers, read_account, stopping
from messaging.claiming import Claimed
from messaging.failpoints import failpoint
from messaging.scheduled import promote_scheduled
from messaging.throttle import Throttle
from messaging.turns import Turns
from senderid.models import ProviderAccount
from senderid.providers.base import Answer

log = logging.getLogger(__name__)
RECORD_EVERY = 0.05  # answers of this long are recorded together
RECORD_AT_ONCE = 250
LOOK_EVERY = 0.05  # pause between claims that found nothing
PROMOTE_EVERY = 0.5
TRY_TO_RECORD_FOR = 30.0  # while the database is away
T = TypeVar("T")
_throttle = Throttle()


def stop(*_: object) -> None:
    """This process claims and calls nothing more; calls under way are recorded, then drains end. A signal handler."""
    stopping.set()


class Drain:
    """Runs once. Times in seconds."""

    def __init__(self, *, longest: float, idle: float) -> None:
        self._longest, self._idle = longest, idle
        self._carriers = Carriers(self._land)
        self._turns = Turns()
        self._finished: list[tuple[Claimed, Answer]] = []
        self._landed = asyncio.Event()
        self._under_way = 0
        self._handed_over = 0
        self._promoted_at = 0.0
        self._claims = ThreadPoolExecutor(1, thread_name_prefix="claim")
        self._records = ThreadPoolExecutor(1, thread_name_prefix="record")

    async def run(self) -> int:
        """How many texts were claimed and called."""
        recorder = asyncio.create_task(self._record_all())
        try:
            await self._claim_all(until=recorder.done)
        finally:
            self._claiming = False
            self._landed.set()
            await recorder
            await self._carriers.close()
            await self._in(self._records, partial(measures.flush, now=True))
            for threads in (self._claims, self._records):
                await self._in(threads, close_connection)
                threads.shutdown()
        return self._handed_over

    _claiming = True

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    # --- Claims -----------------------------------------------------------------------------------------

    async def _claim_all(self, *, until: Callable[[], bool]) -> None:
        ends = last_busy = time.monotonic()
        ends += self._longest
        while time.monotonic() < ends and not stopping.is_set() and not until():
            claimed = await self._in(self._claims, self._claim)
            if claimed:
                await self._push(claimed)
            elif not self._under_way and time.monotonic() - last_busy > self._idle:
                return
            if claimed or self._under_way:
                last_busy = time.monotonic()
            if len(claimed) < claiming.BATCH // 4:
                await asyncio.sleep(LOOK_EVERY)

    def _claim(self) -> list[Claimed]:
        close_old_connections()
        if time.monotonic() - self._promoted_at > PROMOTE_EVERY:
            promote_scheduled()
            self._promoted_at = time.monotonic()
        began = time.monotonic()
        batch = claiming.claim(_throttle, turns=self._turns, room=self._carriers.room)
        if batch:
            measures.observe("claim", time.monotonic() - began)
        failpoint("claimed")
        return batch

    async def _push(self, claimed: list[Claimed]) -> None:
        self._under_way += len(claimed)
        self._handed_over += len(claimed)
        by_account: dict[UUID, list[Claimed]] = {}
        for text in claimed:
            by_account.setdefault(text.account_id, []).append(text)
        for account_id, texts in by_account.items():
            if self._carriers.knows(account_id) or await self._open(account_id):
                self._carriers.push(account_id, texts)
            else:
                for text in texts:
                    self._land(text, LATE)

    async def _open(self, account_id: UUID) -> bool:
        """Whether the account could be read; what was claimed for it goes back unsent otherwise."""
        try:
            account: ProviderAccount = await self._in(self._claims, partial(read_account, account_id))
        except Exception:
            log.exception("account %s can't be read", account_id)
            return False
        self._carriers.add(account)
        return True

    # --- Records ----------------------------------------------------------------------------------------

    def _land(self, text: Claimed, answer: Answer) -> None:
        self._finished.append((text, answer))
        if len(self._finished) >= RECORD_AT_ONCE or len(self._finished) == self._under_way:
            self._landed.set()

    async def _record_all(self) -> None:
        while self._claiming or self._under_way:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._landed.wait(), RECORD_EVERY)
            self._landed.clear()
            self._carriers.call_more()
            done, self._finished = self._finished, []
            if done:
                await self._in(self._records, partial(self._record, done))
                self._under_way -= len(done)

    def _record(self, done: list[tuple[Claimed, Answer]]) -> None:
        """Repeats while the database is away: repeating is harmless, each write compares first."""
        ends = time.monotonic() + TRY_TO_RECORD_FOR
        while True:
            close_old_connections()
            began = time.monotonic()
            try:
                recording.record(done)
                self._measure(done, time.monotonic() - began)
                return
            except (OperationalError, InterfaceError):
                if time.monotonic() > ends:
                    log.exception("%s answers were not recorded; the carrier will be asked", len(done))
                    return
                time.sleep(0.5)  # in the recorder's own thread; the calls go on

    def _measure(self, done: list[tuple[Claimed, Answer]], seconds: float) -> None:
        measures.observe("record", seconds)
        for outcome, n in Counter(answer.outcome for _, answer in done).items():
            measures.count("attempts", outcome, n)
        measures.flush()


def close_connection() -> None:
    """This thread's own: `connection` means another one in each thread."""
    connection.close()
