"""A worker of its own for benchmarks: `python -m bench.worker SECONDS` drains the queue for so long."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def draining(*, seconds: float) -> Iterator[None]:
    """One that drains until the block ends."""
    from bench.queueing import worker_environ

    worker = subprocess.Popen(
        [sys.executable, "-m", "bench.worker", str(seconds)], cwd=ROOT, env=worker_environ()
    )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(timeout=30)


if __name__ == "__main__":
    import django

    from config.logins import log_in_as
    from tenants.database import ENGINE

    log_in_as(ENGINE)
    django.setup()
    from config.supervision import collect_less
    from messaging.draining import Drain

    collect_less()

    asyncio.run(Drain(longest=float(sys.argv[1]), idle=float(sys.argv[1])).run())
