"""Registrations at the console and over REST, and what the upgrade does for numbers that were sending before."""

from datetime import timedelta
from importlib import import_module
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from senderid.country_rules import verdicts_of
from senderid.models import CountryRule, ProviderAccount, Registration, SenderId
from senderid.provisioning import add_sender
from senderid.registration import register
from tenants.models import Organization
from tests.calling import Api
from tests.visiting import visit, with_version
from tests.world import give, make_account, make_member, make_org, make_sender

pytestmark = pytest.mark.django_db
carry = import_module("senderid.migrations.0006_carry_over_registrations")


@pytest.fixture
def org() -> Organization:
    org = make_org()
    make_account(org)
    return org


@pytest.fixture
def ana(org: Organization) -> Client:
    return visit(make_member(org, "Ana", "admin"))


def text_of(client: Client, path: str) -> str:
    return " ".join(client.get(path).content.decode().split())


def held(sender: SenderId) -> dict[str, tuple[str, str]]:
    rows = Registration.objects.for_org(sender.org_id).filter(sender=sender)
    return {row.country: (row.status, row.reference) for row in rows}


# --- One verdict everywhere ----------------------------------------------------------------------------


def test_every_page_and_door_says_the_same_of_a_number_without_registration(
    org: Organization, ana: Client
) -> None:
    """console 7"""
    number = add_sender(org=org, kind="long_code", value="+14155550134", country="US")
    give(number, org)
    api = Api(org)
    said = "The United States requires 10DLC campaign registration for long codes. This sender has no registration there."
    text = {"to": "+16285550199", "body": "Hello"}
    for path in (
        f"/senders/{number.pk}/",
        f"/senders/{number.pk}/countries/?q=US",
        f"/senders/{number.pk}/countries/US/",
        "/countries/US/",
        "/explain/?who=organization&to=%2B16285550199",
    ):
        page = text_of(ana, path)
        assert said in page, path
    assert "needs registration" in text_of(ana, "/senders/")
    assert api.get(f"/sender-ids/{number.pk}")["warnings"] == [{"code": "registration_needed", "text": said}]
    assert api.results("/sender-ids")[0]["warnings"][0]["code"] == "registration_needed"
    preview = api.post("/messages/preview", text, expect=200)
    assert preview["sender"] is None
    assert [(row["code"], row["text"]) for row in preview["rejected"]] == [("registration_missing", said)]
    assert api.post("/messages", text, expect=422)["rejected"] == preview["rejected"]

    api.call("PUT", f"/sender-ids/{number.pk}/registrations/US", {"status": "approved"}, expect=200)
    assert api.post("/messages/preview", text, expect=200)["sender"]["value"] == number.value
    assert api.get(f"/sender-ids/{number.pk}")["warnings"] == []
    assert "needs registration" not in text_of(ana, "/senders/")
    assert "It is registered in the United States." in text_of(ana, "/countries/US/")


def test_the_sentence_of_the_form_says_it_before_the_number_is_added(org: Organization, ana: Client) -> None:
    """console 7: for the carrier's numbers; those of the simulator are registered as they are added."""
    given = {"kind": "long_code", "value": "+14155550134", "country": "US"}
    assert "10DLC campaign registration" in ana.post("/senders/sentence/", given).content.decode()

    ProviderAccount.objects.for_org(org).update(is_simulator=True)
    assert "10DLC" not in ana.post("/senders/sentence/", given).content.decode()


def test_a_country_that_demands_it_shows_so_among_the_columns_of_the_api(org: Organization) -> None:
    """console 7"""
    rule = Api(org).get("/country-rules/US")
    assert rule["long_code_registration"] == "10DLC campaign registration"
    assert rule["toll_free_registration"] == "toll-free verification"
    assert Api(org).get("/country-rules/GB")["long_code_registration"] == ""


# --- Expiry --------------------------------------------------------------------------------------------


def test_an_expired_registration_is_never_green(org: Organization, ana: Client) -> None:
    """console 13: the list showed a green "approved" while selection refused."""
    name = make_sender(org, "Northwind", "alphanumeric", country="GB")
    register(sender=name, country="GB", status="approved", reference="R-1")
    past = timezone.now() - timedelta(days=40)
    Registration.objects.for_org(org).update(expires_at=past)
    ((_, verdict, row),) = verdicts_of(sender=name, countries=["GB"])
    assert (verdict.verdict, row and row.state) == ("needs_registration", "expired")
    since = f"expired on {past.astimezone(ZoneInfo(org.timezone)):%-d %B %Y}"
    for path in (f"/senders/{name.pk}/countries/?q=GB", f"/senders/{name.pk}/countries/GB/"):
        page = text_of(ana, path).split("<main")[1]
        assert since in page and "chip bad" in page, path
        assert 'chip good"> approved' not in page and 'chip good">allowed' not in page, path
    row_of_country = (
        text_of(ana, "/countries/GB/").split(f"/senders/{name.pk}/countries/GB/")[1].split("</tr>")[0]
    )
    assert since in row_of_country and "needs registration" in row_of_country
    assert "chip good" not in row_of_country
    (shown,) = Api(org).get(f"/sender-ids/{name.pk}/registrations")["results"]
    assert shown["status"] == "expired"


