"""Times: seconds since 1970 inside, ISO 8601 on our own doors, RFC 2822 on Twilio's."""

import time
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache


def now() -> float:
    """Seconds since 1970, cut to whole microseconds so that it survives a trip through ISO 8601."""
    return round(time.time(), 6)


def iso(moment: float) -> str:
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")


def rfc2822(moment: float | None) -> str | None:
    return None if moment is None else _rfc2822_second(int(moment))


@lru_cache(maxsize=4096)
def _rfc2822_second(second: int) -> str:
    return formatdate(second, usegmt=False).replace("-0000", "+0000")


def read_since(text: str | None) -> float:
    """Unix seconds, or ISO 8601 (UTC unless it says otherwise); nothing is the beginning. Else ValueError."""
    if not text:
        return 0.0
    try:
        return float(text)
    except ValueError:
        # An unescaped "+00:00" in a query string arrives as " 00:00".
        moment = datetime.fromisoformat(text.strip().replace(" 00:00", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
