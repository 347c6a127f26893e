"""api 13: a test key changes nothing that live keys see. It reads, and sends through the carrier simulator."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from messaging.models import Campaign, Conversation, Message, OptOut
from senderid.models import SenderId
from tenants.models import ApiKey, IdempotencyKey
from tests.api.test_isolation import KINDS
from tests.api.test_preconditions import CHANGES
from tests.api.test_repeated_posts import POSTS, everything, filled
from tests.api_rows import Operation, operations, rows_of
from tests.calling import Api
from tests.office import Office
from tests.world import give, make_account, make_sender

pytestmark = pytest.mark.django_db
# What a test key may call on live rows; none of it writes, or only what is the test key's own.
HARMLESS = {"POST /messages/preview", "POST /campaigns/{pk}/report", "POST /api-keys"}


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def ids(office: Office) -> dict[str, str]:
    give(office.sender, office.org)
    return rows_of(office) | {"other": str(office["Cid"].pk), "invited": str(office["Cid"].pk)}


@pytest.fixture
def test_key(office: Office) -> Api:
    return Api(office.org, sandbox=True)


@pytest.fixture
def simulated(office: Office, monkeypatch: Any) -> SenderId:
    monkeypatch.setattr("senderid.provisioning.announce_number", lambda *given: True)
    account = make_account(office.org, sid="AC" + "9" * 32, is_simulator=True)
    sender = make_sender(office.org, "+14155550136", provider_account=account)
    give(sender, office.org)
    return sender


def body_of(operation: Operation, ids: dict[str, str]) -> Any:
    if operation.method == "POST":
        general = {path: body for path, body in POSTS.items()}
        for path, body in general.items():
            for kind in ("{invited}", "{conversation}", "{campaign}"):
                path = path.replace(kind, "{pk}")
            if path == operation.path:
                return filled(body, ids)
    return CHANGES.get(operation.path)


def writes() -> list[Operation]:
    return [operation for operation in operations() if operation.method not in ("GET", "HEAD", "OPTIONS")]


def test_no_write_of_a_test_key_changes_a_live_row(
    test_key: Api, office: Office, ids: dict[str, str]
) -> None:
    """api 13: every route that writes, on live rows; refused with a code that says why."""
    before, wrong = everything(office), {}
    for operation in writes():
        prefix = operation.path.split("/")[1]
        path = operation.path.format(pk=ids[KINDS[prefix]] if prefix in KINDS else "", country="US")
        answer = test_key.ask(operation.method, path, body_of(operation, ids))
        code = json.loads(answer.content or "{}").get("code")
        refused = (answer.status_code, code) in [
            (403, "test_key"),
            (422, "no_eligible_sender"),
            (422, "sender_refused"),
        ]
        if not refused and str(operation) not in HARMLESS:
            wrong[str(operation)] = (answer.status_code, answer.content[:200])
    ApiKey.objects.for_org(office.org).filter(made_with=test_key.key).delete()
    after = everything(office)
    assert wrong == {}
    assert {name for name in before if before[name] != after[name]} <= {"AuditEntry"}


def test_the_findings(test_key: Api, office: Office, ids: dict[str, str]) -> None:
    """api 13: a live opt-out lifted, a cap changed."""
    assert test_key.delete(f"/opt-outs/{ids['opt_out']}", expect=403)["code"] == "test_key"
    assert test_key.patch("/organization", {"daily_cap": 1000}, expect=403)["code"] == "test_key"
    assert OptOut.objects.for_org(office.org).filter(pk=ids["opt_out"]).exists()


def test_it_reads(test_key: Api, office: Office, ids: dict[str, str]) -> None:
    for path in ("/contacts", "/messages", "/organization", f"/campaigns/{ids['campaign']}"):
        test_key.get(path)


def test_it_sends_and_replies_and_cancels_through_the_simulator(
    test_key: Api, office: Office, simulated: SenderId
) -> None:
    """api 13: what is made there is of the simulator, so the test key may change it."""
    sent = test_key.post("/messages", {"to": "+16285550123", "body": "Hi"}, expect=202)
    tomorrow = (timezone.now() + timedelta(days=1)).isoformat()
    later = test_key.post("/messages", {"to": "+16285550123", "body": "Hi", "send_at": tomorrow}, expect=202)
    assert {row.account_id for row in Message.objects.for_org(office.org)} == {simulated.provider_account_id}
    assert test_key.patch(f"/messages/{later['id']}", {"status": "cancelled"})["status"] == "cancelled"
    assert test_key.patch(f"/conversations/{sent['conversation']}", {"tags": ["x"]})["tags"] == ["x"]


def test_it_cancels_no_live_message_and_changes_no_live_conversation(
    test_key: Api, office: Office, ids: dict[str, str], simulated: SenderId
) -> None:
    """api 13."""
    test_key.call("PATCH", f"/messages/{ids['message']}", {"status": "cancelled"}, expect=403)
    test_key.call("PATCH", f"/conversations/{ids['conversation']}", {"tags": ["x"]}, expect=403)
    assert Conversation.objects.for_org(office.org).get(pk=ids["conversation"]).tags == []


def test_it_takes_no_contact_from_a_live_campaign(test_key: Api, office: Office, simulated: SenderId) -> None:
    """api 13: a contact gets a campaign's text once; one by the simulator would be it."""
    campaign = Campaign(org=office.org, name="Spring", body="Hi")
    campaign.save()
    give(simulated, campaign)
    body = {"to": office.carla.number, "body": "Hi", "campaign": str(campaign.pk)}
    problem = test_key.post("/messages", body, expect=403)
    assert (problem["code"], problem["errors"][0]["field"]) == ("test_key", "campaign")


def test_it_revokes_and_makes_test_keys_only(test_key: Api, office: Office, ids: dict[str, str]) -> None:
    """api 13."""
    made = test_key.post("/api-keys", {"name": "x", "scopes": ["read"], "sandbox": True})
    test_key.delete(f"/api-keys/{made['id']}")
    assert test_key.delete(f"/api-keys/{ids['key']}", expect=403)["code"] == "test_key"
    test_key.post("/api-keys", {"name": "x", "scopes": ["read"]}, expect=403)


def test_its_idempotency_keys_take_none_of_live_keys(
    test_key: Api, office: Office, simulated: SenderId
) -> None:
    """api 13, api 4."""
    body = {"to": "+16285550123", "body": "Hi"}
    test_key.post("/messages", body, expect=202, Idempotency_Key="k")
    Api(office.org).post("/messages", body, expect=202, Idempotency_Key="k")
    assert IdempotencyKey.objects.for_org(office.org).count() == 2
