"""Senders, countries, access, absences and settings at the console."""

from typing import Any

import pytest
from django.test import Client

from senderid.models import Assignment, Registration, SenderId, VerdictOverride
from tenants.memberships import named_group
from tenants.models import AuditEntry, Delegation, Membership, Organization, Team
from tests.visiting import form_on, visit, with_version
from tests.world import give, make_account, make_member, make_org, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organization:
    org = make_org()
    make_account(org)
    return org


@pytest.fixture
def ana(org: Organization) -> Client:
    return visit(make_member(org, "Ana", "admin"))


def text_of(client: Client, path: str) -> str:
    return client.get(path).content.decode()


# --- Senders -------------------------------------------------------------------------------------------


def test_an_empty_list_says_what_to_do_first(ana: Client) -> None:
    assert "No sender yet" in text_of(ana, "/senders/")


def test_a_number_typed_as_its_country_writes_it_is_added(org: Organization, ana: Client) -> None:
    answer = ana.post(
        "/senders/add/", {"kind": "long_code", "value": "(415) 555-0134", "country": "US", "label": "Main"}
    )
    sender = SenderId.objects.for_org(org).get()
    assert answer["Location"] == f"/senders/{sender.pk}/"
    assert (sender.value, sender.label, sender.direction, sender.mps) == ("+14155550134", "Main", "both", 1)


def test_a_name_saves_with_its_warning(org: Organization, ana: Client) -> None:
    given = {"kind": "alphanumeric", "value": "Northwind", "country": "GB", "direction": "both"}
    page = ana.post("/senders/add/", given, follow=True).content.decode()
    assert SenderId.objects.for_org(org).get().direction == "outgoing"
    assert "Nobody can answer a name" in page


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"value": "12"}, "isn’t a valid phone number"),
        ({"value": "+442079460123"}, "belongs to GB, not to US"),
        ({"kind": "alphanumeric", "value": "Much too long a name"}, "at most 11 characters"),
        ({"kind": "short_code", "value": "+1"}, "3 to 8 digits"),
        ({"mps": "0"}, "greater than or equal to 1"),
    ],
)
def test_a_wrong_value_is_named_with_its_mend_and_kept(ana: Client, given: dict, words: str) -> None:
    whole = {"kind": "long_code", "value": "+14155550134", "country": "US", "label": "Kept"} | given
    answer = ana.post("/senders/add/", whole)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert 'value="Kept"' in page


def test_the_sentence_speaks_of_what_is_typed(org: Organization, ana: Client) -> None:
    given = {"kind": "long_code", "value": "415 555 0134", "country": "US", "direction": "outgoing"}
    said = ana.post("/senders/sentence/", given).content.decode()
    assert "(415) 555-0134" in said
    assert "only sends" in said
    said = ana.post(
        "/senders/sentence/", {"kind": "alphanumeric", "value": "Northwind", "country": "GB"}
    ).content.decode()
    assert "Nobody can answer it" in said
    assert not SenderId.objects.for_org(org).exists()


def test_senders_are_found_by_kind_country_status_and_words(org: Organization, ana: Client) -> None:
    make_sender(org, label="Main")
    make_sender(org, "Northwind", "alphanumeric", country="GB")
    make_sender(org, "+14155550150", status="suspended", label="Old")
    for query, shown, hidden in [
        ("kind=alphanumeric", "Northwind", "555-0134"),
        ("country=US", "555-0134", "Northwind</strong>"),
        ("status=suspended", "555-0150", "555-0134"),
        ("q=main", "555-0134", "555-0150"),
        ("q=0150", "555-0150", "555-0134"),
    ]:
        page = text_of(ana, f"/senders/?{query}")
        assert shown in page, query
        assert hidden not in page, query


def test_editing_keeps_kind_value_and_country(org: Organization, ana: Client) -> None:
    sender = make_sender(org)
    given = {
        "kind": "short_code",
        "value": "56767",
        "country": "GB",
        "label": "New",
        "mps": "5",
        "direction": "both",
    }
    page = f"/senders/{sender.pk}/edit/"
    ana.post(page, with_version(ana, page, given))
    sender.refresh_from_db()
    assert (sender.kind, sender.value, sender.country) == ("long_code", "+14155550134", "US")
    assert (sender.label, sender.mps) == ("New", 5)


def test_the_history_tells_of_assignments_that_ended(org: Organization, ana: Client) -> None:
    sender, ben = make_sender(org), make_member(org, "Ben")
    assignment = give(sender, ben)
    ana.post(f"/assignments/{assignment.pk}/end/")
    page = text_of(ana, f"/senders/{sender.pk}/history/")
    assert "assigned to Ben" in page
    assert "taken from Ben" in page


