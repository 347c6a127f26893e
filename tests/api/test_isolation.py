"""Nothing crosses from one organization to another: every operation, every slot for an id, with the other org's id.

A route, a write or a filter that stands in none of the tables below fails a test here.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from tenants.rls import tenant_models
from tests.api_rows import Operation, operations, rows_of
from tests.calling import Api
from tests.office import Office

pytestmark = pytest.mark.django_db

# The kind of row (tests/api_rows.py) that the id in a path names.
KINDS = {
    "api-keys": "key", "members": "member", "profiles": "profile", "teams": "team", "delegations": "delegation",
    "sender-ids": "sender", "assignments": "assignment", "contacts": "contact", "contact-lists": "list",
    "opt-outs": "opt_out", "messages": "message", "conversations": "conversation", "campaigns": "campaign",
    "programs": "program", "notifications": "notification", "email-templates": "template",
    "media": "media",
}  # fmt: skip
EVERYBODYS = {"country-rules", "organization"}  # no row of an org stands in these paths
PATH_BODIES = {
    "PATCH /messages/{pk}": {"status": "cancelled"},
    "POST /conversations/{pk}/messages": {"body": "Hi"},
    "PUT /sender-ids/{pk}/registrations/{country}": {"status": "approved"},
    "PATCH /profiles/{pk}": {"name": "x"},
    "PATCH /teams/{pk}": {"name": "x"},
}
NOW = "2030-01-01T00:00:00Z"
LATER = "2030-01-02T00:00:00Z"
TEXT = {"to": "+16285550123", "body": "Hi"}
CAMPAIGN = {"name": "C", "body": "Hi", "audience": {}}
# Operation → (field in the answer's errors, body); `$sender` stands for the id of a row, `$$number` for a sender's value.
BODIES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "PATCH /organization": [],
    "POST /api-keys": [],
    "POST /members": [
        ("profile", {"email": "n@x.example", "name": "N", "profile": "$profile"}),
        ("teams", {"email": "n@x.example", "name": "N", "teams": ["$team"]}),
    ],
    "PATCH /members/{pk}": [("profile", {"profile": "$profile"}), ("teams", {"teams": ["$team"]})],
    "POST /members/{pk}/invitation": [],
    "POST /profiles": [],
    "PATCH /profiles/{pk}": [],
    "POST /teams": [],
    "PATCH /teams/{pk}": [],
    "POST /delegations": [
        ("from", {"from": "$member", "start": NOW, "end": LATER}),
        ("to", {"from": "@member", "to": "$other", "start": NOW, "end": LATER}),
        ("senders", {"from": "@member", "start": NOW, "end": LATER, "senders": ["$sender"]}),
    ],
    "PATCH /delegations/{pk}": [("to", {"to": "$other"}), ("senders", {"senders": ["$sender"]})],
    "POST /sender-ids": [
        ("provider_account", {"kind": "alphanumeric", "value": "Shop", "country": "GB", "provider_account": "$account"}),
        ("reply_number", {"kind": "alphanumeric", "value": "Shop", "country": "GB", "reply_number": "$sender"}),
    ],
    "PATCH /sender-ids/{pk}": [("reply_number", {"reply_number": "$sender"})],
    "PUT /sender-ids/{pk}/registrations/{country}": [],
    "POST /assignments": [
        ("sender_id", {"sender_id": "$sender", "assignee": {"kind": "member", "id": "@member"}}),
        *(
            ("assignee.id", {"sender_id": "@sender", "assignee": {"kind": kind, "id": f"${name}"}})
            for kind, name in [("member", "member"), ("team", "team"), ("profile", "profile"), ("campaign", "campaign"),
                               ("program", "program")]
        ),
        *(
            (f"notification.{field}", {"sender_id": "@sender", "assignee": {"kind": "team", "id": "@team"},
                                       "notification": {"rule": "specific", "emails": ["x@x.example"], **rule}})
            for field, rule in [("members", {"members": ["$member"]}), ("template", {"template": "$template"}),
                                ("escalate_to", {"escalate_to": "$member", "escalate_after_minutes": 5})]
        ),
    ],
    "PATCH /assignments/{pk}": [
        ("notification.members", {"notification": {"members": ["$member"]}}),
        ("notification.template", {"notification": {"template": "$template"}}),
        ("notification.escalate_to", {"notification": {"escalate_to": "$member", "escalate_after_minutes": 5}}),
    ],
    "POST /contacts": [("owner", {"number": "+16285550123", "owner": "$member"})],
    "PATCH /contacts/{pk}": [("owner", {"owner": "$member"})],
    "POST /contact-lists": [("contacts", {"name": "L", "contacts": ["$contact"]})],
    "PATCH /contact-lists/{pk}": [("contacts", {"contacts": ["$contact"]})],
    "POST /opt-outs": [
        ("sender_id", {"number": "+16285550123", "scope": "sender", "sender_id": "$sender"}),
        ("program", {"number": "+16285550123", "scope": "program", "program": "$program"}),
    ],
    "POST /messages": [
        ("as_member", {**TEXT, "as_member": "$member"}),
        ("from", {**TEXT, "from": "$sender"}),
        ("from", {**TEXT, "from": "$value"}),
        ("campaign", {**TEXT, "campaign": "$campaign"}),
        ("program", {**TEXT, "program": "$program"}),
    ],
    "POST /messages/preview": [
        ("as_member", {**TEXT, "as_member": "$member"}),
        ("from", {**TEXT, "from": "$sender"}),
        ("campaign", {**TEXT, "campaign": "$campaign"}),
        ("program", {**TEXT, "program": "$program"}),
    ],
    "PATCH /messages/{pk}": [],
    "PATCH /conversations/{pk}": [("assignee", {"assignee": "$member"})],
    "POST /conversations/{pk}/messages": [("as_member", {"body": "Hi", "as_member": "$admin"})],
    "POST /campaigns": [
        ("fallback_sender_id", {**CAMPAIGN, "fallback_sender_id": "$sender"}),
        ("owner", {**CAMPAIGN, "owner": "$member"}),
        ("audience.lists", {**CAMPAIGN, "audience": {"lists": ["$list"]}}),
        ("audience.contacts", {**CAMPAIGN, "audience": {"contacts": ["$contact"]}}),
    ],
    "PATCH /campaigns/{pk}": [
        ("fallback_sender_id", {"fallback_sender_id": "$sender"}),
        ("owner", {"owner": "$member"}),
        ("audience.lists", {"audience": {"lists": ["$list"]}}),
        ("audience.contacts", {"audience": {"contacts": ["$contact"]}}),
    ],
    "POST /campaigns/{pk}/report": [],
    "POST /campaigns/{pk}/start": [],
    "POST /campaigns/{pk}/pause": [],
    "POST /campaigns/{pk}/resume": [],
    "POST /campaigns/{pk}/cancel": [],
    "POST /programs": [("owner", {"name": "P", "owner": "$member"})],
    "PATCH /programs/{pk}": [("owner", {"owner": "$member"})],
    "POST /email-templates": [],
    "PATCH /email-templates/{pk}": [],
}  # fmt: skip
# List → its filters that take an id (or a number), each with the kind of row; `as_member` is refused, others find nothing.
FILTERS: dict[str, dict[str, str]] = {
    "/api-keys": {},
    "/members": {"profile": "profile"},
    "/profiles": {},
    "/teams": {},
    "/sender-ids": {"value": "value"},
    "/delegations": {},
    "/country-rules": {},
    "/messages": {"campaign": "campaign", "program": "program", "sender_id": "sender", "contact": "contact",
                  "conversation": "conversation"},
    "/conversations": {"as_member": "member", "assignee": "member", "sender_id": "sender", "contact": "contact",
                       "campaign": "campaign", "program": "program"},
    "/contacts": {"owner": "member"},
    "/contact-lists": {},
    "/opt-outs": {"sender_id": "sender", "program": "program"},
    "/campaigns": {"owner": "member"},
    "/programs": {"owner": "member"},
    "/assignments": {"sender_id": "sender", "assignee": "member"},
    "/notifications": {"message": "inbound", "conversation": "conversation", "member": "member", "as_member": "member"},
    "/email-templates": {},
}  # fmt: skip


class World:
    """Two orgs with one row of everything each, and the key of the first."""

    def __init__(self) -> None:
        self.ours, self.theirs = Office("Ours"), Office("Theirs")
        for office, value in ((self.ours, "+14155550134"), (self.theirs, "+14155550177")):
            office.sender.value = value
            office.sender.save(update_fields=["value"])
        self.mine, self.other = (
            rows_of(office)
            | {"value": office.sender.value, "other": str(office["Ben"].pk), "admin": str(office["Ada"].pk)}
            for office in (self.ours, self.theirs)
        )
        self.api = Api(self.ours.org)

    def filled(self, body: Any, ids: dict[str, str]) -> Any:
        """`$kind` becomes an id of `ids`, `@kind` always one of ours."""
        if isinstance(body, dict):
            return {name: self.filled(value, ids) for name, value in body.items()}
        if isinstance(body, list):
            return [self.filled(value, ids) for value in body]
        if isinstance(body, str) and body[:1] in "$@" and body[1:]:
            return (ids if body[0] == "$" else self.mine)[body[1:]]
        return body

    def path(self, operation: Operation, ids: dict[str, str]) -> str:
        prefix = operation.path.split("/")[1]
        pk = ids[KINDS[prefix]] if "{pk}" in operation.path and prefix not in EVERYBODYS else "US"
        return operation.path.format(pk=pk, country="US")

    def theirs_now(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of the other org, in every table."""
        found = {}
        for model in tenant_models():
            rows = model._default_manager.filter(org=self.theirs.org.pk)  # type: ignore[misc]
            found[model.__name__] = sorted(map(str, rows.values_list()))
        return found  # type: ignore[return-value]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def nothing_changes(world: World) -> Iterator[None]:
    before = world.theirs_now()
    assert len(before) > 20 and before["Message"]
    yield
    assert world.theirs_now() == before


