"""How many segments each sender may send now: token buckets in Redis, one Lua call for all; a local one without Redis.

A bucket fills at the sender's own rate and holds one second of it. A text that takes more than was granted leaves
the bucket in debt, so the rate holds over time.
"""

import logging
import time
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import RedisError

from tenants.hints import redis_client

log = logging.getLogger(__name__)
WITHOUT_REDIS = 0.25  # the share of its rate each process allows itself: others may do the same
RETRY_REDIS_AFTER = 3.0

TAKE = """
local now = redis.call('TIME'); now = now[1] + now[2] / 1000000
local granted = {}
for i, key in ipairs(KEYS) do
  local rate, wanted = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local burst = math.max(rate, 1)
  local bucket = redis.call('HMGET', key, 'tokens', 'at')
  local tokens, at = tonumber(bucket[1]) or burst, tonumber(bucket[2]) or now
  tokens = math.min(burst, tokens + (now - at) * rate)
  local take = math.max(0, math.min(wanted, math.floor(tokens)))
  redis.call('HSET', key, 'tokens', tostring(tokens - take), 'at', tostring(now))
  redis.call('PEXPIRE', key, 120000)
  granted[i] = take
end
return granted
"""
GIVE_BACK = """
for i, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then redis.call('HINCRBYFLOAT', key, 'tokens', ARGV[i]) end
end
"""


@dataclass
class LocalBuckets:
    """The same arithmetic in this process, for while Redis is away."""

    buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, wants: dict[str, tuple[float, int]]) -> dict[str, int]:
        now, granted = time.monotonic(), {}
        for key, (rate, wanted) in wants.items():
            slow = rate * WITHOUT_REDIS
            tokens, at = self.buckets.get(key, (max(slow, 1), now))
            tokens = min(max(slow, 1), tokens + (now - at) * slow)
            granted[key] = max(0, min(wanted, int(tokens)))
            self.buckets[key] = (tokens - granted[key], now)
        return granted

    def give_back(self, unused: dict[str, float]) -> None:
        for key, amount in unused.items():
            if key in self.buckets:
                tokens, at = self.buckets[key]
                self.buckets[key] = (tokens + amount, at)


class Throttle:
    """`take` before claiming, `give_back` what was not used (a negative number is debt)."""

    def __init__(self) -> None:
        self._local = LocalBuckets()
        self._redis_away_until = 0.0

    def take(self, wants: dict[str, tuple[float, int]]) -> dict[str, int]:
        """{key: (segments a second, segments wanted)} → {key: segments granted}."""
        if not wants:
            return {}
        keys = list(wants)
        arguments = [part for key in keys for part in wants[key]]
        found = self._ask(TAKE, keys, arguments)
        if found is None:
            return self._local.take(wants)
        return dict(zip(keys, map(int, found), strict=True))

    def give_back(self, unused: dict[str, float]) -> None:
        changed = {key: amount for key, amount in unused.items() if amount}
        if changed and self._ask(GIVE_BACK, list(changed), list(changed.values())) is None:
            self._local.give_back(changed)

    def _ask(self, script: str, keys: list[str], arguments: list[Any]) -> Any:
        if time.monotonic() < self._redis_away_until:
            return None
        try:
            return redis_client().eval(script, len(keys), *keys, *arguments) or []
        except (RedisError, OSError) as error:
            log.warning("sending at the local rate: %s", type(error).__name__)
            self._redis_away_until = time.monotonic() + RETRY_REDIS_AFTER
            return None
