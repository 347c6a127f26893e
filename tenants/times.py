"""Times that may be kept: each can be read back and shown in every time zone."""

from datetime import datetime
from functools import cache
from zoneinfo import available_timezones

YEARS = range(1900, 9999)
NO_PLACES = {
    "Factory",
    "localtime",
    "posixrules",
}  # files beside the zones: what they mean depends on the machine
OUT_OF_RANGE = f"The year must be between {YEARS[0]} and {YEARS[-1]}."


def can_be_kept(at: datetime) -> bool:
    """23:59 of 31 December 9999 in New York is a time that PostgreSQL stores and Python can't read."""
    return at.year in YEARS


@cache
def zones() -> frozenset[str]:
    """The names of the time zones one may choose."""
    return frozenset(available_timezones() - NO_PLACES)


def is_zone(name: str) -> bool:
    return name in zones()
