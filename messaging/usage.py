"""Caps per day and month, in segments: exact, counted under a row lock, also when eight send at once."""

from datetime import datetime

from django.db import connection, transaction

from tenants.errors import DomainError, register
from tenants.models import Organization


def spend(*, org: Organization, segments: int, at: datetime) -> None:
    """Counts segments against the org's caps; 422 `cap_reached`. In the transaction that writes the text."""
    for period, cap in ((f"day {at:%Y-%m-%d}", org.daily_cap), (f"month {at:%Y-%m}", org.monthly_cap)):
        if cap is not None and not _add(org, period, segments, cap):
            word = period.split()[0]
            text = f"Your organization’s cap of {cap} segments a {word} is reached; an admin can raise it."
            raise DomainError("cap_reached", text)


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


def _add(org: Organization, period: str, segments: int, cap: int) -> bool:
    """One statement: adds only when the sum stays within the cap."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO messaging_usage (org_id, id, period, segments)
            SELECT %(org)s, gen_random_uuid(), %(period)s, %(n)s WHERE %(n)s <= %(cap)s
            ON CONFLICT (org_id, period) DO UPDATE SET segments = messaging_usage.segments + %(n)s
            WHERE messaging_usage.segments + %(n)s <= %(cap)s
            RETURNING segments
            """,
            {"org": org.pk, "period": period, "n": segments, "cap": cap},
        )
        return cursor.fetchone() is not None


register({"cap_reached": "The organization’s cap of segments is reached."})
