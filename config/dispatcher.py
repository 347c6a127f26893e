"""The dispatcher: asks every sweep of `settings.SWEEPS`, about once a second, what is due in PostgreSQL.

A sweep is `sweep() -> int`: it moves due rows, or hints Celery about them, and returns how many it saw. Each
runs in a thread of its own, so one that does the work itself never holds up the others. Any number of
dispatchers may run at once.
"""

import logging
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from config.logins import log_in_as
from tenants.database import ENGINE

logger = logging.getLogger("callsign.dispatcher")

Sweep = Callable[[], int]
PAUSE_SECONDS = 1.0
BACK_OFF_SECONDS = 15.0
STOP_SECONDS = 25.0


def main() -> None:
    """Runs until SIGTERM or SIGINT, which lets the sweeps under way finish."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    log_in_as(ENGINE)
    import django

    django.setup()
    from django.conf import settings
    from django.utils.module_loading import import_string

    from config.supervision import collect_less
    from messaging.draining import stop as end_drains

    stopping = threading.Event()

    def stop(*_: object) -> None:
        stopping.set()
        end_drains()

    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, stop)
    sweeps = {path: import_string(path) for path in settings.SWEEPS}
    collect_less()
    logger.info("dispatching: %s", ", ".join(sweeps))
    dispatch(sweeps, stopping, heartbeat=settings.DATA_DIR / "dispatcher.alive")


def dispatch(sweeps: dict[str, Sweep], stopping: threading.Event, *, heartbeat: Path | None = None) -> None:
    """Repeats every sweep until `stopping` is set. The heartbeat file is as old as the slowest one."""
    beats = dict.fromkeys(sweeps, time.time())
    threads = [
        threading.Thread(target=_repeat, args=(name, sweep, stopping, beats), name=name, daemon=True)
        for name, sweep in sweeps.items()
    ]
    for thread in threads:
        thread.start()
    while not stopping.wait(PAUSE_SECONDS):
        if heartbeat is not None:
            _touch(heartbeat, min(beats.values(), default=time.time()))
    deadline = time.monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _repeat(name: str, sweep: Sweep, stopping: threading.Event, beats: dict[str, float]) -> None:
    failures = 0
    while not stopping.is_set():
        failures = 0 if _try(name, sweep, failures) else failures + 1
        beats[name] = time.time()
        stopping.wait(pause_after(failures))


def pause_after(failures: int) -> float:
    """Seconds until the next try: one second, longer after failures in a row, never in step with others."""
    pause = min(BACK_OFF_SECONDS, PAUSE_SECONDS * 2 ** min(failures, 10)) if failures else PAUSE_SECONDS
    return pause * random.uniform(0.8, 1.2)


def _try(name: str, sweep: Sweep, failures: int) -> bool:
    """One run of one sweep; whatever it raises ends here, in the log."""
    from django.db import DatabaseError, InterfaceError, close_old_connections, connections

    try:
        close_old_connections()
        if count := sweep():
            logger.debug("%s: %s due", name, count)
        return True
    except (DatabaseError, InterfaceError) as error:
        connections.close_all()
        if failures == 0:
            logger.exception("%s failed", name)
        else:
            logger.warning("%s still fails: %s", name, error)
    except Exception:
        logger.exception("%s failed", name)
    return False


def _touch(path: Path, when: float) -> None:
    try:
        path.touch()
        os.utime(path, (when, when))
    except OSError:
        logger.warning("cannot write %s", path)


if __name__ == "__main__":
    main()
