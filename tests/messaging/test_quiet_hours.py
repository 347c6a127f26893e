"""When marketing may arrive: every row of the table read right, the overlap of the sources, the recipient's clock."""

import csv
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import (
    SUPPORTED_REGIONS,
    PhoneNumberFormat,
    PhoneNumberType,
    example_number_for_type,
    format_number,
)

from messaging import quiet_hours
from messaging.quiet_hours import DATA, DEFAULT, _week, is_quiet, next_allowed, windows
from senderid.phone_numbers import parse, read_number
from tenants.models import Organization

MOBILE = PhoneNumberType.MOBILE

CLOSED = None
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


def hours(text: str) -> tuple[time, time] | None:
    if text == "-":
        return CLOSED
    start, end = text.split("–")
    return time.fromisoformat(start), time.fromisoformat(end)


# Read off the file by hand: Monday to Friday, Saturday, Sunday.
BY_HAND = {
    "AE": ("07:30–20:30", "07:30–20:30", "07:30–20:30"),
    "AU": ("11:00–20:00", "11:00–20:00", "11:00–20:00"),
    "BR": ("09:00–20:00", "09:00–14:00", "-"),
    "BW": ("08:00–20:00", "09:00–13:00", "-"),
    "CA": ("09:00–20:00", "09:00–20:00", "09:00–20:00"),
    "CL": ("10:30–19:30", "10:30–19:30", "10:30–19:30"),
    "EC": ("09:00–18:00", "09:00–12:00", "-"),
    "FR": ("08:00–21:30", "-", "-"),
    "GB": ("09:00–20:00", "09:00–20:00", "09:00–20:00"),
    "GF": ("08:00–22:00", "08:00–22:00", "08:00–22:00"),
    "IN": ("10:00–21:00", "10:00–21:00", "10:00–21:00"),
    "IT": ("08:00–22:00", "08:00–22:00", "-"),
    "JO": ("07:00–21:00", "07:00–21:00", "07:00–21:00"),
    "KE": ("08:00–18:00", "08:00–18:00", "08:00–18:00"),
    "KG": ("09:00–22:00", "09:00–22:00", "09:00–22:00"),
    "KR": ("09:00–20:00", "09:00–20:00", "09:00–20:00"),
    "ME": ("08:00–20:00", "-", "-"),
    "PE": ("08:00–20:00", "09:00–13:00", "-"),
    "PY": ("08:00–18:00", "09:00–15:00", "-"),
    "RE": ("08:00–20:00", "08:00–20:00", "-"),
    "SA": ("09:00–20:00", "09:00–20:00", "09:00–20:00"),
    "SG": ("07:00–22:30", "07:00–22:30", "07:00–22:30"),
    "US": ("09:00–20:00", "09:00–20:00", "09:00–20:00"),
    "UY": ("08:00–20:00", "-", "-"),
    "ZA": ("08:00–20:00", "09:00–13:00", "-"),
}


@pytest.mark.parametrize("country", sorted(BY_HAND))
def test_a_countrys_week_is_the_overlap_of_its_sources(country: str) -> None:
    workdays, saturday, sunday = (hours(text) for text in BY_HAND[country])
    assert windows()[country] == (*[workdays] * 5, saturday, sunday)


def test_egypt_rests_on_friday_and_saturday() -> None:
    open_hours = (time(9), time(21))
    assert windows()["EG"] == (*[open_hours] * 4, CLOSED, CLOSED, open_hours)


def test_mexicos_sources_leave_nothing_from_friday_to_sunday() -> None:
    assert windows()["MX"] == (*[(time(9), time(18))] * 4, CLOSED, CLOSED, CLOSED)


# Every row on its own: Monday, Friday, Saturday, Sunday.
def test_no_row_is_misread() -> None:
    with DATA.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 70
    for row in rows:
        text, read = row["allowed_window"], _week(row["allowed_window"])
        if not any(c.isdigit() for c in text.replace("after 21:00", "")):
            assert read is None, text
            continue
        assert read is not None, text
        if "Sun" in text and "none Sun" in text and "Sun-" not in text:
            assert read[SUN] is CLOSED, text
        if "daily" in text or (
            text[:5].replace(":", "").isdigit() and "none" not in text and "working" not in text
        ):
            assert len(set(read)) == 1 and read[0] is not CLOSED, text
        for window in read:
            assert window is CLOSED or window[0] < window[1], text
            assert window is CLOSED or f"{window[0]:%H:%M}" in text or "closed until 08:00" in text, text
            assert window is CLOSED or f"{window[1]:%H:%M}" in text or "evening limit" in text, text