# --- Countries -----------------------------------------------------------------------------------------


def test_the_two_lists_that_admins_ask_for(ana: Client) -> None:
    inbound, names = text_of(ana, "/countries/?q=germany"), text_of(ana, "/countries/?list=names&q=germany")
    assert "Germany" in inbound
    assert "Germany" in names
    assert "United States" not in text_of(ana, "/countries/?list=names&q=US")


def test_a_disputed_country_names_who_says_otherwise(ana: Client) -> None:
    assert "Sources differ about names" in text_of(ana, "/countries/AF/")
    assert ana.get("/countries/XX/").status_code == 404


def test_a_verdict_can_be_overridden_with_a_reason_and_withdrawn(org: Organization, ana: Client) -> None:
    sender = make_sender(org)
    page = f"/senders/{sender.pk}/countries/FR/"
    typed = with_version(ana, page, {"what": "override", "verdict": "allowed", "reason": "no"})
    assert ana.post(page, typed).status_code == 422
    ana.post(page, typed | {"reason": "our carrier confirmed it"})
    assert "our carrier confirmed it" in text_of(ana, f"/senders/{sender.pk}/countries/?q=FR")
    assert AuditEntry.objects.for_org(org).filter(action="verdict.overridden").exists()
    ana.post(page, form_on(ana, page, what="withdraw"))
    assert not VerdictOverride.objects.for_org(org).exists()


def test_a_registration_is_kept_per_country(org: Organization, ana: Client) -> None:
    sender = make_sender(org)
    given = {
        "what": "registration",
        "status": "approved",
        "reference": "UK-1",
        "expires_at": "2030-01-31T12:00",
    }
    page = f"/senders/{sender.pk}/countries/GB/"
    ana.post(page, with_version(ana, page, given))
    row = Registration.objects.for_org(org).get(country="GB")
    assert (row.country, row.status, row.reference) == ("GB", "approved", "UK-1")
    assert row.expires_at.hour == 17, "typed in New York"


def test_countries_of_a_sender_are_narrowed_by_verdict(org: Organization, ana: Client) -> None:
    sender = make_sender(org, "56767", "short_code")
    assert "United States" in text_of(ana, f"/senders/{sender.pk}/countries/?verdict=allowed")
    assert "Germany" not in text_of(ana, f"/senders/{sender.pk}/countries/?verdict=allowed")


# --- Access and order ----------------------------------------------------------------------------------


def test_a_member_page_says_what_they_may_and_why(org: Organization, ana: Client) -> None:
    ben, team = make_member(org, "Ben"), named_group(model=Team, org=org, name="Field")
    ana.post(f"/people/teams/{team.pk}/place/", {"member": ben.pk, "what": "in"})
    give(make_sender(org), ben)
    give(make_sender(org, "+14155550150"), team, can_send=False)
    give(make_sender(org, "+14155550151"), make_member(org, "Carla"))
    page = text_of(ana, f"/people/{ben.pk}/")
    assert "their own" in page
    assert "team Field" in page
    assert "555-0151" not in page


def test_a_rep_sees_their_own_page_and_no_one_elses(org: Organization) -> None:
    ben, carla = make_member(org, "Ben"), make_member(org, "Carla")
    assert visit(ben).get(f"/people/{ben.pk}/").status_code == 200
    assert visit(ben).get(f"/people/{carla.pk}/").status_code == 403


def test_a_rep_notes_their_own_absence_and_ends_it(org: Organization) -> None:
    ben, carla = make_member(org, "Ben"), make_member(org, "Carla")
    sender = make_sender(org)
    give(sender, ben)
    client = visit(ben)
    given = {
        "stand_in": carla.pk,
        "starts_at": "2030-01-01T09:00",
        "ends_at": "2030-01-05T09:00",
        "senders": [sender.pk],
    }
    said = client.post(f"/people/{ben.pk}/away/", given, headers={"HX-Request": "true"}).content.decode()
    assert "Carla" in said
    assert not Delegation.objects.for_org(org).exists()
    client.post(f"/people/{ben.pk}/away/", given)
    absence = Delegation.objects.for_org(org).get()
    assert (absence.stand_in, absence.all_senders) == (carla, False)
    assert visit(carla).post(f"/absences/{absence.pk}/end/").status_code == 403
    client.post(f"/absences/{absence.pk}/end/")
    assert not Delegation.objects.for_org(org).exists()


