"""What an attacker found who knew the README, the promises and the document only."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from messaging.models import ConsentEntry, Program
from notifications.rules import MOST_EMAILS
from tenants.models import Organization
from tests.calling import Api
from tests.office import Office

pytestmark = pytest.mark.django_db
CARLA = "+12125550171"


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def api(office: Office) -> Api:
    return Api(office.org)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ('{"number": "+12125550171", "number": "+12125550172"}', ["number"]),
        ('{"number": "+12125550171", "attributes": {"a": 1, "b": 2, "a": 3}}', ["a"]),
        ('{"number": "+12125550171", ' + '"a": 1, ' * 200 + '"b": 2}', [""]),
    ],
)
def test_a_name_twice_in_one_object_is_refused(api: Api, body: str, fields: list[str]) -> None:
    """eyes 3: the last of the two was taken; a proxy that checks the first sees another number."""
    said = api.call("POST", "/contacts", body, expect=400)
    assert [error["field"] for error in said["errors"]] == fields
    assert said["errors"][0]["code"] == "duplicate_field"
    assert api.results(f"/contacts?number=%2B{CARLA[1:]}") == []


def test_a_packed_body_is_refused_by_name(api: Api) -> None:
    """eyes 3: `malformed_json` does not tell why."""
    answer = api.ask("POST", "/contacts", "{}", Content_Encoding="gzip")
    assert (answer.status_code, b"gzip" in answer.content) == (415, True)


@pytest.mark.parametrize("address", ["/programs", "/api-keys", "/members", "/delegations"])
def test_every_list_has_an_end(api: Api, address: str) -> None:
    """eyes 4: 99,000 keywords held a worker for more than a minute."""
    given: dict[str, Any] = {
        "/programs": {"keywords": [{"word": f"A{n}"} for n in range(1001)]},
        "/api-keys": {"scopes": ["read"] * 1001},
        "/members": {"teams": ["x"] * 1001},
        "/delegations": {"senders": ["x"] * 1001},
    }
    said = api.post(address, given[address], expect=400)
    assert {"max_length"} & {error["code"] for error in said["errors"]}
    assert not Program.objects.for_org(api.org).filter(name="x").exists()


def test_a_text_is_emailed_to_a_hundred_addresses_at_most(api: Api, office: Office) -> None:
    """eyes 4: 20,000 were taken, each of which every text of a customer would be sent to."""
    path = f"/assignments/{office.rule().pk}"
    for many, status in ((MOST_EMAILS + 1, 400), (MOST_EMAILS, 200)):
        rule = {"rule": "all", "emails": [f"a{n}@x.example" for n in range(many)]}
        api.patch(path, {"notification": rule}, expect=status)


@pytest.mark.parametrize("zone", ["localtime", "Factory"])
def test_a_zone_that_is_no_place_is_refused(api: Api, zone: str) -> None:
    """eyes 5: `localtime` is whatever the machine is set to; quiet hours follow it."""
    api.patch("/organization", {"timezone": zone}, expect=400)
    api.post("/contacts", {"number": CARLA, "timezone": zone}, expect=400)


def test_nobody_agrees_in_the_future(api: Api) -> None:
    """eyes 6: the newest entry counts, so it would have outlived each opt-out until then."""
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    said = api.post("/contacts", {"number": CARLA, "consent": {"source": "web", "at": later}}, expect=400)
    assert (said["code"], said["errors"][0]["field"]) == ("in_the_future", "consent.at")
    assert not ConsentEntry.objects.for_org(api.org).filter(number=CARLA).exists()
    soon = (timezone.now() + timedelta(minutes=1)).isoformat()
    api.post("/contacts", {"number": CARLA, "consent": {"source": "web", "at": soon}})


@pytest.mark.parametrize("nothing", ["\u200b", "\u2060\ufeff", "\u3164 "])
def test_a_name_or_reason_that_shows_nothing_is_empty(api: Api, nothing: str) -> None:
    """eyes 7: an organization of no visible name, quiet hours off for no visible reason."""
    for method, path in (("PATCH", "/organization"), ("POST", "/teams")):
        assert api.ask(method, path, {"name": nothing}).status_code in (400, 422)
    said = api.patch("/organization", {"quiet_hours": "off", "quiet_hours_reason": nothing}, expect=422)
    assert said["code"] == "reason_needed"
    assert Organization.objects.get(pk=api.org.pk).name == api.org.name


def test_what_is_not_there_below_static_is_not_kept(client: Client) -> None:
    """eyes 8: its page has a form's cookie, and a cache before us keeps what lies below /static/."""
    answer = client.get("/static/nothing.css")
    assert (answer.status_code, answer["Cache-Control"]) == (404, "no-store")


@pytest.mark.parametrize(("scopes", "status"), [(["set_up"], 403), (["set_up", "manage_owners"], 202)])
def test_only_owners_renew_an_owners_invitation(office: Office, scopes: list[str], status: int) -> None:
    """eyes 9: a key of an admin made the owner's link void, or an expired one good again."""
    api = Api(office.org, scopes=["read", "set_up", "manage_owners"])
    given = {"email": "new@x.example", "name": "New", "role": "owner", "send_invitation": False}
    path = f"/members/{api.post('/members', given)['id']}/invitation"
    asking = Api(office.org, scopes=scopes, created_by=office["Olga"])
    asking.post(path, expect=status)
