"""The shapes of what admins set up: organization, people, absences, senders, contacts, wording, keys."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from messaging import receiving
from tests.calling import Api
from tests.office import Office
from tests.world import give

pytestmark = pytest.mark.django_db
ORGANIZATION = {
    "id",
    "name",
    "country",
    "timezone",
    "allowed_countries",
    "stop_scope",
    "quiet_hours",
    "daily_cap",
    "monthly_cap",
}


@pytest.fixture
def office() -> Office:
    office = Office()
    give(office.sender, office.org)
    return office


@pytest.fixture
def api(office: Office) -> Api:
    return Api(office.org)


def test_the_organization_is_read_and_changed(api: Api, office: Office) -> None:
    found = api.get("/organization")
    assert found.keys() >= ORGANIZATION
    assert (found["allowed_countries"], found["stop_scope"]) == (["US"], "org")
    change = {
        "allowed_countries": ["de", "US"],
        "stop_scope": "sender",
        "daily_cap": 5,
        "timezone": "Europe/Berlin",
    }
    changed = api.patch("/organization", change)
    assert (changed["allowed_countries"], changed["stop_scope"], changed["daily_cap"]) == (
        ["DE", "US"],
        "sender",
        5,
    )
    assert api.patch("/organization", {"allowed_countries": "all"})["allowed_countries"] == "all"
    assert api.get("/organization")["name"] == "Northwind"


def test_quiet_hours_are_off_only_with_a_reason(api: Api, office: Office) -> None:
    api.patch("/organization", {"quiet_hours": "by_country", "quiet_hours_reason": ""})
    problem = api.patch("/organization", {"quiet_hours": "off"}, expect=422)
    assert problem["errors"][0]["field"] == "quiet_hours_reason"
    assert api.get("/organization")["quiet_hours"] == "by_country"


def test_members_profiles_and_teams(api: Api) -> None:
    profile, team = api.post("/profiles", {"name": "EMEA"}), api.post("/teams", {"name": "Night"})
    body = {
        "email": "Eve@x.example",
        "name": "Eve",
        "role": "viewer",
        "profile": profile["id"],
        "teams": [team["id"]],
    }
    row = api.post("/members", body)
    assert row.keys() >= {"id", "email", "name", "role", "profile", "teams", "is_active"}
    assert (row["role"], row["profile"], row["teams"], row["is_active"]) == (
        "viewer",
        profile["id"],
        [team["id"]],
        True,
    )
    assert api.get(f"/teams/{team['id']}")["members"] == [row["id"]]
    path = f"/members/{row['id']}"
    changed = api.patch(path, {"is_active": False, "role": "rep", "profile": None, "teams": []})
    assert (changed["is_active"], changed["role"], changed["profile"], changed["teams"]) == (
        False,
        "rep",
        None,
        [],
    )
    assert api.post("/members", body, expect=422)["code"] == "duplicate"
    assert api.patch(f"/teams/{team['id']}", {"name": "Day"})["name"] == "Day"
    api.delete(f"/teams/{team['id']}")
    api.delete(path)
    assert api.get(path)["is_active"] is False


def test_the_last_owner_stays(api: Api, office: Office) -> None:
    problem = api.patch(f"/members/{office['Olga'].pk}", {"role": "rep"}, expect=422)
    assert problem["code"] == "last_owner"


def test_a_delegation_is_made_changed_and_ended(api: Api, office: Office) -> None:
    now = timezone.now()
    times = {"start": now.isoformat(), "end": (now + timedelta(days=3)).isoformat()}
    row = api.post("/delegations", {"from": str(office["Ann"].pk), **times})
    assert row.keys() >= {"id", "from", "to", "start", "end", "senders"}
    assert (row["to"], row["senders"]) == (None, [])
    path = f"/delegations/{row['id']}"
    change: dict[str, Any] = {
        "to": str(office["Ben"].pk),
        "senders": [str(office.sender.pk)],
        "copy_absent": True,
    }
    changed = api.patch(path, change)
    assert {name: changed[name] for name in change} == change
    assert api.patch(path, {"senders": []})["senders"] == []
    assert api.patch(path, {"to": str(office["Ann"].pk)}, expect=400)["errors"][0]["field"] == "to"
    assert api.patch(path, {"end": times["start"]}, expect=400)["errors"][0]["field"] == "end"
    assert api.get(path)["to"] == change["to"]
    api.delete(path)


def test_a_sender_and_its_registrations(api: Api, office: Office) -> None:
    row = api.post("/sender-ids", {"kind": "alphanumeric", "value": "Shop", "country": "GB", "label": "Name"})
    assert row.keys() >= {"id", "kind", "value", "country", "label", "status", "direction", "provider_account", "mps",
                          "reply_number", "reply_instruction"}  # fmt: skip
    assert (row["status"], row["direction"], row["mps"]) == ("active", "outgoing", 10)
    assert row["provider_account"] == str(office.account.pk)
    change = {"reply_number": str(office.sender.pk), "reply_instruction": "Text us at 415"}
    changed = api.patch(f"/sender-ids/{row['id']}", change)
    assert {name: changed[name] for name in change} == change
    path = f"/sender-ids/{row['id']}/registrations"
    found = api.call("PUT", f"{path}/gb", {"status": "submitted", "reference": "R1"}, expect=200)
    assert found.keys() >= {"country", "status", "reference", "expires_at"}
    assert (found["country"], found["status"]) == ("GB", "submitted")
    assert api.get(path) == {"results": [found], "next": None}
    assert api.get(f"{path}/GB") == found
    api.get(f"{path}/DE", expect=404)
    api.delete(f"/sender-ids/{row['id']}")


def test_a_sender_with_history_is_retired_and_not_deleted(api: Api, office: Office) -> None:
    office.text()
    assert api.delete(f"/sender-ids/{office.sender.pk}", expect=422)["code"] == "in_use"
    assert api.patch(f"/sender-ids/{office.sender.pk}", {"status": "retired"})["status"] == "retired"


def test_contacts_and_lists(api: Api, office: Office) -> None:
    body = {
        "number": "(628) 555-0100",
        "name": "Dora",
        "owner": str(office["Ann"].pk),
        "tags": ["vip"],
        "attributes": {"city": "Rome"},
    }
    row = api.post("/contacts", body)
    assert row.keys() >= {"id", "number", "name", "owner", "tags", "attributes"}
    assert (row["number"], row["country"], row["attributes"]) == ("+16285550100", "US", {"city": "Rome"})
    assert api.post("/contacts", body, expect=422)["code"] == "duplicate"
    changed = api.patch(f"/contacts/{row['id']}", {"attributes": {"city": None, "dog": "Rex"}, "owner": None})
    assert (changed["attributes"], changed["owner"], changed["name"]) == ({"dog": "Rex"}, None, "Dora")
    assert [found["id"] for found in api.results("/contacts?number=%2B16285550100")] == [row["id"]]
    kept = api.post("/contact-lists", {"name": "All", "contacts": [row["id"], str(office.carla.pk)]})
    assert (kept["name"], kept["size"]) == ("All", 2)
    assert api.patch(f"/contact-lists/{kept['id']}", {"contacts": [row["id"]]})["size"] == 1
    api.delete(f"/contact-lists/{kept['id']}")
    api.delete(f"/contacts/{row['id']}")


def test_consent_is_recorded_with_a_contact(api: Api, office: Office) -> None:
    api.patch("/organization", {"require_consent": True})
    number = "+16285550100"
    assert api.post("/messages", {"to": number, "body": "Hi"}, expect=422)["code"] == "consent_missing"
    api.post("/contacts", {"number": number, "consent": {"source": "web form", "at": "2026-01-01T00:00:00Z"}})
    api.post("/messages", {"to": number, "body": "Hi"}, expect=202)


def test_e_mail_templates(api: Api) -> None:
    body = {
        "kind": "new_message",
        "name": "Ours",
        "subject": "{{ contact.name }}",
        "html": "<p>x</p>",
        "text": "x",
    }
    row = api.post("/email-templates", body)
    assert row.keys() >= {"id", *body, "is_org_default"}
    problem = api.patch(f"/email-templates/{row['id']}", {"text": "\n{{ contact.nam }}"}, expect=400)
    assert (problem["code"], problem["errors"][0]["field"], problem["line"]) == (
        "unknown_merge_field",
        "text",
        2,
    )
    assert api.patch(f"/email-templates/{row['id']}", {"is_org_default": True})["subject"] == body["subject"]
    api.delete(f"/email-templates/{row['id']}")


def test_a_key_is_shown_once(api: Api) -> None:
    row = api.post("/api-keys", {"name": "CRM", "scopes": ["read"]})
    assert row["key"].startswith("cs_live_") and row["scopes"] == ["read"]
    assert "key" not in api.get(f"/api-keys/{row['id']}")
    api.delete(f"/api-keys/{row['id']}")
    assert api.get(f"/api-keys/{row['id']}")["revoked_at"]


def test_country_rules_are_there_for_everybody(api: Api) -> None:
    rules = api.get("/country-rules")["results"]
    assert {row["country"] for row in rules} >= {"US", "GB", "DE"}
    assert api.get("/country-rules/gb")["country"] == "GB"
    api.get("/country-rules/zz", expect=404)


def test_a_retired_number_brings_texts_to_quarantine_not_to_the_inbox(api: Api, office: Office) -> None:
    api.patch(f"/sender-ids/{office.sender.pk}", {"status": "retired"})
    event = office.event()
    receiving.process_event(event.pk)
    assert api.results("/messages") == []
