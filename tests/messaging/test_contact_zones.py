"""Where a contact's time zone is from, and what becomes of those stored by the alphabet (field, Time)."""

from importlib import import_module
from types import SimpleNamespace

import pytest

from messaging.models import Contact
from tests.calling import Api
from tests.office import Office

stored = import_module("messaging.migrations.0012_zones_of_the_own_country")


@pytest.fixture
def api() -> Api:
    return Api(Office().org)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("number", "zone", "source"),
    [
        ("+12125550188", "America/New_York", "area_code"),
        ("+442079460188", "Europe/London", "country"),
        ("+34612345678", "", ""),
        ("+79161234567", "", ""),
    ],
)
def test_a_contact_says_how_its_zone_is_known(api: Api, number: str, zone: str, source: str) -> None:
    row = api.post("/contacts", {"number": number}, expect=201)
    assert (row["timezone"], row["timezone_source"]) == (zone, source)


@pytest.mark.django_db
def test_a_zone_set_by_hand_stays_until_it_is_emptied(api: Api) -> None:
    row = api.post("/contacts", {"number": "+34612345678"}, expect=201)
    path = f"/contacts/{row['id']}"
    by_hand = api.patch(path, {"timezone": "Atlantic/Canary"})
    assert (by_hand["timezone"], by_hand["timezone_source"]) == ("Atlantic/Canary", "manual")
    assert api.patch(path, {"name": "Luz"})["timezone_source"] == "manual"
    emptied = api.patch(path, {"timezone": ""})
    assert (emptied["timezone"], emptied["timezone_source"]) == ("", "")
    refused = api.patch(path, {"timezone": "Mars/Base"}, expect=400)
    assert refused["errors"][0]["field"] == "timezone"


@pytest.mark.parametrize(
    ("number", "country", "before", "after"),
    [
        ("+79161234567", "RU", "Asia/Almaty", ("", "")),
        ("+34612345678", "ES", "Atlantic/Canary", ("", "")),
        ("+34612345678", "ES", "Europe/Madrid", ("Europe/Madrid", "manual")),
        ("+18765551234", "JM", "America/Adak", ("America/Jamaica", "country")),
        ("+12125550188", "US", "America/New_York", ("America/New_York", "area_code")),
        ("+12125550188", "US", "Asia/Tokyo", ("Asia/Tokyo", "manual")),
    ],
)
def test_stored_zones_are_computed_again_but_those_set_by_hand_stay(
    number: str, country: str, before: str, after: tuple[str, str]
) -> None:
    assert stored.zone_of(SimpleNamespace(number=number, country=country, timezone=before)) == after


@pytest.mark.django_db
def test_every_stored_contact_is_visited() -> None:
    from django.apps import apps

    office = Office()
    contacts = Contact.objects.for_org(office.org)
    for n in range(5):
        contacts.create(number=f"+7916123456{n}", country="RU", timezone="Asia/Almaty")
    portion, stored.PORTION = stored.PORTION, 2
    try:
        stored.recompute(apps, None)
    finally:
        stored.PORTION = portion
    assert not contacts.filter(timezone="Asia/Almaty").exists()
