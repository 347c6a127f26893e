"""Counts of attempts that expire by themselves: in Redis, and in this process while Redis is away."""

import hashlib
import logging
import time

from tenants.hints import BREAK_SECONDS, redis_client

log = logging.getLogger(__name__)
MAX_LOCAL = 10_000
_local: dict[str, tuple[int, float]] = {}
_away = {"until": 0.0}


def increment(name: str, *, seconds: int, limit: int) -> int:
    """Counts one more and returns the count. It is forgotten `seconds` after the first, or after the `limit`th."""
    key = _key(name)
    if time.monotonic() >= _away["until"]:
        try:
            client = redis_client()
            count = int(client.pipeline().incr(key).expire(key, seconds, nx=True).execute()[0])
            if count == limit:
                client.expire(key, seconds)
            return count
        except Exception as error:
            _pause(error)
    return _increment_here(key, seconds, limit)


def decrement(name: str) -> None:
    """Takes one back, if it is still counted."""
    key = _key(name)
    count, ends = _local.get(key, (0, 0.0))
    if count:
        _local[key] = (count - 1, ends)
        return
    try:
        if time.monotonic() >= _away["until"] and redis_client().exists(key):
            redis_client().decr(key)
    except Exception as error:
        _pause(error)


def forget(*names: str) -> None:
    for name in names:
        _local.pop(_key(name), None)
    try:
        redis_client().delete(*map(_key, names))
    except Exception as error:
        _pause(error)


def _key(name: str) -> str:
    """Redis holds no e-mail address and no client address in clear."""
    return "attempts:" + hashlib.sha256(name.encode()).hexdigest()[:40]


def _increment_here(key: str, seconds: int, limit: int) -> int:
    if len(_local) > MAX_LOCAL:
        _local.clear()
    now = time.monotonic()
    count, ends = _local.get(key, (0, now + seconds))
    if now >= ends:
        count, ends = 0, now + seconds
    count += 1
    _local[key] = (count, now + seconds if count == limit else ends)
    return count


def _pause(error: Exception) -> None:
    _away["until"] = time.monotonic() + BREAK_SECONDS
    log.warning("attempts are counted per process for %s s: %s", BREAK_SECONDS, type(error).__name__)