@pytest.mark.parametrize(
    ("status", "days", "code"),
    [
        ("approved", -1, "expiry_in_past"),
        ("submitted", -1, "expiry_in_past"),
        ("not_needed", -1, "expiry_in_past"),
        ("expired", 1, "expiry_to_come"),
        ("approved", 1, ""),
        ("expired", -1, ""),
    ],
)
def test_an_expiry_that_does_not_fit_is_refused_at_save(
    org: Organization, ana: Client, status: str, days: int, code: str
) -> None:
    """console 13"""
    number = make_sender(org)
    at = timezone.now() + timedelta(days=days)
    given = {"status": status, "expires_at": at.isoformat()}
    path = f"/sender-ids/{number.pk}/registrations/GB"
    problem = Api(org).call("PUT", path, given, expect=422 if code else 200)
    typed = {"what": "registration", "status": status, "expires_at": f"{at:%Y-%m-%dT%H:%M}"}
    form = f"/senders/{number.pk}/countries/DE/"
    page = ana.post(form, with_version(ana, form, typed))
    if code:
        assert (problem["code"], problem["errors"][0]["field"]) == (code, "expires_at")
        assert page.status_code == 422 and problem["detail"] in page.content.decode()
    assert ("GB" in held(number)) is ("DE" in held(number)) is (code == "")


# --- The upgrade ---------------------------------------------------------------------------------------


def test_no_number_stops_sending_at_the_upgrade(org: Organization) -> None:
    """console 7: an approved registration whose reference says that nobody proved it."""
    simulated = make_account(org, "AC" + "7" * 32, is_simulator=True)
    rows = {
        "long": add_sender(
            org=org, kind="long_code", value="+14155550001", country="US", provider_account=own(org)
        ),
        "free": add_sender(
            org=org, kind="toll_free", value="+18885550001", country="US", provider_account=own(org)
        ),
        "short": add_sender(
            org=org, kind="short_code", value="56001", country="US", provider_account=own(org)
        ),
        "asked": add_sender(
            org=org, kind="long_code", value="+14155550002", country="US", provider_account=own(org)
        ),
        "no": add_sender(
            org=org, kind="long_code", value="+14155550003", country="US", provider_account=own(org)
        ),
        "draft": add_sender(
            org=org,
            kind="long_code",
            value="+14155550004",
            country="US",
            status="draft",
            provider_account=own(org),
        ),
        "german": add_sender(
            org=org, kind="long_code", value="+4915735550199", country="DE", provider_account=own(org)
        ),
        "name": add_sender(
            org=org, kind="alphanumeric", value="Northwind", country="GB", provider_account=own(org)
        ),
        "simulated": add_sender(
            org=org, kind="toll_free", value="+18885550002", country="US", provider_account=simulated
        ),
    }
    Registration.objects.for_org(org).filter(sender=rows["simulated"]).delete()
    register(sender=rows["asked"], country="US", status="submitted", reference="B7K2")
    register(sender=rows["no"], country="US", status="rejected")
    register(sender=rows["name"], country="GB", status="not_needed")
    CountryRule.objects.filter(pk="US").update(long_code_registration="", corrected=True)

    carry.correct_rules(apps, None)
    carry.carry_over(apps, None)
    carry.carry_over_not_needed(apps, None)

    over = "carried over at upgrade, not verified"
    assert {key: held(row) for key, row in rows.items()} == {
        "long": {"US": ("approved", over)},
        "free": {"CA": ("approved", over), "US": ("approved", over)},
        "short": {"US": ("approved", over)},
        "asked": {"US": ("approved", f"{over}; was submitted B7K2")},
        "no": {"US": ("rejected", "")},
        "draft": {},
        "german": {},
        "name": {"GB": ("approved", f"{over}; was not needed")},
        "simulated": {"CA": ("approved", "simulator"), "US": ("approved", "simulator")},
    }
    assert CountryRule.objects.get(pk="US").long_code_registration == "10DLC campaign registration"


def own(org: Organization) -> ProviderAccount:

    return ProviderAccount.objects.for_org(org).get(is_simulator=False)
