"""No JSON, content type or header makes a 5xx in the API or the webhooks."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from twilio.request_validator import RequestValidator

from messaging.models import Attempt, Message
from tests.api_rows import operations
from tests.walk import hostile
from tests.walk.asking import FORM, JSON, Walk
from tests.walk.hostile import encoded, some
from tests.walk.places import Place, places
from tests.walk.scene import Scene, Visitor

pytestmark = pytest.mark.django_db
PER_FIELD = 6
AT_MOST = 350  # requests of a test
BASES: dict[str, dict[str, Any]] = {
    "/api-keys": {"name": "CRM", "scopes": ["read"]},
    "/members": {"email": "n@x.example", "name": "N"},
    "/profiles": {"name": "APAC"},
    "/teams": {"name": "Support"},
    "/delegations": {"from": "$member", "start": "2030-01-01T00:00:00Z", "end": "2030-01-02T00:00:00Z"},
    "/sender-ids": {"kind": "long_code", "value": "+14155550155", "country": "US"},
    "/assignments": {"sender_id": "$sender", "assignee": {"kind": "member", "id": "$member"}},
    "/contacts": {"number": "+16285550144"},
    "/contact-lists": {"name": "L", "contacts": ["$contact"]},
    "/opt-outs": {"number": "+16285550144"},
    "/messages": {"to": "+16285550199", "body": "Hi"},
    "/messages/preview": {"to": "+16285550199", "body": "Hi"},
    "/conversations/{pk}/messages": {"body": "Hi"},
    "/campaigns": {"name": "C", "body": "Hi", "audience": {}},
    "/programs": {"name": "P"},
    "/email-templates": {"kind": "new_message", "name": "T", "subject": "S", "html": "H", "text": "T"},
}


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> None:
    settings.API_RATE_LIMIT = (10_000_000, 10)


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def walk() -> Iterator[Walk]:
    print(f"WALK_SEED={hostile.SEED}")
    found = Walk()
    yield found
    assert found.asked > 100
    assert not found.faults, found.report()


def fields_of(document: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    """The top-level properties of a body, as the OpenAPI document has them."""
    described = document["paths"]["/api/v1" + path.replace("{pk}", "{id}")][method.lower()]
    schema = described.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema", {})
    return properties(schema, document["components"]["schemas"])


def properties(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        schema = components[schema["$ref"].rsplit("/", 1)[1]]
    found = dict(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        found |= properties(part, components)
    return {name: one for name, one in found.items() if not one.get("readOnly")}


def filled(body: Any, rows: dict[str, str]) -> Any:
    text = json.dumps(body)
    for kind, pk in rows.items():
        text = text.replace(f'"${kind}"', json.dumps(pk))
    return json.loads(text)


def with_value(body: dict[str, Any], name: str, value: str) -> bytes:
    """The body as JSON, one member of it written as it stands in `value`."""
    rest = json.dumps({key: one for key, one in body.items() if key != name})[1:-1]
    return ("{" + (rest + ", " if rest else "") + f"{json.dumps(name)}: {value}" + "}").encode()


def inner_names(schema: dict[str, Any], components: dict[str, Any]) -> list[str]:
    return sorted(properties(schema, components))


def test_every_field_of_every_body(scene: Scene, walk: Walk) -> None:
    """security F12, api 21: values of each wrong type, NUL, half pairs, depth, huge numbers; ids of another org."""
    key = scene.keys()["live key"]
    document = json.loads(walk.ask(key, "GET", "/api/v1/openapi.json").content)
    values = [*hostile.VALUES, json.dumps(scene.theirs["member"]), json.dumps([scene.theirs["contact"]])]
    routes = {place.name: place for place in places() if place.is_api}
    for operation in operations():
        if operation.method not in ("POST", "PUT", "PATCH"):
            continue
        place = routes[operation.name]
        path = place.path(place.arguments(scene.rows)[0])
        body = filled(BASES.get(operation.path, {}), scene.rows) if operation.method == "POST" else {}
        walk.ask(key, operation.method, path, json.dumps(body).encode(), JSON, operation)
        for name, schema in fields_of(document, operation.path, operation.method).items():
            for value in some(values, PER_FIELD, f"{operation} {name}"):
                walk.plan(
                    key, operation.method, path, with_value(body, name, value), JSON, f"{operation} {name}"
                )
            for inner in inner_names(schema, document["components"]["schemas"]):
                for value in some(values, PER_FIELD, f"{operation} {name} {inner}"):
                    wrapped = f"{{{json.dumps(inner)}: {value}}}"
                    sent = with_value(body, name, wrapped)
                    walk.plan(key, operation.method, path, sent, JSON, f"{operation} {name}.{inner}")
    walk.run(AT_MOST, "bodies")


def test_whole_bodies_and_content_types(scene: Scene, walk: Walk) -> None:
    keys, people = scene.keys(), scene.visitors()
    for place in places():
        if place.route.startswith("admin/"):
            continue
        visitor = keys["live key"] if place.is_api else people["owner"]
        path = place.path(place.arguments(scene.rows)[0])
        for body in some(hostile.BODIES, 3, f"{place} bodies"):
            walk.plan(visitor, "POST", path, body, JSON if place.is_api else FORM, place)
        for kind in some(hostile.CONTENT_TYPES, 3, f"{place} types"):
            body = some([b"a=1", b"{}", b"--x\r\n\r\n", b"\xff"], 1, f"{place} {kind}")[0]
            walk.plan(visitor, "POST", path, body, kind, place)
            walk.plan(visitor, "PATCH", path, body, kind, place)
    walk.run(AT_MOST, "types")


def test_headers(scene: Scene, walk: Walk) -> None:
    keys, people = scene.keys(), scene.visitors()
    lines = [(name, value) for name, values in hostile.HEADERS.items() for value in values]
    for place in places():
        visitor = keys["live key"] if place.is_api else people["owner"]
        path = place.path(place.arguments(scene.rows)[0])
        for name, value in some(lines, 5, f"{place} headers"):
            for method in ("GET", "POST"):
                plan_header(walk, visitor, method, path, place, name, value)
    walk.run(AT_MOST, "headers")


def plan_header(
    walk: Walk, visitor: Visitor, method: str, path: str, place: Place, name: str, value: str
) -> None:
    body, kind = (b"{}", JSON) if place.is_api else (b"a=1", FORM)
    walk.plan(
        visitor,
        method,
        path,
        b"" if method == "GET" else body,
        kind,
        place,
        **{name.replace("-", "_"): value},
    )


STATUSES = [
    "queued",
    "sending",
    "sent",
    "delivered",
    "undelivered",
    "failed",
    "read",
    "canceled",
    "receiving",
    "nonsense",
]


def signed(scene: Scene, path: str, form: list[tuple[str, bytes]]) -> tuple[bytes, str]:
    sent = encoded(list(form))
    fields = QueryDict(sent.decode())
    account = scene.ours.account
    signature = RequestValidator(account.auth_token).compute_signature(f"http://testserver{path}", fields)
    return sent, signature


@pytest.mark.parametrize("which", ["inbound", "status"])
def test_signed_webhooks(scene: Scene, walk: Walk, which: str) -> None:
    """field receipts: what a carrier signs may still be out of shape, twice, late or in any order."""
    account = scene.ours.account
    visitor = Visitor("carrier")
    path = f"/webhooks/twilio/{account.account_key}/inbound"
    plain = {"MessageSid": "SM1", "From": "+16285550133", "To": scene.ours.sender.value, "Body": "Hi"}
    if which == "status":
        path = f"/webhooks/twilio/{account.account_key}/status/{scene.rows['attempt']}"
        plain = {"MessageSid": "SM1", "MessageStatus": "delivered", "ErrorCode": ""}
    plain |= {
        "AccountSid": account.account_sid,
        "SmsSid": "SM1",
        "NumMedia": "1",
        "MediaUrl0": "http://x.example/a",
    }
    for name in (*plain, "FromCountry", "ErrorMessage", "OptOutType", "RawDlrDoneDate", "\x00"):
        for text in some(hostile.TEXTS, 12, f"{which} {name}"):
            form = [(key, value.encode()) for key, value in plain.items() if key != name]
            body, signature = signed(scene, path, [*form, (name, text), (name, text)])
            walk.ask(visitor, "POST", path, body, FORM, f"{which} {name}", X_Twilio_Signature=signature)


def test_receipts_in_any_order(scene: Scene, walk: Walk) -> None:
    """field receipts: each status after each other, each twice; none is a 5xx, none undoes a final state."""
    account = scene.ours.account
    visitor = Visitor("carrier")
    path = f"/webhooks/twilio/{account.account_key}/status/{scene.rows['attempt']}"
    message = Attempt.objects.for_org(scene.ours.org).get(pk=scene.rows["attempt"]).message_id
    for first in STATUSES:
        Message.objects.for_org(scene.ours.org).filter(pk=message).update(status="accepted", final_at=None)
        for second in (first, *STATUSES):
            code = "30007" if second in ("failed", "undelivered") else ""
            form = {
                "AccountSid": account.account_sid,
                "MessageSid": "SM1",
                "MessageStatus": second,
                "ErrorCode": code,
            }
            signature = RequestValidator(account.auth_token).compute_signature(
                f"http://testserver{path}", form
            )
            response = visitor.client.post(
                path, urlencode(form), FORM, headers={"X-Twilio-Signature": signature}
            )
            walk.asked += 1
            assert response.status_code == 200, (first, second, response.content)
    state = Message.objects.for_org(scene.ours.org).get(pk=message).status
    assert state in ("delivered", "undelivered", "failed")
