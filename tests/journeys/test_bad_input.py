"""Whatever comes in, the answer names the field and the mend; never a 500, nothing lost."""

import uuid

import pytest
import requests
from twilio.request_validator import RequestValidator

from tests.stack import Api, Stack, eventually, new_number


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        (
            "/sender-ids",
            {"kind": "long_code", "value": "+14155550000", "country": "ZZ", "label": "x"},
            400,
            "country",
        ),
        ("/sender-ids", {"kind": "long_code", "value": "12", "country": "US", "label": "x"}, 400, "value"),
        (
            "/sender-ids",
            {"kind": "alphanumeric", "value": "12345", "country": "GB", "label": "x"},
            400,
            "value",
        ),
        (
            "/sender-ids",
            {"kind": "alphanumeric", "value": "TwelveLetter", "country": "GB", "label": "x"},
            400,
            "value",
        ),
        (
            "/sender-ids",
            {"kind": "alphanumeric", "value": "Hi 🙂", "country": "GB", "label": "x"},
            400,
            "value",
        ),
        ("/sender-ids", {"kind": "carrier_pigeon", "value": "1", "country": "GB", "label": "x"}, 400, "kind"),
        (
            "/sender-ids",
            {"kind": "long_code", "value": "+14155550000", "country": "US", "colour": "red"},
            400,
            "colour",
        ),
        ("/messages", {"to": "+16285550100", "body": "x" * 1601}, 400, "body"),
        ("/messages", {"to": "+16285550100", "body": ""}, 400, "body"),
        ("/messages", {"to": "nobody", "body": "Hello"}, 400, "to"),
        ("/messages", {"to": "+442079460123", "body": "Hello"}, 422, "to"),
        ("/messages", {"to": "+16285550100", "body": "Hello", "send_at": "yesterday"}, 400, "send_at"),
        (
            "/messages",
            {"to": "+16285550100", "body": "Hello", "send_at": "2020-01-01T00:00:00Z"},
            400,
            "send_at",
        ),
        ("/messages", {"to": "+16285550100", "body": "Hello", "as_member": "me"}, 400, "as_member"),
        ("/contacts", {"number": "+1628", "name": "x"}, 400, "number"),
        ("/members", {"email": "no", "name": "x"}, 400, "email"),
        ("/members", {"email": "a@b.example", "name": "x", "role": "king"}, 400, "role"),
        ("/campaigns", {"name": "x", "body": "{{ contact.nam }}", "audience": {}}, 400, "body"),
        ("/campaigns", {"name": "x", "body": "{{ contact.name", "audience": {}}, 400, "body"),
        ("/programs", {"name": "x", "keywords": [{"word": "STOP"}]}, 422, "keywords"),
        ("/assignments", {"sender_id": "x", "assignee": {"kind": "team", "id": "y"}}, 400, "sender_id"),
        ("/delegations", {"from": "x", "start": "a", "end": "b"}, 400, "from"),
    ],
)
def test_the_error_names_the_field(
    shared_api: Api, path: str, body: dict[str, object], status: int, field: str
) -> None:
    problem = shared_api.post(path, body, expect=status)
    assert field in [error["field"] for error in problem["errors"]], problem
    assert problem["code"] and problem["detail"]


def test_a_short_code_abroad_is_refused_with_its_reason(api: Api) -> None:
    api.patch("/organization", {"allowed_countries": "all"})
    code = api.post("/sender-ids", {"kind": "short_code", "value": "56767", "country": "US", "label": "x"})
    api.assign(code, "organization", api.org)
    problem = api.post("/messages", {"to": "+447400123456", "body": "Hello"}, expect=422)
    assert problem["rejected"][0]["code"] == "short_code_abroad"


def test_a_body_that_is_not_json_and_an_address_that_is_not_there(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.key}", "Content-Type": "application/json"}
    answer = requests.post(f"{api.base}/api/v1/messages", data="{no", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
    assert answer.headers["Content-Type"] == "application/problem+json"
    answer = requests.get(f"{api.base}/api/v1/unicorns", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert requests.get(f"{api.base}/no/such/page", timeout=10).status_code == 404
    assert requests.get(f"{api.base}/api/v1/messages", timeout=10).status_code == 401


def webhook(stack: Stack, api: Api, *, token: str | None, to: str, body: str, account: str = "") -> int:
    """Calls our inbound webhook as a carrier would; the status of the answer."""
    url = f"{stack.base}/webhooks/twilio/{api.account['account_key']}/inbound"
    form = {
        "AccountSid": account or api.account["account_sid"],
        "MessageSid": "SM" + uuid.uuid4().hex,
        "To": to,
        "From": new_number(),
        "Body": body,
    }
    headers = {"X-Twilio-Signature": RequestValidator(token).compute_signature(url, form)} if token else {}
    return requests.post(url, data=form, headers=headers, timeout=10).status_code


def test_forged_webhooks_are_refused_and_nothing_is_stored(stack: Stack, api: Api, shared_api: Api) -> None:
    sender = api.long_code()["value"]
    mine, theirs = api.account["auth_token"], shared_api.account["auth_token"]
    assert webhook(stack, api, token=None, to=sender, body="no signature") == 403
    assert webhook(stack, api, token="wrong", to=sender, body="wrong signature") == 403
    assert webhook(stack, api, token=theirs, to=sender, body="another account's signature") == 403
    other = shared_api.account["account_sid"]
    assert webhook(stack, api, token=mine, to=sender, body="another account", account=other) == 403
    assert webhook(stack, api, token=mine, to=sender, body="The real one") == 200
    eventually(lambda: api.get("/messages?direction=inbound")["results"], what="the real one")
    assert [row["body"] for row in api.get("/messages?direction=inbound")["results"]] == ["The real one"]


def test_a_text_for_a_number_nobody_has_waits_in_quarantine(stack: Stack, api: Api) -> None:
    token, nobodys = api.account["auth_token"], f"+1415556{uuid.uuid4().int % 10000:04d}"
    assert webhook(stack, api, token=token, to=nobodys, body="Anyone?") == 200
    assert webhook(stack, api, token=token, to=api.long_code()["value"], body="Someone!") == 200
    eventually(lambda: api.get("/messages")["results"], what="the text for a number of ours")
    assert [row["body"] for row in api.get("/messages")["results"]] == ["Someone!"]
