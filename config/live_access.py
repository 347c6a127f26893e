"""Which tokens of open pages still count, as `live` knows it from Redis (`tenants.revocations`), never from the database.

Revocations arrive by pub/sub; what was missed is read once a second. Where Redis can't be asked for CONFIRM_SECONDS
nobody is trusted, and where it lost its memory nothing issued before that counts: pages then ask for a new token.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from tenants.revocations import KEPT_SECONDS, REVOKED, SINCE

CONFIRM_SECONDS = 3.0
OVERLAP_SECONDS = 5.0
SKEW_SECONDS = 0.25  # between the clocks of web and of whoever revoked


@dataclass
class Access:
    """The revocations of a token's life, and when Redis last confirmed that there are no others."""

    revoked: dict[str, float] = field(default_factory=dict)
    since: float = float("inf")
    confirmed_at: float = float("-inf")
    _read_until: float = 0.0

    @property
    def is_confirmed(self) -> bool:
        return time.monotonic() - self.confirmed_at < CONFIRM_SECONDS

    async def refresh(self, client: Any) -> None:
        """Reads what was revoked since the last time. Raises what the Redis client raises."""
        asked_at, now = time.monotonic(), time.time()
        together = client.pipeline(transaction=True)
        together.set(SINCE, now, nx=True)
        together.get(SINCE)
        together.zrangebyscore(REVOKED, self._read_until - OVERLAP_SECONDS, "+inf", withscores=True)
        _, since, rows = await together.execute()
        self.since = float(since)
        for subject, at in rows:
            self.revoke(subject.decode(), at)
        self._read_until = max([self._read_until, *(at for _, at in rows)])
        self._forget(now)
        self.confirmed_at = max(asked_at, self.confirmed_at)

    def revoke(self, subject: str, at: float) -> None:
        self.revoked[subject] = max(at, self.revoked.get(subject, 0.0))

    def allows(self, claims: dict[str, Any]) -> bool:
        """Whether Redis was asked lately and nothing that this token counts on has changed since it was issued."""
        issued = float(claims["issued"])
        return (
            self.is_confirmed
            and issued > self.since
            and time.time() < float(claims["until"])
            and not self._is_revoked(claims["subjects"], issued)
        )

    def _is_revoked(self, subjects: Iterable[str], issued: float) -> bool:
        return any(issued <= self.revoked.get(subject, 0.0) + SKEW_SECONDS for subject in subjects)

    def _forget(self, now: float) -> None:
        if len(self.revoked) > 1000:
            old = now - KEPT_SECONDS
            self.revoked = {subject: at for subject, at in self.revoked.items() if at > old}


def is_readable(claims: Any) -> bool:
    """Whether these are the claims of a live token, complete."""
    return (
        isinstance(claims, dict)
        and bool(claims.get("org"))
        and all(isinstance(claims.get(name), int | float) for name in ("issued", "until"))
        and isinstance(claims.get("subjects"), list)
        and claims["until"] <= claims["issued"] + settings.LIVE_TOKEN_SECONDS
    )