def with_id() -> list[Operation]:
    return [o for o in operations() if "{pk}" in o.path and o.path.split("/")[1] not in EVERYBODYS]


def test_another_orgs_id_in_a_path_is_404_like_a_missing_one(world: World, nothing_changes: None) -> None:
    wrong = {}
    for operation in with_id():
        body = PATH_BODIES.get(str(operation), {} if operation.method != "GET" else None)
        answer = world.api.ask(operation.method, world.path(operation, world.other), body)
        if answer.status_code != 404 or json.loads(answer.content)["code"] != "not_found":
            wrong[str(operation)] = (answer.status_code, answer.content[:200])
    assert wrong == {}


def test_the_same_paths_open_our_own_rows(world: World) -> None:
    """So that the test above is not about paths that nobody could open."""
    for operation in with_id():
        if operation.method == "GET":
            world.api.get(world.path(operation, world.mine))


def test_another_orgs_id_in_a_body_is_400_by_field(world: World, nothing_changes: None) -> None:
    wrong = {}
    for operation in operations():
        for field, body in BODIES.get(str(operation), []):
            path = world.path(operation, world.mine)
            answer = world.api.ask(operation.method, path, world.filled(body, world.other))
            fields = [error["field"] for error in json.loads(answer.content).get("errors", [])]
            if (answer.status_code, fields) != (400, [field]):
                wrong[f"{operation} {field}"] = (answer.status_code, answer.content[:300])
    assert wrong == {}


