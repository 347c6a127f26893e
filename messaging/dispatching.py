"""When the queue is drained: a worker runs `dispatch` when hinted, `draining` does it.

The dispatcher process runs `sweep` every second: it hints, and when due rows have not moved for 3 s (no broker, no
worker) it does the work itself.
"""

import asyncio
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from messaging.draining import Drain, stop
from messaging.models import Message
from messaging.scheduled import promote_scheduled
from messaging.sending import DISPATCH
from messaging.statuses import Status
from tenants import hints

__all__ = ["dispatch", "drain", "stop", "sweep"]
IDLE_SECONDS = 1.5  # a drain waits this long for more before it ends
LONGEST_DRAIN = 60.0
STUCK_AFTER = 3.0
OWN_DRAIN = 30.0  # of the dispatcher process
ON_DUTY = 15.0  # it goes on at once for so long after a drain of its own
_progress: dict[str, Any] = {"mark": None, "since": 0.0, "on_duty_until": 0.0}


@shared_task
def dispatch() -> int:
    """Sends what is due; returns how many texts were handed over. One drain per machine at a time, so that a long
    campaign leaves the other processes of this worker to inbound texts and mails."""
    with _only_one() as mine:
        sent = drain() if mine else 0
    if mine and is_due():
        hints.send_now(DISPATCH)
    return sent


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
    return await Drain(longest=longest, idle=IDLE_SECONDS).run()


def is_due() -> bool:
    return Message.unscoped.filter(status=Status.QUEUED, due_at__lte=timezone.now()).exists()


def sweep() -> int:
    """Hints when something is due; does the work itself when due rows have not moved for 3 s, and goes on with it."""
    promote_scheduled()
    due = Message.unscoped.filter(status=Status.QUEUED, due_at__lte=timezone.now()).order_by("due_at")
    oldest = due.values_list("pk", "attempt_no").first()
    if oldest is None:
        _progress["mark"] = None
        return 0
    hints.send_now(DISPATCH)
    now = time.monotonic()
    if oldest != _progress["mark"]:
        _progress.update(mark=oldest, since=now)
    if now - _progress["since"] > STUCK_AFTER or now < _progress["on_duty_until"]:
        sent = drain(longest=OWN_DRAIN)
        _progress["on_duty_until"] = time.monotonic() + ON_DUTY if sent else 0.0
        return sent
    return 1