@pytest.mark.parametrize(
    ("text", "monday", "friday", "saturday", "sunday"),
    [
        ("07:00-21:00", "07:00–21:00", "07:00–21:00", "07:00–21:00", "07:00–21:00"),
        ("Mon-Sat 09:00-22:00; none Sun", "09:00–22:00", "09:00–22:00", "09:00–22:00", "-"),
        (
            "Mon-Fri 09:00-18:00; Sat 09:00-12:00 (prior approval)",
            "09:00–18:00",
            "09:00–18:00",
            "09:00–12:00",
            "-",
        ),
        ("Sun-Thu 09:00-21:00; none Fri, Sat and official holidays", "09:00–21:00", "-", "-", "09:00–21:00"),
        (
            "Mon-Thu 08:00-20:00; Fri-Sun 18:00-20:00",
            "08:00–20:00",
            "18:00–20:00",
            "18:00–20:00",
            "18:00–20:00",
        ),
        ("08:00-22:00 working days; an older copy says none Sun", "08:00–22:00", "08:00–22:00", "-", "-"),
        ("working days 08:00-20:00; none weekends", "08:00–20:00", "08:00–20:00", "-", "-"),
        ("08:00-21:30; none Sun and public holidays", "08:00–21:30", "08:00–21:30", "08:00–21:30", "-"),
        ("08:00-18:00 (stricter of two windows given; the other is 06:00-20:00)", *["08:00–18:00"] * 4),
        ("10:00-21:00; no promotional traffic on international routes", *["10:00–21:00"] * 4),
        (
            "none Sun and public holidays; nights closed until 08:00",
            "08:00–20:00",
            "08:00–20:00",
            "08:00–20:00",
            "-",
        ),
    ],
)
def test_a_sources_words_are_read(text: str, monday: str, friday: str, saturday: str, sunday: str) -> None:
    read = _week(text)
    assert read is not None
    assert [read[day] for day in (MON, FRI, SAT, SUN)] == [
        hours(w) for w in (monday, friday, saturday, sunday)
    ]


def test_words_without_hours_say_nothing() -> None:
    assert _week("none after 21:00") is None


# --- The recipient's clock -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("country", "zone", "at", "allowed"),
    [
        # Wednesday 2026-03-04; New York is UTC-5.
        ("US", "America/New_York", "2026-03-04T17:00", "2026-03-04T17:00"),
        ("US", "America/New_York", "2026-03-04T13:59", "2026-03-04T14:00"),
        ("US", "America/New_York", "2026-03-05T00:59", "2026-03-05T00:59"),
        ("US", "America/New_York", "2026-03-05T01:00", "2026-03-05T14:00"),
        ("US", "America/Los_Angeles", "2026-03-04T15:00", "2026-03-04T17:00"),
        # Saturday evening in Paris waits for Monday; so does all of Saturday.
        ("FR", "Europe/Paris", "2026-03-06T20:31", "2026-03-09T07:00"),
        ("FR", "Europe/Paris", "2026-03-07T11:00", "2026-03-09T07:00"),
        # Friday in Cairo waits for Sunday.
        ("EG", "Africa/Cairo", "2026-03-06T10:00", "2026-03-08T07:00"),
        # The clock goes forward in New York on 2026-03-08.
        ("US", "America/New_York", "2026-03-08T05:00", "2026-03-08T13:00"),
        # Nothing listed: 08:00 to 20:00; an unreadable zone is UTC.
        ("NG", "Africa/Lagos", "2026-03-04T06:00", "2026-03-04T07:00"),
        ("NG", "Nowhere/At_all", "2026-03-04T06:00", "2026-03-04T08:00"),
    ],
)
def test_it_waits_for_the_recipients_morning(country: str, zone: str, at: str, allowed: str) -> None:
    asked = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert next_allowed(country=country, zones=(zone,), at=asked) == datetime.fromisoformat(allowed).replace(
        tzinfo=UTC
    )


