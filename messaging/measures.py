"""What sending measures about itself: counters and times, collected per process and added up in Redis for /metrics.

They are for watching only: without Redis they are lost, and a flush of Redis starts them anew.
"""

import threading
import time
from bisect import bisect_left
from collections import defaultdict

from redis.exceptions import RedisError

from tenants.hints import redis_client

KEY = "callsign:measures"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
BUCKET_NAMES = (*map(str, BUCKETS), "+Inf")
FLUSH_EVERY = 1.0
_lock = threading.Lock()
_waiting: dict[tuple[str, str], float] = defaultdict(float)
_flushed = {"at": 0.0}


def count(name: str, label: str, n: int = 1) -> None:
    """Adds to a counter, told apart by a label."""
    with _lock:
        _waiting[name, label] += n


def observe(name: str, seconds: float) -> None:
    """Adds a duration to a histogram."""
    bucket = BUCKET_NAMES[bisect_left(BUCKETS, seconds)]
    with _lock:
        _waiting[name, bucket] += 1
        _waiting[name, "sum"] += seconds


def flush(*, now: bool = False) -> None:
    """Hands on what was collected, once a second at most."""
    at = time.monotonic()
    if not _waiting or (at - _flushed["at"] < FLUSH_EVERY and not now):
        return
    _flushed["at"] = at
    with _lock:
        collected = dict(_waiting)
        _waiting.clear()
    try:
        pipe = redis_client().pipeline(transaction=False)
        for (name, label), amount in collected.items():
            pipe.hincrbyfloat(KEY, f"{name}|{label}", amount)
        pipe.execute()
    except (RedisError, OSError):
        _flushed["at"] = at + 5.0  # not again for a while


def read() -> dict[str, dict[str, float]]:
    """{name: {label: amount}} of all processes; empty without Redis."""
    found: dict[str, dict[str, float]] = {}
    try:
        stored = redis_client().hgetall(KEY)
    except (RedisError, OSError):
        return found
    for field, amount in stored.items():
        name, _, label = field.decode().partition("|")
        found.setdefault(name, {})[label] = float(amount)
    return found