def test_our_own_ids_in_the_same_bodies_are_taken(world: World) -> None:
    wrong = {}
    for operation in operations():
        for field, body in BODIES.get(str(operation), []):
            with transaction.atomic():
                path = world.path(operation, world.mine)
                answer = world.api.ask(operation.method, path, world.filled(body, world.mine))
                transaction.set_rollback(True)
            if answer.status_code == 400 or b'"not_found"' in answer.content:
                wrong[f"{operation} {field}"] = (answer.status_code, answer.content[:300])
    assert wrong == {}


def test_another_orgs_id_in_a_filter_finds_nothing(world: World, nothing_changes: None) -> None:
    wrong = {}
    for path, filters in FILTERS.items():
        for name, kind in filters.items():
            answer = world.api.ask("GET", f"{path}?{name}={world.other[kind].replace('+', '%2B')}")
            found = json.loads(answer.content)
            if name == "as_member":
                ok = answer.status_code == 400 and found["errors"][0]["field"] == name
            else:
                ok = answer.status_code == 200 and found["results"] == []
            if not ok:
                wrong[f"{path}?{name}"] = (answer.status_code, answer.content[:200])
    assert wrong == {}


def test_no_list_shows_a_row_of_another_org(world: World) -> None:
    theirs = {pk for pk in world.other.values() if len(pk) == 36}
    for path in (*FILTERS, "/organization"):
        answer = world.api.ask("GET", path)
        assert answer.status_code == 200 and not [pk for pk in theirs if pk in answer.content.decode()], path


def test_each_filter_of_the_table_works_on_our_own_rows(world: World) -> None:
    for path, filters in FILTERS.items():
        for name, kind in filters.items():
            world.api.get(f"{path}?{name}={world.mine[kind].replace('+', '%2B')}")
    found = world.api.results(f"/messages?contact={world.mine['contact']}")
    assert len(found) == int(world.mine["texts"])


