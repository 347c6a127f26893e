"""api 4: `Idempotency-Key` is honoured on every POST of the API: twice with the same key does its work once."""

import json
from typing import Any

import pytest
from django.http import HttpResponse

from messaging.models import Campaign
from senderid.models import SenderId
from tenants.memberships import add_member
from tenants.models import ApiKey, IdempotencyKey
from tenants.rls import tenant_models
from tests.api_rows import operations, rows_of
from tests.calling import Api
from tests.office import Office
from tests.world import give

pytestmark = pytest.mark.django_db

LATER = {"start": "2030-01-01T00:00:00Z", "end": "2030-01-02T00:00:00Z"}
TEXT = {"to": "+16285550123", "body": "Hi"}
MAIL = {"kind": "new_message", "name": "New", "subject": "S", "html": "H", "text": "T"}
# Every POST of the API, in an order in which each can be done; `$kind` stands for the id of a row.
POSTS: dict[str, Any] = {
    "/api-keys": {"name": "New", "scopes": ["read"]},
    "/members": {"email": "new@x.example", "name": "New"},
    "/members/{invited}/invitation": {},
    "/profiles": {"name": "New"},
    "/teams": {"name": "New"},
    "/delegations": {"from": "$other", **LATER},
    "/sender-ids": {"kind": "long_code", "value": "+14155550188", "country": "US", "label": "New"},
    "/assignments": {"sender_id": "$sender", "assignee": {"kind": "member", "id": "$other"}},
    "/contacts": {"number": "+16285550124"},
    "/contact-lists": {"name": "New"},
    "/opt-outs": {"number": "+16285550125"},
    "/messages": TEXT,
    "/messages/preview": TEXT,
    "/conversations/{conversation}/messages": {"body": "Hi", "as_member": "$member"},
    "/campaigns": {"name": "New", "body": "Hi", "audience": {"contacts": ["$contact"]}},
    "/campaigns/{campaign}/report": {},
    "/campaigns/{campaign}/start": {},
    "/campaigns/{campaign}/pause": {},
    "/campaigns/{campaign}/resume": {},
    "/campaigns/{campaign}/cancel": {},
    "/programs": {"name": "New"},
    "/email-templates": MAIL,
}
KINDS = ("invited", "conversation", "campaign")


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def ids(office: Office) -> dict[str, str]:
    give(office.sender, office.org)
    invited = add_member(org=office.org, email="invited@x.example", name="Invited")
    ids = rows_of(office) | {"other": str(office["Cid"].pk), "invited": str(invited.pk)}
    campaign = Campaign.objects.for_org(office.org).get(pk=ids["campaign"])
    campaign.audience = {"contacts": [ids["contact"]]}
    campaign.save()
    give(office.sender, campaign)
    return ids


@pytest.fixture
def api(office: Office) -> Api:
    return Api(office.org)


def filled(body: Any, ids: dict[str, str]) -> Any:
    if isinstance(body, dict):
        return {name: filled(value, ids) for name, value in body.items()}
    if isinstance(body, list):
        return [filled(value, ids) for value in body]
    return ids[body[1:]] if isinstance(body, str) and body.startswith("$") else body


def everything(office: Office) -> dict[str, list[str]]:
    """Every row of the org, in every table."""
    return {
        model.__name__: sorted(map(str, model._default_manager.filter(org=office.org.pk).values_list()))
        for model in tenant_models()
        if model is not ApiKey
    } | {"ApiKey": sorted(map(str, ApiKey.objects.for_org(office.org).values_list("pk")))}


def test_every_post_stands_in_the_table() -> None:
    of_kind = {f"{{{kind}}}": "{pk}" for kind in KINDS}
    paths = set()
    for path in POSTS:
        for name, general in of_kind.items():
            path = path.replace(name, general)
        paths.add(path)
    assert paths == {o.path for o in operations() if o.method == "POST"}


def test_the_same_key_twice_does_each_post_once(api: Api, office: Office, ids: dict[str, str]) -> None:
    """api 4: what the first did stands, what the second says is what the first said, and nothing else happens."""
    wrong = {}
    for path, body in POSTS.items():
        address = path.format(**ids)
        first, again, before, after = twice(api, office, address, filled(body, ids))
        said = [(r.status_code, r.get("Idempotent-Replayed")) for r in (first, again)]
        if first.status_code >= 300 or said != [(first.status_code, None), (first.status_code, "true")]:
            wrong[path] = (said, first.content[:300], again.content[:300])
        elif json.loads(first.content) != json.loads(again.content) or before != after:
            wrong[path] = (first.content, again.content)
    assert wrong == {}


