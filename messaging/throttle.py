"""How many segments each sender may send now: token buckets in Redis, one Lua call for all; local ones without Redis.

A bucket fills at its own rate and holds one second of it. A text that takes more than was granted leaves the bucket
in debt, so the rate holds over time. A sender draws on its own bucket and on those it shares: its org's, its
provider account's.
"""

import json
import logging
import time
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import RedisError

from tenants.hints import redis_client

log = logging.getLogger(__name__)
WITHOUT_REDIS = 0.4  # the share of its rate each process allows itself: a second one may do the same
RETRY_REDIS_AFTER, RETRY_REDIS_AT_LAST = 3.0, 6.0

# KEYS: the senders' buckets, then the shared ones. ARGV, as JSON: for each sender its rate, what it wants and the places
# of the shared buckets it draws on; the shared rates. Answers what is granted and, where that is nothing, in how many
# milliseconds there is something.
TAKE = """
local now = redis.call('TIME'); now = now[1] + now[2] / 1000000
local wants, rates = cjson.decode(ARGV[1]), cjson.decode(ARGV[2])
local senders = #wants
local function open(key, rate)
  local bucket = redis.call('HMGET', key, 'tokens', 'at', 'held')
  local tokens, at = tonumber(bucket[1]) or math.max(rate, 1), tonumber(bucket[2]) or now
  local held = math.max(0, (tonumber(bucket[3]) or 0) - now)
  return {tokens = math.min(math.max(rate, 2), tokens + (now - at) * rate), rate = rate, held = held}
end
local function keep(key, bucket)
  redis.call('HSET', key, 'tokens', tostring(bucket.tokens), 'at', tostring(now))
  redis.call('PEXPIRE', key, 120000)
end
local shared = {}
for i, rate in ipairs(rates) do shared[i] = open(KEYS[senders + i], rate) end
local granted = {}
for i, want in ipairs(wants) do
  local own, wanted = open(KEYS[i], want[1]), want[2]
  local drawn = {own, shared[want[3]], shared[want[4]]}
  local take, wait = wanted, own.held
  for _, bucket in pairs(drawn) do
    take = math.min(take, math.floor(bucket.tokens))
    wait = math.max(wait, (1 - bucket.tokens) / bucket.rate)
  end
  if own.held > 0 then take = 0 end
  take = math.max(0, take)
  for _, bucket in pairs(drawn) do bucket.tokens = bucket.tokens - take end
  keep(KEYS[i], own)
  granted[2 * i - 1], granted[2 * i] = take, take > 0 and 0 or math.ceil(wait * 1000)
end
for i, bucket in ipairs(shared) do keep(KEYS[senders + i], bucket) end
return granted
"""
GIVE_BACK = """
for i, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then redis.call('HINCRBYFLOAT', key, 'tokens', ARGV[i]) end
end
"""
HOLD = """
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], 'held', tostring(now[1] + now[2] / 1000000 + tonumber(ARGV[1])))
redis.call('PEXPIRE', KEYS[1], 120000)
"""


@dataclass(frozen=True)
class Want:
    """What a sender asks for: segments, at its rate in segments a second; `shares` are {shared bucket: rate}."""

    rate: float
    wanted: int
    shares: tuple[tuple[str, float], ...] = ()  # two at most


@dataclass
class LocalBuckets:
    """The same arithmetic in this process, for while Redis is away."""

    buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, wants: dict[str, Want]) -> dict[str, int]:
        now, granted = time.monotonic(), {}
        for key, want in wants.items():
            drawn = ((key, want.rate), *want.shares)
            tokens = {name: self._filled(name, rate * WITHOUT_REDIS, now) for name, rate in drawn}
            granted[key] = max(0, min(want.wanted, *map(int, tokens.values())))
            self.buckets |= {name: (left - granted[key], now) for name, left in tokens.items()}
        return granted

    def _filled(self, key: str, rate: float, now: float) -> float:
        tokens, at = self.buckets.get(key, (max(rate, 1), now))
        return min(max(rate, 1), tokens + (now - at) * rate)

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
        self._pause = RETRY_REDIS_AFTER
        self._ready_at: dict[str, float] = {}

    def take(self, wants: dict[str, Want]) -> dict[str, int]:
        """{bucket: what it wants} → {bucket: segments granted}."""
        if not wants:
            return {}
        shares = dict(share for want in wants.values() for share in want.shares)
        places = {name: place for place, name in enumerate(shares, start=1)}
        asked = [
            [want.rate, want.wanted, *(places[name] for name, _ in want.shares), 0, 0]
            for want in wants.values()
        ]
        arguments = [json.dumps(asked), json.dumps(list(shares.values()))]
        found = self._ask(TAKE, [*wants, *shares], arguments)
        if found is None:
            return self._local.take(wants)
        now = time.monotonic()
        self._ready_at = {key: at for key, at in self._ready_at.items() if at > now}
        self._ready_at |= {key: now + ms / 1000 for key, ms in zip(wants, found[1::2], strict=True) if ms}
        return dict(zip(wants, found[::2], strict=True))

    def rests(self, key: str) -> bool:
        """Whether there was nothing for it a moment ago and there can be nothing yet."""
        return self._ready_at.get(key, 0.0) > time.monotonic()

    def give_back(self, unused: dict[str, float]) -> None:
        changed = {key: amount for key, amount in unused.items() if amount}
        if changed and self._ask(GIVE_BACK, list(changed), list(changed.values())) is None:
            self._local.give_back(changed)

    def hold(self, key: str, seconds: float) -> None:
        """Nothing more for it for so long: its carrier asked for a slower pace."""
        self._ask(HOLD, [key], [min(seconds, 100.0)])

    def _ask(self, script: str, keys: list[str], arguments: list[Any]) -> Any:
        if time.monotonic() < self._redis_away_until:
            return None
        try:
            found = redis_client().eval(script, len(keys), *keys, *arguments) or []
        except (RedisError, OSError) as error:
            log.warning("sending at the local rate: %s", type(error).__name__)
            self._redis_away_until = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, RETRY_REDIS_AT_LAST)
            return None
        self._pause = RETRY_REDIS_AFTER
        return found


def bucket_of(kind: str, pk: Any) -> str:
    """The name of a bucket: of a `sender`, an `org`, an `account`."""
    return f"bucket:{kind}:{pk}"
