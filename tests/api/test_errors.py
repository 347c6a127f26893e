"""Refusals: problem+json with a stable code, the field and the mend; unknown fields by name; limits; scopes; keys."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tenants import api_keys
from tenants.errors import CODES
from tenants.models import ApiKey
from tests.calling import Api
from tests.office import CARLA, Office
from tests.visiting import visit
from tests.world import give

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
PROBLEM = {"type", "title", "status", "code", "detail", "errors", "retryable"}


@pytest.fixture
def office() -> Office:
    office = Office()
    give(office.sender, office.org)
    return office


@pytest.fixture
def api(office: Office) -> Api:
    return Api(office.org)


def demand_problem(found: dict[str, Any], status: int) -> None:
    assert found.keys() >= PROBLEM
    assert found["status"] == status and found["code"] in CODES and found["detail"]
    for error in found["errors"]:
        assert error.keys() == {"field", "code", "message"}
        assert error["code"] in CODES, error


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "field"),
    [
        ("POST", "/messages", {}, 400, "invalid", "to"),
        ("POST", "/messages", {"to": CARLA}, 400, "invalid", "body"),
        ("POST", "/messages", {"to": CARLA, "body": ""}, 400, "invalid", "body"),
        ("POST", "/messages", {"to": CARLA, "body": None}, 400, "invalid", "body"),
        ("POST", "/messages", {"to": [], "body": "x"}, 400, "invalid", "to"),
        ("POST", "/messages", {"to": CARLA, "body": "x" * 1601}, 400, "body_too_long", "body"),
        ("POST", "/messages", {"to": "12", "body": "x"}, 400, "invalid_number", "to"),
        ("POST", "/messages", {"to": "+442079460123", "body": "x"}, 422, "country_not_allowed", "to"),
        ("POST", "/messages", {"to": "+19002345678", "body": "x"}, 422, "premium_number", "to"),
        ("POST", "/messages", {"to": CARLA, "body": "x", "send_at": "2020-01-01T00:00Z"}, 400, "in_the_past", "send_at"),
        ("POST", "/messages", {"to": CARLA, "body": "x", "send_at": "2999-01-01T00:00Z"}, 400, "too_far_ahead", "send_at"),
        ("POST", "/messages", {"to": CARLA, "body": "x", "metadata": []}, 400, "invalid", "metadata"),
        ("POST", "/messages", {"to": CARLA, "body": "x", "metadata": {"a": ["\0"]}}, 400, "invalid", "metadata.a.0"),
        ("POST", "/messages", {"to": CARLA, "body": "x", "metadata": {"\0": 1}}, 400, "invalid", "metadata"),
        ("POST", "/messages", {"to": CARLA, "body": "a\0b"}, 400, "invalid", "body"),
        ("POST", "/messages", {"to": CARLA, "body": "\ud800"}, 400, "invalid", "body"),
        ("POST", "/contacts", {"number": CARLA, "attributes": {"a": "\ud800"}}, 400, "invalid", "attributes.a"),
        ("POST", "/messages", [1], 400, "invalid", ""),
        ("POST", "/contacts", {"number": CARLA}, 422, "duplicate", "number"),
        ("POST", "/members", {"email": "x", "name": "x"}, 400, "invalid", "email"),
        ("POST", "/members", {"email": "a@x.example", "name": "x", "role": "king"}, 400, "invalid", "role"),
        ("PATCH", "/organization", {"country": "ZZ"}, 400, "unknown_country", "country"),
        ("PATCH", "/organization", {"timezone": "Mars/Base"}, 400, "invalid", "timezone"),
        ("PATCH", "/organization", {"allowed_countries": "some"}, 400, "invalid", "allowed_countries"),
        ("PATCH", "/organization", {"daily_cap": -1}, 400, "invalid", "daily_cap"),
        ("PATCH", "/organization", {"daily_cap": 10**30}, 400, "invalid", "daily_cap"),
        ("POST", "/campaigns", {"name": "x", "body": "{{ nobody }}", "audience": {}}, 400, "unknown_merge_field", "body"),
        ("POST", "/campaigns", {"name": "x", "body": "{{", "audience": {}}, 400, "template_error", "body"),
        ("POST", "/programs", {"name": "x", "keywords": [{"word": "STOP"}]}, 422, "keyword_reserved", "keywords"),
        ("POST", "/programs", {"name": "x", "keywords": [{"word": "!"}]}, 400, "invalid", "keywords"),
        ("POST", "/opt-outs", {"number": "nobody"}, 400, "invalid_number", "number"),
        ("POST", "/api-keys", {"name": "x", "scopes": ["fly"]}, 400, "invalid", "scopes.0"),
        ("GET", "/conversations?folder=attic", None, 400, "invalid", "folder"),
        ("GET", "/messages?cursor=nonsense", None, 400, "invalid", "cursor"),
        ("GET", "/messages?contact=nobody", None, 400, "invalid", "contact"),
        ("GET", "/messages?to=%00", None, 400, "invalid", "to"),
        ("GET", "/conversations?q=%00", None, 400, "invalid", "q"),
        ("GET", "/conversations?as_member=me", None, 400, "invalid", "as_member"),
        ("GET", "/messages/me", None, 404, "not_found", None),
        ("GET", "/messages/0190a0a0-0000-7000-8000-000000000000", None, 404, "not_found", None),
        ("GET", "/unicorns", None, 404, "not_found", None),
        ("GET", "/", None, 404, "not_found", None),
        ("PUT", "/messages", {}, 405, "method_not_allowed", None),
        ("DELETE", "/organization", None, 405, "method_not_allowed", None),
    ],
)  # fmt: skip
def test_the_answer_names_the_code_and_the_field(
    api: Api, method: str, path: str, body: Any, status: int, code: str, field: str | None
) -> None:
    found = api.call(method, path, body, expect=status)
    demand_problem(found, status)
    assert found["code"] == code, found
    fields = [error["field"] for error in found["errors"]]
    assert (field in fields) if field is not None else fields == []


@pytest.mark.parametrize(
    "body",
    [
        b"{no",
        b"\xff\xfe",
        b'{"to": NaN}',
        b"[" * 100_000,
        b'{"metadata": {"a": 1e999}, "to": "+16285550199", "body": "x"}',
    ],
)
def test_a_body_that_is_not_json_is_400(api: Api, body: bytes) -> None:
    found = api.call("POST", "/messages", body, expect=400)
    demand_problem(found, 400)
    assert found["code"] in ("malformed_json", "invalid")


def test_a_body_over_the_limit_is_413_and_not_read(api: Api, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    demand_problem(api.call("POST", "/messages", {"to": CARLA, "body": "x" * 2000}, expect=413), 413)


def test_another_content_type_is_415(api: Api) -> None:
    answer = api.client.post("/api/v1/messages", {"to": CARLA})
    assert answer.status_code == 415
    demand_problem(json.loads(answer.content), 415)


WRITES = [
    ("POST", "/api-keys"), ("POST", "/members"), ("PATCH", "/members/{member}"), ("POST", "/profiles"),
    ("PATCH", "/profiles/{profile}"), ("POST", "/teams"), ("PATCH", "/teams/{team}"), ("POST", "/delegations"),
    ("PATCH", "/delegations/{delegation}"), ("POST", "/sender-ids"), ("PATCH", "/sender-ids/{sender}"),
    ("PUT", "/sender-ids/{sender}/registrations/US"), ("POST", "/assignments"), ("PATCH", "/assignments/{assignment}"),
    ("POST", "/contacts"), ("PATCH", "/contacts/{contact}"), ("POST", "/contact-lists"), ("PATCH", "/contact-lists/{list}"),
    ("POST", "/opt-outs"), ("POST", "/messages"), ("POST", "/messages/preview"), ("PATCH", "/messages/{message}"),
    ("PATCH", "/conversations/{conversation}"), ("POST", "/conversations/{conversation}/messages"), ("POST", "/campaigns"),
    ("PATCH", "/campaigns/{campaign}"), ("POST", "/programs"), ("PATCH", "/programs/{program}"),
    ("POST", "/email-templates"),
    ("PATCH", "/email-templates/{template}"), ("PATCH", "/organization"),
]  # fmt: skip
NO_BODY = {
    "members-invite",
    "campaigns-start",
    "campaigns-pause",
    "campaigns-resume",
    "campaigns-cancel",
    "campaigns-report",
}


@pytest.fixture
def ids(office: Office) -> dict[str, str]:
    from tests.api_rows import rows_of

    return rows_of(office)


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_field_that_does_not_exist_is_refused_by_name(
    api: Api, ids: dict[str, str], method: str, path: str
) -> None:
    found = api.call(method, path.format(**ids), {"colour": "red"}, expect=400)
    demand_problem(found, 400)
    assert ("colour", "unknown_field") in [(error["field"], error["code"]) for error in found["errors"]]
    assert "there are:" in found["detail"]


def test_every_write_stands_in_that_table() -> None:
    from tests.api_rows import operations

    listed = {(method, re.sub(r"\{\w+\}", "{}", path).replace("/US", "/{}")) for method, path in WRITES}
    there = {
        (one.method, re.sub(r"\{\w+\}", "{}", one.path))
        for one in operations()
        if one.method in ("POST", "PUT", "PATCH") and one.name not in NO_BODY
    }
    assert listed == there


def test_inner_fields_are_refused_by_their_path(api: Api, office: Office) -> None:
    body = {
        "sender_id": str(office.sender.pk),
        "assignee": {"kind": "team", "id": str(office.team.pk), "x": 1},
        "notification": {"rule": "all", "colour": "red"},
    }
    fields = {error["field"] for error in api.post("/assignments", body, expect=400)["errors"]}
    assert fields == {"assignee.x", "notification.colour"}


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["read"], {"GET /messages", "POST /messages/preview"}),
        (["send"], {"POST /messages", "POST /campaigns"}),
        (["contacts"], {"POST /contacts"}),
        (["set_up"], {"POST /profiles"}),
    ],
)
def test_a_key_does_what_its_scopes_say_and_no_more(
    office: Office, scopes: list[str], allowed: set[str]
) -> None:
    api = Api(office.org, scopes=scopes)
    calls: dict[str, Any] = {
        "GET /messages": None,
        "POST /messages/preview": {"to": CARLA, "body": "x"},
        "POST /messages": {"to": CARLA, "body": "x"},
        "POST /campaigns": {"name": "x", "body": "x", "audience": {}},
        "POST /contacts": {"number": "+16285550100"},
        "POST /profiles": {"name": "x"},
    }
    for call, body in calls.items():
        answer = api.ask(*call.split(" "), body)
        assert (answer.status_code < 300) is (call in allowed), (call, answer.content)
        if answer.status_code >= 300:
            found = json.loads(answer.content)
            demand_problem(found, 403)
            assert found["code"] == "missing_scope"


def test_a_key_makes_no_key_that_may_more_than_itself(office: Office) -> None:
    api = Api(office.org, scopes=["read", "set_up"])
    assert api.post("/api-keys", {"name": "x", "scopes": ["send"]}, expect=403)["code"] == "forbidden"
    assert api.post("/api-keys", {"name": "x", "scopes": ["read", "send"]}, expect=403)["code"] == "forbidden"
    api.post("/api-keys", {"name": "x", "scopes": ["read"]})
    test_key = Api(office.org, sandbox=True)
    test_key.post("/api-keys", {"name": "x", "scopes": ["read"]}, expect=403)
    assert test_key.post("/api-keys", {"name": "x", "scopes": ["read"], "sandbox": True})["key"].startswith(
        "cs_test_"
    )


@pytest.mark.parametrize("change", ["revoked", "expired", "mistyped", "none", "basic"])
def test_a_key_that_does_not_count_is_401(office: Office, change: str) -> None:
    api = Api(office.org)
    header = f"Bearer {api.text}"
    if change == "revoked":
        api_keys.revoke(key=api.key)
    if change == "expired":
        ApiKey.unscoped.filter(pk=api.key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    header = {"mistyped": header[:-1] + "!", "none": "", "basic": f"Basic {api.text}"}.get(change, header)
    for method, path in (("get", "messages"), ("post", "messages"), ("get", "unicorns")):
        answer = getattr(Client(headers={"authorization": header}), method)(f"/api/v1/{path}")
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
        demand_problem(json.loads(answer.content), 401)


def test_a_key_does_not_revoke_itself(api: Api) -> None:
    """api 3: a client that tidied up all keys locked itself out; nor by revoking the key it was made with."""
    made = api.post("/api-keys", {"name": "made", "scopes": ["read", "set_up"]})
    inner = Client(headers={"authorization": f"Bearer {made['key']}"})
    assert api.delete(f"/api-keys/{api.key.pk}", expect=422)["code"] == "own_key"
    for pk in (made["id"], api.key.pk):
        answer = inner.delete(f"/api/v1/api-keys/{pk}")
        assert (answer.status_code, answer.json()["code"]) == (422, "own_key")
    assert inner.get("/api/v1/messages").status_code == 200
    api.delete(f"/api-keys/{made['id']}")
    assert inner.get("/api/v1/messages").status_code == 401
    api.get("/messages")


def test_a_key_that_has_expired_already_is_not_made(api: Api) -> None:
    """api 3: by the API and in the console, which share the rule."""
    for moment in ("2020-01-01T00:00:00Z", timezone.now().isoformat()):
        body = {"name": "z", "scopes": ["read"], "expires_at": moment}
        found = api.post("/api-keys", body, expect=400)
        assert (found["code"], found["errors"][0]["field"]) == ("in_the_past", "expires_at")
    assert ApiKey.objects.for_org(api.org).count() == 1


def test_nor_in_the_console(office: Office) -> None:
    """api 3"""
    ada = visit(office["Ada"])
    answer = ada.post("/developers/", {"name": "z", "scopes": ["read"], "expires_at": "2020-01-01T00:00"})
    assert "This time has passed" in answer.content.decode()
    assert not ApiKey.objects.for_org(office.org).exists()


def test_too_many_requests_are_429_with_a_time_to_wait(
    office: Office, api: Api, settings: Any, time_machine: Any
) -> None:
    time_machine.move_to(datetime.fromisoformat("2026-11-22T10:00:03+00:00"), tick=False)
    settings.API_RATE_LIMIT = (3, 10)
    for _ in range(3):
        api.get("/organization")
    answer = api.ask("GET", "/organization")
    assert (answer.status_code, answer["Retry-After"]) == (429, "7")
    found = json.loads(answer.content)
    demand_problem(found, 429)
    assert (found["code"], found["retryable"]) == ("rate_limited", True)
    Api(office.org).get("/organization")
    time_machine.move_to(datetime.fromisoformat("2026-11-22T10:00:10+00:00"), tick=False)
    api.get("/organization")


def test_a_refused_write_leaves_nothing_behind(api: Api, office: Office) -> None:
    body = {
        "sender_id": str(office.sender.pk),
        "assignee": {"kind": "team", "id": str(office.team.pk)},
        "notification": {"rule": "specific"},
    }
    assert api.post("/assignments", body, expect=422)["code"] == "nobody_chosen"
    assert [row["assignee"]["kind"] for row in api.results("/assignments")] == ["organization"]


def test_every_code_in_the_source_is_listed(client: Client) -> None:
    listed = {row["code"] for row in client.get("/api/v1/error-codes").json()["results"]}
    used: set[str] = set()
    for app in ("tenants", "senderid", "messaging", "notifications", "config"):
        for file in (ROOT / app).rglob("*.py"):
            source = file.read_text()
            used |= set(re.findall(r'(?:DomainError|problem)\(\s*"([a-z_]+)"', source))
            for call in re.findall(r"unreadable\(((?:[^()]|\([^()]*\))*)\)", source):
                code = re.search(r',\s*"([a-z_]+)"\s*,?\s*$', call)
                used |= {code[1]} if code else set()
    assert len(used) > 40
    assert used <= listed, used - listed