def twice(api: Api, office: Office, path: str, body: Any) -> tuple[HttpResponse, HttpResponse, Any, Any]:
    first = api.ask("POST", path, body, Idempotency_Key=path)
    before = everything(office)
    again = api.ask("POST", path, body, Idempotency_Key=path)
    return first, again, before, everything(office)


def test_a_key_is_of_one_address(api: Api) -> None:
    """api 4: the fingerprint is over method, address and body."""
    body = {"name": "Sales EMEA"}
    api.post("/profiles", body, Idempotency_Key="k")
    assert api.post("/teams", body, expect=422, Idempotency_Key="k")["code"] == "idempotency_mismatch"
    assert (
        api.post("/profiles", {"name": "x"}, expect=422, Idempotency_Key="k")["code"]
        == "idempotency_mismatch"
    )


@pytest.mark.parametrize("path", ["/messages", "/campaigns", "/contacts"])
@pytest.mark.parametrize("key", ["", "   ", "k" * 201])
def test_an_empty_or_over_long_key_is_400_by_name(api: Api, path: str, key: str) -> None:
    """api 4."""
    problem = api.post(path, TEXT, expect=400, Idempotency_Key=key)
    assert problem["errors"][0]["field"] == "Idempotency-Key"


def test_a_new_api_keys_answer_is_stored_sealed(api: Api, office: Office) -> None:
    """api 4: the replay shows the key again, the table never does, another API key never gets it."""
    body = {"name": "Shop", "scopes": ["read"]}
    made = api.post("/api-keys", body, Idempotency_Key="k")
    assert api.post("/api-keys", body, Idempotency_Key="k") == made
    [row] = IdempotencyKey.objects.for_org(office.org)
    assert made["key"][12:] not in str(row.answer)
    assert (
        Api(office.org).post("/api-keys", body, expect=422, Idempotency_Key="k")["code"]
        == "idempotency_mismatch"
    )


def test_test_keys_and_live_keys_do_not_share_idempotency_keys(api: Api, office: Office) -> None:
    """api 4."""
    give(office.sender, office.org)
    body = {"to": "+16285550123", "body": "Hi"}
    live = api.post("/messages/preview", body, expect=200, Idempotency_Key="k")
    test = Api(office.org, sandbox=True).ask("POST", "/messages/preview", body, Idempotency_Key="k")
    assert live["sender"] is not None
    assert ("Idempotent-Replayed" in test, json.loads(test.content)["sender"]) == (False, None)


def test_a_refusal_is_not_stored(api: Api, office: Office) -> None:
    """api 4: an error changed nothing, so the same key may be tried again."""
    body = {"name": "X", "contacts": ["00000000-0000-0000-0000-000000000000"]}
    api.post("/contact-lists", body, expect=400, Idempotency_Key="k")
    api.post("/contact-lists", {"name": "X"}, Idempotency_Key="k")
    assert IdempotencyKey.objects.for_org(office.org).count() == 1


def test_a_key_without_the_scope_gets_no_stored_answer(api: Api, office: Office) -> None:
    """api 4: scopes come first."""
    api.post("/profiles", {"name": "X"}, Idempotency_Key="k")
    reader = Api(office.org, scopes=["read"])
    assert reader.post("/profiles", {"name": "X"}, expect=403, Idempotency_Key="k")["code"] == "missing_scope"


def test_the_sender_of_a_repeated_request_is_made_once(api: Api, office: Office) -> None:
    """api 4: as the finding has it, for a row that would otherwise be refused as a duplicate."""
    body = {"kind": "long_code", "value": "+14155550188", "country": "US", "label": "New"}
    first = api.post("/sender-ids", body, Idempotency_Key="k")
    assert api.post("/sender-ids", body, Idempotency_Key="k")["id"] == first["id"]
    assert SenderId.objects.for_org(office.org).filter(value=body["value"]).count() == 1
    api.post("/sender-ids", body, expect=422)
