"""Caps per day and month, in segments: exact, counted under a row lock, also when eight send at once.

Segments are counted only while a cap is set. The first send after one was set or changed (`org.caps_since`) seeds the
period's count with everything that was sent before, from wherever; once more when the requests that began without the
cap have ended. Answers to STOP and HELP count but are never refused; messages of test keys do not count.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from tenants.errors import DomainError, register
from tenants.models import Organization

LONGEST_REQUEST = timedelta(minutes=2)
UNLIMITED = 2_000_000_000
CLOCKS_DIFFER = timedelta(hours=1)  # ids are UUIDv7: those of a period begin at most so much before it
SWEPT = timedelta(minutes=10)  # how long after a change of caps the sweep looks
ADD = """
INSERT INTO messaging_usage (org_id, id, period, segments, seeded_at)
SELECT %(org)s, gen_random_uuid(), %(period)s, %(n)s, %(at)s
WHERE %(n)s <= %(cap)s AND %(seed_after)s::timestamptz IS NULL
ON CONFLICT (org_id, period) DO UPDATE SET segments = messaging_usage.segments + %(n)s
WHERE messaging_usage.segments + %(n)s <= %(cap)s
RETURNING segments
"""
ADD_TO_SEEDED = """
UPDATE messaging_usage SET segments = segments + %(n)s
WHERE org_id = %(org)s AND period = %(period)s AND segments + %(n)s <= %(cap)s AND seeded_at >= %(seed_after)s
RETURNING segments
"""
SEEDED = """
SELECT FROM messaging_usage WHERE org_id = %(org)s AND period = %(period)s AND seeded_at >= %(seed_after)s
"""
LOCK = """
INSERT INTO messaging_usage (org_id, id, period, segments) VALUES (%(org)s, gen_random_uuid(), %(period)s, 0)
ON CONFLICT (org_id, period) DO UPDATE SET segments = messaging_usage.segments RETURNING seeded_at
"""
SEED = """
UPDATE messaging_usage SET seeded_at = %(at)s, segments = (
  SELECT COALESCE(sum(m.segments), 0) FROM messaging_message m
  WHERE m.org_id = %(org)s AND m.id >= %(first)s AND m.created_at >= %(start)s AND m.direction = 'outbound'
    AND NOT EXISTS (SELECT FROM tenants_apikey k WHERE k.org_id = m.org_id AND k.id = m.api_key_id AND k.sandbox))
WHERE org_id = %(org)s AND period = %(period)s
"""


class Period(NamedTuple):
    """A day or month (UTC) with its cap."""

    name: str
    start: datetime
    cap: int


def spend(*, org: Organization, segments: int, at: datetime) -> None:
    """Counts segments against the org's caps; 422 `cap_reached`. In the transaction that writes the text."""
    for period in _capped(org, at):
        if not _spend(org, period, segments, at):
            word = period.name.split()[0]
            text = f"Your organization’s cap of {period.cap} segments a {word} is reached; an admin can raise it."
            raise DomainError("cap_reached", text)


def count(*, org: Organization, segments: int, at: datetime) -> None:
    """Counts what is sent in any case."""
    for period in _capped(org, at):
        _spend(org, period._replace(cap=UNLIMITED), segments, at)


def spend_for_as_many(*, org: Organization, sizes: list[int], at: datetime) -> int:
    """How many texts of these sizes in segments, in their order, the caps carry; those are counted."""
    if fits(org=org, segments=sum(sizes), at=at):
        return len(sizes)
    return next(
        (n for n, segments in enumerate(sizes) if not fits(org=org, segments=segments, at=at)), len(sizes)
    )


def fits(*, org: Organization, segments: int, at: datetime) -> bool:
    """Counts them if the caps carry them; whether they did."""
    try:
        with transaction.atomic():
            spend(org=org, segments=segments, at=at)
    except DomainError:
        return False
    return True


def sweep() -> int:
    """Seeds the counts of caps that were just set: a send that is refused rolls its own seeding back."""
    now, seeded = timezone.now(), 0
    for org in Organization.objects.filter(caps_since__gt=now - SWEPT):
        for period in _capped(org, now):
            with transaction.atomic():
                seeded += _seed(org, period, now)
    return seeded


def _capped(org: Organization, at: datetime) -> list[Period]:
    if org.daily_cap is None and org.monthly_cap is None:
        return []
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    both = (
        (f"day {at:%Y-%m-%d}", day, org.daily_cap),
        (f"month {at:%Y-%m}", day.replace(day=1), org.monthly_cap),
    )
    return [Period(name, start, cap) for name, start, cap in both if cap is not None]


def _seed_after(org: Organization, period: Period, at: datetime) -> datetime | None:
    """A count that was seeded before this time lacks texts; None: the cap is older than the period."""
    if org.caps_since is None or org.caps_since + LONGEST_REQUEST <= period.start:
        return None
    settled = org.caps_since + LONGEST_REQUEST
    return settled if at >= settled else org.caps_since


def _spend(org: Organization, period: Period, segments: int, at: datetime) -> bool:
    """One statement when the count is seeded: adds only when the sum stays within the cap."""
    values = {"org": org.pk, "period": period.name, "n": segments, "cap": period.cap, "at": at}
    seed_after = _seed_after(org, period, at)
    if seed_after is None:
        return _returns_a_row(ADD, values | {"seed_after": None})
    values["seed_after"] = seed_after
    if _returns_a_row(ADD_TO_SEEDED, values):
        return True
    _seed(org, period, at)
    return _returns_a_row(ADD_TO_SEEDED, values)


def _seed(org: Organization, period: Period, at: datetime) -> bool:
    """Sets a count that lacks texts to the sum of the period's; whether it did.

    Whoever counts holds the count's row until their text is committed: the sum, a statement of its own after the row
    was locked, sees them all.
    """
    seed_after = _seed_after(org, period, at)
    values: dict[str, Any] = {
        "org": org.pk,
        "period": period.name,
        "start": period.start,
        "seed_after": seed_after,
    }
    if seed_after is None or _returns_a_row(SEEDED, values):
        return False
    with connection.cursor() as cursor:
        cursor.execute(LOCK, values)
        [seeded_at] = cursor.fetchone()
        if seeded_at is not None and seeded_at >= seed_after:
            return False
        first = int((period.start - CLOCKS_DIFFER).timestamp() * 1000) << 80
        cursor.execute(SEED, values | {"first": UUID(int=first), "at": max(at, seed_after)})  # clocks differ
    return True


def _returns_a_row(statement: str, values: dict[str, Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone() is not None


register({"cap_reached": "The organization’s cap of segments is reached."})
