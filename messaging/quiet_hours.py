"""When marketing may arrive, in the recipient's own time: data/quiet_hours.csv, the overlap of its sources.

Where a number may lie in several zones of its country, only what all of them allow.

Automation and promotional campaigns wait; manual texts only warn. Where nothing is listed: 08:00 to 20:00.
"""

import csv
import re
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from senderid.phone_numbers import parse
from senderid.time_zones import zones_of_country
from tenants.models import Organization

DATA = Path(__file__).parent / "data" / "quiet_hours.csv"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
Window = tuple[time, time] | None
DEFAULT: tuple[Window, ...] = ((time(8), time(20)),) * 7
SPAN = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


@lru_cache(maxsize=1)
def windows() -> dict[str, tuple[Window, ...]]:
    """{country: seven windows, Monday first}; None is a day without marketing."""
    found: dict[str, tuple[Window, ...]] = {}
    with DATA.open(newline="") as file:
        for row in csv.DictReader(file):
            read = _week(row["allowed_window"])
            if read is not None:
                country = row["country"]
                found[country] = tuple(map(_overlap, found.get(country, read), read))
    return found


def _week(text: str) -> tuple[Window, ...] | None:
    """One source's words as seven windows; None when it names neither hours nor closed days.

    What stands in brackets explains. Days that a source with hours leaves out are closed only where it names days.
    """
    week: list[Window] = [None] * 7
    parts = re.split("[;,]", re.sub(r"\(.*?\)", "", text))
    spans = [(part, span) for part in parts if (span := SPAN.search(part))]
    for part, span in spans:
        h1, m1, h2, m2 = map(int, span.groups())
        for day in _days(part) or range(7):
            week[day] = (time(h1, m1), time(h2, m2))
    closed = {day for part in parts if "none" in part for day in _days(part)}
    if not spans:
        if not closed:
            return None
        week = list(DEFAULT)
    return tuple(None if day in closed else window for day, window in enumerate(week))


def _days(part: str) -> list[int]:
    """The days that a part names, Monday is 0; none when it names none."""
    span = re.search(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)-(Mon|Tue|Wed|Thu|Fri|Sat|Sun)", part)
    if span:
        first, last = DAYS.index(span[1]), DAYS.index(span[2])
        return [(first + n) % 7 for n in range((last - first) % 7 + 1)]
    if "weekends" in part:
        return [5, 6]
    if "working days" in part:
        return [0, 1, 2, 3, 4]
    return [DAYS.index(day) for day in re.findall("Mon|Tue|Wed|Thu|Fri|Sat|Sun", part)]


def _overlap(one: Window, other: Window) -> Window:
    if one is None or other is None:
        return None
    start, end = max(one[0], other[0]), min(one[1], other[1])
    return (start, end) if start < end else None


def zones_for(*, number: str, country: str, timezone: str) -> tuple[str, ...]:
    """The zone known of a contact, else all that the number may lie in, else all of its country."""
    if timezone:
        return (timezone,)
    parsed = parse(number)
    return parsed.zones if parsed else zones_of_country(country)


def next_allowed(*, country: str, zones: Sequence[str], at: datetime) -> datetime:
    """The first moment from `at` on (UTC) at which marketing may arrive in this country, in each of `zones`.

    Every country with phone numbers has such a moment within a week; without one it is 15 days later.
    """
    week, limit, moment = windows().get(country, DEFAULT), at + timedelta(days=15), at
    while moment < limit:
        later = max(_next_in_zone(week, zone_named(zone), moment) for zone in zones)
        if later == moment:
            return moment
        moment = later
    return limit


def _next_in_zone(week: Sequence[Window], zone: ZoneInfo, at: datetime) -> datetime:
    """The first moment from `at` on that lies in a window of this zone; 15 days later when there is none."""
    local = at.astimezone(zone)
    for days in range(15):
        day = (local + timedelta(days=days)).date()
        window = week[day.weekday()]
        if window is None:
            continue
        start, end = (datetime.combine(day, edge, zone).astimezone(UTC) for edge in window)
        if at < end:
            return max(at, start)
    return at + timedelta(days=15)


def is_quiet(*, org: Organization, country: str, zones: Sequence[str], at: datetime) -> bool:
    """Whether `at` lies in the quiet hours of a recipient; never where the org has switched them off."""
    if org.quiet_hours == Organization.QuietHours.OFF:
        return False
    return next_allowed(country=country, zones=zones, at=at) > at


def zone_named(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