def test_every_route_stands_in_the_tables() -> None:
    prefixes = {operation.path.split("/")[1] for operation in operations()}
    assert prefixes == set(KINDS) | EVERYBODYS
    writes = {str(o) for o in operations() if o.method in ("POST", "PUT", "PATCH")}
    assert writes == set(BODIES)
    lists = {o.path for o in operations() if o.method == "GET" and "{" not in o.path} - {"/organization"}
    assert lists == set(FILTERS)


def uuid_fields(schema: Any, components: dict[str, Any], path: str = "") -> Iterator[str]:
    """Dotted names of what a body takes as a UUID, as the OpenAPI document says."""
    if "$ref" in schema:
        schema = components[schema["$ref"].rsplit("/", 1)[1]]
    for part in schema.get("allOf", []):
        yield from uuid_fields(part, components, path)
    if schema.get("format") == "uuid" and not schema.get("readOnly"):
        yield path
    if schema.get("type") == "array":
        yield from uuid_fields(schema["items"], components, path)
    for name, inner in schema.get("properties", {}).items():
        if not inner.get("readOnly"):
            yield from uuid_fields(inner, components, f"{path}.{name}".strip("."))


def test_every_id_that_a_body_takes_stands_in_the_table(client: Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    missing = []
    for operation in operations():
        if operation.method == "GET":
            continue
        path = re.sub(r"\{pk\}", "{id}", f"/api/v1{operation.path}")
        described = document["paths"][path][operation.method.lower()]
        content = described.get("requestBody", {}).get("content", {}).get("application/json", {})
        wanted = set(uuid_fields(content.get("schema", {}), document["components"]["schemas"]))
        known = {field for field, _ in BODIES.get(str(operation), [])}
        missing += [f"{operation} {field}" for field in wanted - known]
    assert missing == []


def test_a_member_of_both_orgs_sees_each_with_its_own_key(world: World) -> None:
    theirs = Api(world.theirs.org)
    ours = {row["id"] for row in world.api.results("/members")}
    assert ours.isdisjoint({row["id"] for row in theirs.results("/members")})


def test_the_same_number_may_be_a_contact_of_both(world: World) -> None:
    assert world.mine["number"] == world.other["number"]
    [found] = world.api.results(f"/contacts?number={world.mine['number'].replace('+', '%2B')}")
    assert found["id"] == world.mine["contact"]


def test_an_opt_out_of_one_org_does_not_silence_the_other(world: World, nothing_changes: None) -> None:
    world.api.post("/opt-outs", {"number": world.mine["number"]})
    body = {"to": world.mine["number"], "body": "Hi"}
    world.api.post("/messages", body, expect=422)
    transaction.set_rollback(False)
    with transaction.atomic():
        Api(world.theirs.org).post("/messages", body, expect=202)
        transaction.set_rollback(True)


def test_an_idempotency_key_of_one_org_is_not_the_others(world: World) -> None:
    body = {"to": world.mine["number"], "body": "Hi"}
    first = world.api.post("/messages", body, expect=202, Idempotency_Key="same")
    second = Api(world.theirs.org).post("/messages", body, expect=202, Idempotency_Key="same")
    assert first["id"] != second["id"] and first["sender_id"] != second["sender_id"]


@pytest.mark.parametrize("name", ["Ann", "Rob"])
def test_as_member_narrows_conversations_and_their_texts(world: World, name: str) -> None:
    """Ann reads by her team; Rob reads nothing: not in the list, not by id, not its texts, no answer, no log."""
    office, row = world.ours, world.mine["conversation"]
    office.sender.assignments.all().delete()
    office.rule("all")
    member, reads = str(office[name].pk), name == "Ann"
    expect = 200 if reads else 404
    assert bool(world.api.results(f"/conversations?as_member={member}")) is reads
    assert bool(world.api.results(f"/notifications?as_member={member}")) is reads
    for path in (f"/conversations/{row}", f"/conversations/{row}/messages"):
        world.api.get(f"{path}?as_member={member}", expect=expect)
    world.api.call("PATCH", f"/conversations/{row}?as_member={member}", {"tags": ["x"]}, expect=expect)
    answer = {"body": "Hi", "as_member": member}
    world.api.post(f"/conversations/{row}/messages", answer, expect=202 if reads else 404)


def test_a_deactivated_member_is_nobody_to_act_as(world: World) -> None:
    world.ours.deactivate("Ann")
    found = world.api.get(f"/conversations?as_member={world.mine['member']}", expect=400)
    assert found["errors"][0]["field"] == "as_member"
