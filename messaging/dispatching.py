"""From the queue to the carrier: claim a batch, call with many in flight, record in bulk; the next claim meanwhile.

A worker runs `dispatch` when hinted. The dispatcher process runs `sweep` every second: it hints, and when due rows
have not moved for 3 s (no broker, no worker) it does the work itself.
"""

import asyncio
import fcntl
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone

from messaging import claiming, recording
from messaging.claiming import Claimed
from messaging.failpoints import failpoint
from messaging.models import Message
from messaging.statuses import Status
from messaging.throttle import Throttle
from senderid.models import ProviderAccount
from senderid.providers.base import Answer, Credentials, Outcome, Outgoing
from senderid.providers.twilio import TwilioCarrier, announce_account
from tenants import hints

log = logging.getLogger(__name__)
RECORD_EVERY = 0.05  # answers of this long are recorded together
IDLE_SECONDS = 0.4  # a drain waits this long for more before it ends
LONGEST_DRAIN = 60.0
STUCK_AFTER = 3.0
_throttle = Throttle()
_progress: dict[str, Any] = {"mark": None, "since": 0.0}


@shared_task
def dispatch() -> int:
    """Sends what is due; returns how many texts were handed over. One drain per machine at a time, so that a long
    campaign leaves the other processes of this worker to inbound texts and mails."""
    with _only_one() as mine:
        return drain() if mine else 0


@contextmanager
def _only_one() -> Iterator[bool]:
    """Whether this process is the machine's only drain; a lock of the system's, so a killed process holds none."""
    name = hashlib.sha256(str(settings.DATA_DIR).encode()).hexdigest()[:12]
    with (Path(tempfile.gettempdir()) / f"callsign-drain-{os.getuid()}-{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def drain(longest: float = LONGEST_DRAIN) -> int:
    """The same without Celery; ends when nothing may leave for IDLE_SECONDS."""
    return asyncio.run(_drain(longest))


async def _drain(longest: float) -> int:
    loop = asyncio.get_running_loop()
    database = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dispatch-db")
    carriers = Carriers()
    ends, idle_since, sent = time.monotonic() + longest, time.monotonic(), 0
    flying: set[asyncio.Task[None]] = set()
    finished: list[tuple[Claimed, Answer]] = []
    gate = asyncio.Semaphore(settings.SEND_IN_FLIGHT)
    try:
        while time.monotonic() < ends or flying:
            batch: list[Claimed] = []
            if len(flying) <= claiming.BATCH // 2 and time.monotonic() < ends:
                batch = await loop.run_in_executor(database, _claim)
            for text in batch:
                if await carriers.open(text.account_id, loop, database):
                    flying.add(asyncio.create_task(_call(carriers, text, gate, finished)))
                else:
                    finished.append((text, UNUSABLE))
            sent += len(batch)
            if flying:
                _, flying = await asyncio.wait(flying, timeout=RECORD_EVERY)
            if finished:
                done, finished[:] = list(finished), []
                await loop.run_in_executor(database, recording.record, done)
            if batch or flying or finished:
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > IDLE_SECONDS:
                break
            else:
                await asyncio.sleep(0.1)
        return sent
    finally:
        await carriers.close()
        await loop.run_in_executor(database, lambda: connection.close())
        database.shutdown()


UNUSABLE = Answer(
    Outcome.PAUSE_ACCOUNT,
    code="credentials",
    text="The provider account’s credentials can’t be used; an admin must renew them.",
)


def _claim() -> list[Claimed]:
    close_old_connections()
    claiming.promote_scheduled()
    batch = claiming.claim(_throttle)
    failpoint("claimed")
    return batch


async def _call(
    carriers: "Carriers", text: Claimed, gate: asyncio.Semaphore, finished: list[tuple[Claimed, Answer]]
) -> None:
    async with gate:
        if time.monotonic() > text.call_before:
            # Its lease may run out during the call; then someone else could send it too. It goes back unsent.
            finished.append(
                (text, Answer(Outcome.RETRY, code="waited_too_long", text="It waited for its turn."))
            )
            return
        carrier, account_key = carriers[text.account_id]
        validity = int((text.expires_at - timezone.now()).total_seconds())
        failpoint("calling")
        answer = await carrier.send(
            Outgoing(
                to=text.to,
                sender=text.sender,
                body=text.body,
                status_callback=(
                    f"{settings.PUBLIC_BASE_URL}/webhooks/twilio/{account_key}/status/{text.attempt_id}"
                ),
                validity=validity,
            )
        )
        failpoint("answered")
    finished.append((text, answer))


class Carriers:
    """One open connection per provider account, for the length of a drain."""

    def __init__(self) -> None:
        self._open: dict[UUID, tuple[TwilioCarrier, str]] = {}

    def __getitem__(self, account_id: UUID) -> tuple[TwilioCarrier, str]:
        return self._open[account_id]

    async def open(
        self, account_id: UUID, loop: asyncio.AbstractEventLoop, database: ThreadPoolExecutor
    ) -> bool:
        """Whether the account can be used: one that can't holds up only its own texts."""
        if account_id not in self._open:
            account = await loop.run_in_executor(database, _account, account_id)
            try:
                self._open[account_id] = (open_carrier(account), account.account_key)
            except Exception:
                log.exception("account %s can't be opened", account_id)
                return False
        return True

    async def close(self) -> None:
        for carrier, _ in self._open.values():
            await carrier.close()


def open_carrier(account: ProviderAccount) -> TwilioCarrier:
    """The adapter of an account, with our time limits. Call it inside a running event loop."""
    return TwilioCarrier(
        Credentials(account.account_sid, account.auth_token, account.url),
        total=settings.SEND_TOTAL_SECONDS,
        connect=settings.SEND_CONNECT_SECONDS,
        in_flight=settings.SEND_IN_FLIGHT,
    )


def _account(account_id: UUID) -> ProviderAccount:
    account = ProviderAccount.unscoped.get(pk=account_id)
    if account.is_simulator:
        announce_account(account)  # it may have started after the account was made
    return account


def sweep() -> int:
    """Hints when something is due; does the work itself when due rows have not moved for 3 s."""
    claiming.promote_scheduled()
    due = Message.unscoped.filter(status=Status.QUEUED, due_at__lte=timezone.now()).order_by("due_at")
    oldest = due.values_list("pk", "attempt_no").first()
    if oldest is None:
        _progress["mark"] = None
        return 0
    hints.send_now("messaging.dispatching.dispatch")
    if oldest != _progress["mark"]:
        _progress.update(mark=oldest, since=time.monotonic())
    elif time.monotonic() - _progress["since"] > STUCK_AFTER:
        return drain(longest=10.0)
    return 1