def test_an_absence_that_ends_before_it_starts_is_refused_by_its_field(org: Organization) -> None:
    ben = make_member(org, "Ben")
    given = {"starts_at": "2030-01-05T09:00", "ends_at": "2030-01-01T09:00"}
    answer = visit(ben).post(f"/people/{ben.pk}/away/", given)
    assert answer.status_code == 422
    assert "ends before it starts" in answer.content.decode()


def test_a_viewer_sets_no_absence(org: Organization) -> None:
    eve = make_member(org, "Eve", "viewer")
    assert visit(eve).get(f"/people/{eve.pk}/away/").status_code == 403


def test_the_order_of_senders_is_set_on_the_assignees_page(org: Organization, ana: Client) -> None:
    ben = make_member(org, "Ben")
    first, second = give(make_sender(org), ben), give(make_sender(org, "+14155550150"), ben)
    order = {
        f"priority-{first.pk}": "20",
        f"priority-{second.pk}": "nonsense",
        "back": "https://evil.example/",
    }
    page = f"/assignees/{ben.pk}/order/"
    refused = ana.post(page, with_version(ana, page, order))
    assert refused.status_code == 422
    assert "Enter a whole number" in refused.content.decode()
    answer = ana.post(page, with_version(ana, page, order | {f"priority-{second.pk}": ""}))
    assert answer["Location"] == page
    found = dict(Assignment.objects.for_org(org).values_list("pk", "priority"))
    assert found == {first.pk: 20, second.pk: 100}


# --- Settings ------------------------------------------------------------------------------------------


def settings_of(org: Organization, **changes: str) -> dict[str, str]:
    whole = {"name": org.name, "country": "US", "timezone": "America/New_York", "allowed_countries": "US",
             "stop_scope": "org", "quiet_hours": "by_country"}  # fmt: skip
    return whole | changes


def save_settings(client: Client, org: Organization, **changes: str) -> Any:
    return client.post("/settings/", with_version(client, "/settings/", settings_of(org, **changes)))


def test_countries_are_typed_by_name_or_code(org: Organization, ana: Client) -> None:
    save_settings(ana, org, allowed_countries="germany, US")
    org.refresh_from_db()
    assert org.allowed_countries == ["DE", "US"]
    answer = save_settings(ana, org, allowed_countries="Atlantis")
    assert "“Atlantis” is no country" in answer.content.decode()


def test_quiet_hours_are_switched_off_only_with_a_reason(org: Organization, ana: Client) -> None:
    answer = save_settings(ana, org, quiet_hours="off")
    assert answer.status_code == 422
    org.refresh_from_db()
    assert org.quiet_hours == "by_country"
    save_settings(ana, org, quiet_hours="off", quiet_hours_reason="alarms only")
    org.refresh_from_db()
    assert org.quiet_hours == "off"


def test_a_carriers_token_is_written_and_never_shown(org: Organization, ana: Client) -> None:
    account = make_account(org, "AC" + "2" * 32)
    path = f"/settings/accounts/{account.pk}/token/"
    typed = with_version(ana, path, {"token": "a-new-secret-token"}, page="/settings/accounts/")
    ana.post(path, typed)
    account.refresh_from_db()
    assert account.tokens == ["a-new-secret-token", "token-2222"]
    page = text_of(ana, "/settings/accounts/")
    assert account.account_sid in page
    assert "a-new-secret-token" not in page


def test_a_foreign_member_opens_no_page_of_ours(org: Organization) -> None:
    stranger: Membership = make_member(make_org("Elsewhere"), "Zoe", "owner")
    assert visit(stranger).get(f"/senders/{make_sender(org).pk}/edit/").status_code == 404


def test_the_countries_of_a_sender_say_what_keeps_it_from_sending_there(
    org: Organization, ana: Client
) -> None:
    """console 7: a draft and a country that isn't enabled were shown as allowed, no more."""
    sender = make_sender(org, "+12125550134")
    Organization.objects.filter(pk=org.pk).update(allowed_countries=["US"])
    page = ana.get(f"/senders/{sender.pk}/countries/?q=CA").content.decode()
    assert "Country not enabled" in page and "isn’t active" not in page
    assert (
        "Country not enabled"
        not in ana.get(f"/senders/{sender.pk}/countries/?q=United+States").content.decode()
    )
    SenderId.objects.for_org(org).update(status="draft")
    assert "isn’t active" in ana.get(f"/senders/{sender.pk}/countries/").content.decode()