@given(
    st.sampled_from([*sorted(windows()), "NG"]),
    st.sampled_from(["America/New_York", "Europe/Paris", "Asia/Kolkata", "Pacific/Auckland"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
)
def test_the_answer_is_never_earlier_and_always_inside_a_window(
    country: str, zone: str, at: datetime
) -> None:
    found = next_allowed(country=country, zones=(zone,), at=at)
    assert at <= found <= at + timedelta(days=5)
    local = found.astimezone(ZoneInfo(zone))
    window = windows().get(country, DEFAULT)[local.weekday()]
    assert window is not None and window[0] <= local.time() < window[1]
    assert next_allowed(country=country, zones=(zone,), at=found) == found


def test_an_org_may_switch_them_off() -> None:
    night = datetime(2026, 3, 4, 8, tzinfo=UTC)
    asked = {"country": "US", "zones": ("America/New_York",), "at": night}
    assert is_quiet(org=Organization(quiet_hours="by_country"), **asked)
    assert not is_quiet(org=Organization(quiet_hours="off"), **asked)
    assert not is_quiet(
        org=Organization(), country="US", zones=("America/New_York",), at=night + timedelta(hours=8)
    )
    assert quiet_hours.zone_named("").key == "UTC"


# --- Numbers that may lie in several zones -------------------------------------------------------------

CLOCK_CHANGES = (datetime(2026, 3, 25, tzinfo=UTC), datetime(2026, 10, 21, tzinfo=UTC))
REGIONS = sorted(region for region in SUPPORTED_REGIONS if example_number_for_type(region, MOBILE))


@pytest.mark.parametrize("region", REGIONS)
def test_no_zone_a_mobile_may_be_in_is_texted_outside_its_window(region: str) -> None:
    """Field, Time: every hour of a week around both clock changes, every region's example mobile."""
    number = format_number(example_number_for_type(region, MOBILE), PhoneNumberFormat.E164)
    parsed = read_number(number)
    zones = quiet_hours.zones_for(number=number, country=parsed.country, timezone="")
    week = windows().get(parsed.country, DEFAULT)
    for start in CLOCK_CHANGES:
        for hour in range(24 * 7):
            moment = next_allowed(country=parsed.country, zones=zones, at=start + timedelta(hours=hour))
            for zone in zones:
                local = moment.astimezone(ZoneInfo(zone))
                window = week[local.weekday()]
                assert window is not None and window[0] <= local.time() < window[1], (zone, moment)


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+18765551234", ("America/Jamaica",)),  # not one of the 42 zones of North America
        ("+34612345678", ("Atlantic/Canary", "Europe/Madrid")),
        ("+12125550134", ("America/New_York",)),
        ("+447400123456", ("Europe/London",)),
        ("+919812345678", ("Asia/Kolkata",)),  # libphonenumber says Asia/Calcutta
        ("+9999", ("UTC",)),
    ],
)
def test_a_number_lies_only_in_zones_of_its_own_country(number: str, zones: tuple[str, ...]) -> None:
    parsed = parse(number)
    country = parsed.country if parsed else ""
    assert quiet_hours.zones_for(number=number, country=country, timezone="") == zones


def test_a_moscow_mobile_waits_for_the_morning_in_moscow_and_in_kamchatka() -> None:
    """Field, Time: was taken to be in Almaty, by the alphabet."""
    zones = quiet_hours.zones_for(number="+79161234567", country="RU", timezone="")
    assert {"Europe/Moscow", "Asia/Kamchatka"} <= set(zones) and "Asia/Almaty" not in zones
    evening_in_almaty = datetime(2026, 3, 4, 3, 30, tzinfo=UTC)  # 06:30 in Moscow
    moment = next_allowed(country="RU", zones=zones, at=evening_in_almaty)
    assert moment.astimezone(ZoneInfo("Europe/Moscow")).hour >= 8
