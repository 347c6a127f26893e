"""Idempotency keys, cursor pages, test keys: what an integrator leans on."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from django.db import connection
from django.utils import timezone

from messaging.models import Campaign, Contact, Message
from senderid.models import ProviderAccount
from tenants.models import IdempotencyKey
from tests.calling import Api
from tests.office import CARLA, Office
from tests.world import give, make_account, make_sender

pytestmark = pytest.mark.django_db
TEXT = {"to": CARLA, "body": "Hello"}


@pytest.fixture
def office() -> Office:
    office = Office()
    give(office.sender, office.org)
    return office


@pytest.fixture
def api(office: Office) -> Api:
    return Api(office.org)


def test_the_same_key_and_body_get_the_stored_answer_and_one_text(api: Api, office: Office) -> None:
    first = api.ask("POST", "/messages", TEXT, Idempotency_Key="k1")
    again = api.ask("POST", "/messages", TEXT, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (202, 202)
    assert json.loads(first.content) == json.loads(again.content)
    assert ("Idempotent-Replayed" in first, again["Idempotent-Replayed"]) == (False, "true")
    assert Message.objects.for_org(office.org).count() == 1


def test_the_order_of_the_fields_does_not_matter_but_their_values_do(api: Api) -> None:
    first = api.post("/messages", TEXT, expect=202, Idempotency_Key="k1")
    turned = dict(reversed(TEXT.items()))
    assert api.post("/messages", turned, expect=202, Idempotency_Key="k1") == first
    found = api.post("/messages", {**TEXT, "body": "Other"}, expect=422, Idempotency_Key="k1")
    assert found["code"] == "idempotency_mismatch"


def test_another_key_or_none_sends_another_text(api: Api, office: Office) -> None:
    for headers in ({"Idempotency_Key": "a"}, {"Idempotency_Key": "b"}, {}, {}):
        api.post("/messages", TEXT, expect=202, **headers)
    assert Message.objects.for_org(office.org).count() == 4


def test_a_refused_request_is_not_remembered(api: Api, office: Office) -> None:
    opted = api.post("/opt-outs", {"number": CARLA})
    api.post("/messages", TEXT, expect=422, Idempotency_Key="k1")
    api.delete(f"/opt-outs/{opted['id']}")
    api.post("/messages", TEXT, expect=202, Idempotency_Key="k1")
    assert IdempotencyKey.objects.for_org(office.org).count() == 1


def test_after_a_day_the_key_is_free_again(api: Api, office: Office, time_machine: Any) -> None:
    first = api.post("/messages", TEXT, expect=202, Idempotency_Key="k1")
    time_machine.move_to(timezone.now() + timedelta(hours=23, minutes=59))
    assert api.post("/messages", TEXT, expect=202, Idempotency_Key="k1") == first
    time_machine.move_to(timezone.now() + timedelta(minutes=2))
    assert api.post("/messages", TEXT, expect=202, Idempotency_Key="k1")["id"] != first["id"]


def test_the_same_answer_in_another_conversation_is_another_text(api: Api, office: Office) -> None:
    """A key and a body that fit, but of another address: never answered as if it had been sent."""
    office.text()
    office.text(number="+16285550123")
    one, two = (row["id"] for row in api.results("/conversations"))
    body = {"body": "Yes"}
    api.post(f"/conversations/{one}/messages", body, expect=202, Idempotency_Key="k1")
    found = api.post(f"/conversations/{two}/messages", body, expect=422, Idempotency_Key="k1")
    assert found["code"] == "idempotency_mismatch"
    api.post(f"/conversations/{one}/messages", body, expect=202, Idempotency_Key="k1")
    assert Message.objects.for_org(office.org).filter(direction="outbound").count() == 1


def test_a_key_in_flight_is_409_and_may_be_tried_again(api: Api, office: Office) -> None:
    number = hashlib.sha256(f"{office.org.pk}:k1".encode()).digest()[:8]
    wanted = ("dbname", "user", "password", "host", "port")
    params = {name: value for name, value in connection.get_connection_params().items() if name in wanted}
    elsewhere = psycopg2.connect(**params)
    try:
        with elsewhere.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(number, "big", signed=True)])
        found = api.post("/messages", TEXT, expect=409, Idempotency_Key="k1")
        assert (found["code"], found["retryable"]) == ("idempotency_in_flight", True)
        api.post("/messages", TEXT, expect=202, Idempotency_Key="k2")
    finally:
        elsewhere.rollback()  # the server lets go of the lock before this returns; after a close it may take a moment
        elsewhere.close()
    api.post("/messages", TEXT, expect=202, Idempotency_Key="k1")


def test_a_key_over_200_characters_is_refused(api: Api) -> None:
    found = api.post("/messages", TEXT, expect=400, Idempotency_Key="k" * 201)
    assert found["errors"][0]["field"] == "Idempotency-Key"


def people(office: Office, count: int) -> None:
    Contact.objects.for_org(office.org).bulk_create(
        Contact(org=office.org, number=f"+1628555{n:04d}", country="US", tags=["vip"] if n % 2 else [])
        for n in range(2000, 2000 + count)
    )


@pytest.mark.parametrize("size", [1, 3, 7, 8, 50])
def test_pages_show_each_row_once_in_one_order(api: Api, office: Office, size: int) -> None:
    people(office, 6)
    seen, cursor, pages = [], "", 0
    while cursor is not None:
        page = api.get(f"/contacts?page_size={size}" + (f"&cursor={cursor}" if cursor else ""))
        assert set(page) == {"results", "next"} and len(page["results"]) <= size
        seen += [row["id"] for row in page["results"]]
        cursor, pages = page["next"], pages + 1
    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen, reverse=True)
    assert pages == -(-7 // size)


def test_a_cursor_is_opaque_and_keeps_its_place_when_rows_come(api: Api, office: Office) -> None:
    people(office, 5)
    first = api.get("/contacts?page_size=3")
    assert "://" not in first["next"] and "=" not in first["next"].rstrip("=")
    people_before = {row["id"] for row in first["results"]}
    Contact.objects.for_org(office.org).create(number="+16285559999", country="US")
    second = api.get(f"/contacts?page_size=3&cursor={first['next']}")
    assert people_before.isdisjoint({row["id"] for row in second["results"]})
    assert len(second["results"]) == 3


def test_filters_hold_from_page_to_page(api: Api, office: Office) -> None:
    people(office, 6)
    first = api.get("/contacts?tag=vip&page_size=2")
    second = api.get(f"/contacts?tag=vip&page_size=2&cursor={first['next']}")
    assert [row["tags"] for row in first["results"] + second["results"]] == [["vip"]] * 3
    assert second["next"] is None


def test_a_page_has_fifty_rows_unless_said_and_at_most_a_thousand(api: Api, office: Office) -> None:
    people(office, 1010)
    for query, size in {"": 50, "?page_size=1": 1, "?page_size=1000": 1000}.items():
        assert len(api.results(f"/contacts{query}")) == size, query
    for query in ("?page_size=1001", "?page_size=0", "?page_size=x"):
        api.get(f"/contacts{query}", expect=400)


def test_conversations_are_paged_newest_first(api: Api, office: Office, time_machine: Any) -> None:
    numbers = [f"+1628555{n:04d}" for n in range(3000, 3005)]
    for n, number in enumerate(numbers):
        time_machine.move_to(timezone.now() + timedelta(minutes=n))
        office.text(number=number)
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get("/conversations?page_size=2" + (f"&cursor={cursor}" if cursor else ""))
        seen += [row["contact"]["number"] for row in page["results"]]
        cursor = page["next"]
    assert seen == numbers[::-1]


@pytest.fixture
def simulated(office: Office) -> ProviderAccount:
    return make_account(office.org, sid="AC" + "9" * 32, is_simulator=True)


def test_a_test_key_reaches_only_the_simulator(
    office: Office, simulated: ProviderAccount, monkeypatch: Any
) -> None:
    monkeypatch.setattr("senderid.provisioning.announce_number", lambda *given: True)
    api = Api(office.org, sandbox=True)
    assert api.text.startswith("cs_test_")
    problem = api.post("/messages", TEXT, expect=422)
    assert {row["code"] for row in problem["rejected"]} == {"not_sandbox"}
    named = api.post("/messages", {**TEXT, "from": office.sender.value}, expect=422)
    assert (named["code"], named["rejected"][0]["code"]) == ("sender_refused", "not_sandbox")
    office.text()
    [row] = api.results("/conversations")
    answer = {"body": "Hi", "as_member": str(office["Ann"].pk)}
    assert api.post(f"/conversations/{row['id']}/messages", answer, expect=422)["code"] == "sender_refused"
    stand_in = make_sender(office.org, "+14155550136", provider_account=simulated)
    give(stand_in, office.org)
    assert api.post("/messages", TEXT, expect=202)["sender_id"] == str(stand_in.pk)
    assert not Message.objects.for_org(office.org).filter(direction="outbound", sender=office.sender).exists()


@pytest.mark.parametrize("is_simulated", [False, True])
def test_a_test_key_starts_no_campaign_that_could_reach_a_carrier(office: Office, is_simulated: bool) -> None:
    ProviderAccount.objects.for_org(office.org).update(is_simulator=is_simulated)
    api = Api(office.org, sandbox=True)
    body = {
        "name": "C",
        "body": "Hi",
        "audience": {"contacts": [str(office.carla.pk)]},
        "category": "transactional",
    }
    live = Api(office.org)
    if not is_simulated:
        assert api.post("/campaigns", body, expect=403)["code"] == "test_key"
    path = f"/campaigns/{(api if is_simulated else live).post('/campaigns', body)['id']}"
    give(office.sender, Campaign.objects.for_org(office.org).get())
    if is_simulated:
        assert api.post(f"{path}/start", expect=200)["status"] == "sending"
    else:
        assert api.post(f"{path}/start", expect=403)["code"] == "test_key"
        assert api.get(path)["status"] == "draft"
        live.post(f"{path}/start", expect=200)
        live.post(f"{path}/pause", expect=200)
        assert api.post(f"{path}/resume", expect=403)["code"] == "test_key"
