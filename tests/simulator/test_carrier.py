"""Sending, fetching and changing texts with the real twilio package."""

import asyncio
from typing import Any

import pytest
import requests
from aiohttp import ClientSession
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from tests.simulator.running import ACCOUNT, SENDER, TOKEN, RunningSimulator, wait_until

TO = "+14155550101"


def post_raw(
    simulator: RunningSimulator, form: dict[str, str], auth: tuple[str, str] = (ACCOUNT, TOKEN)
) -> Any:
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    return requests.post(simulator.url + path, data=form, auth=auth, timeout=10)


def test_it_takes_a_text_and_answers_the_whole_resource(simulator: RunningSimulator) -> None:
    answer = post_raw(simulator, {"To": TO, "From": SENDER, "Body": "Hello"})
    resource = answer.json()
    assert answer.status_code == 201
    assert resource["sid"].startswith("SM") and len(resource["sid"]) == 34
    expected = {
        "account_sid": ACCOUNT, "to": TO, "from": SENDER, "body": "Hello", "status": "queued",
        "direction": "outbound-api", "num_segments": "1", "num_media": "0", "error_code": None, "price": None,
        "price_unit": "USD", "api_version": "2010-04-01", "messaging_service_sid": None, "date_sent": None,
        "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{resource['sid']}.json",
    }  # fmt: skip
    assert {name: resource[name] for name in expected} == expected
    assert resource["date_created"].endswith(" +0000")


def test_the_twilio_package_reads_its_answer(client: Client) -> None:
    message = client.messages.create(to=TO, from_=SENDER, body="Grüße 👋" * 20)
    assert message.num_segments == "3"
    assert message.date_created is not None and message.date_created.tzinfo is not None
    assert client.messages(str(message.sid)).fetch().body == message.body


def test_the_async_twilio_package_can_send(simulator: RunningSimulator) -> None:
    async def send() -> str | None:
        async with ClientSession() as session:
            http = AsyncTwilioHttpClient()
            await http.session.close()
            http.session = session
            client = Client(ACCOUNT, TOKEN, http_client=http)
            client.api.base_url = simulator.url
            return (await client.messages.create_async(to=TO, from_=SENDER, body="Hello")).sid

    sid = asyncio.run(send())
    assert [row["sid"] for row in simulator.get("/_sim/ledger")["messages"]] == [sid]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"From": SENDER, "Body": "Hello"}, 21604),
        ({"To": TO, "Body": "Hello"}, 21603),
        ({"To": TO, "From": SENDER}, 21602),
        ({"To": TO, "From": SENDER, "Body": "x" * 1601}, 21617),
        ({"To": "12", "From": SENDER, "Body": "Hello"}, 21211),
        ({"To": TO, "From": "no such sender", "Body": "Hello"}, 21212),
        ({"To": TO, "From": TO, "Body": "Hello"}, 21266),
        ({"To": TO, "From": SENDER, "Body": "Hello", "StatusCallback": "nowhere"}, 21609),
    ],
)
def test_it_refuses_what_twilio_refuses(simulator: RunningSimulator, form: dict[str, str], code: int) -> None:
    answer = post_raw(simulator, form)
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert answer.json()["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert simulator.get("/_sim/ledger") == {"messages": []}


@pytest.mark.parametrize("sender", ["ACME", "Big Co-1", "56767", "+442071838750"])
def test_it_takes_every_kind_of_sender(client: Client, sender: str) -> None:
    assert client.messages.create(to=TO, from_=sender, body="Hello").from_ == sender


def test_a_body_of_1600_characters_is_taken(client: Client) -> None:
    assert client.messages.create(to=TO, from_=SENDER, body="x" * 1600).num_segments == "11"


def test_a_messaging_service_may_stand_for_the_sender(client: Client) -> None:
    message = client.messages.create(to=TO, messaging_service_sid="MG" + "0" * 32, body="Hello")
    assert (message.status, message.from_, message.messaging_service_sid) == (
        "accepted",
        None,
        "MG" + "0" * 32,
    )


@pytest.mark.parametrize("auth", [(ACCOUNT, "wrong"), ("AC" + "9" * 32, TOKEN), ("", "")])
def test_a_wrong_login_is_refused(simulator: RunningSimulator, auth: tuple[str, str]) -> None:
    answer = post_raw(simulator, {"To": TO, "From": SENDER, "Body": "Hello"}, auth)
    assert (answer.status_code, answer.json()["code"]) == (401, 20003)


def test_one_account_cannot_use_the_door_of_another(simulator: RunningSimulator) -> None:
    other = "AC" + "b2" * 16
    simulator.post("/_sim/accounts", {"account_sid": other, "auth_token": "other"})
    answer = post_raw(simulator, {"To": TO, "From": SENDER, "Body": "Hello"}, (other, "other"))
    assert (answer.status_code, answer.json()["code"]) == (401, 20003)


def test_one_account_cannot_fetch_a_text_of_another(simulator: RunningSimulator, client: Client) -> None:
    other = "AC" + "b2" * 16
    simulator.post("/_sim/accounts", {"account_sid": other, "auth_token": "other"})
    sid = str(client.messages.create(to=TO, from_=SENDER, body="Hello").sid)
    with pytest.raises(TwilioRestException) as refused:
        simulator.client(other, "other").messages(sid).fetch()
    assert (refused.value.status, refused.value.code) == (404, 20404)


def test_a_new_token_replaces_the_old_one(simulator: RunningSimulator) -> None:
    simulator.post("/_sim/accounts", {"account_sid": ACCOUNT, "auth_token": "rotated"})
    form = {"To": TO, "From": SENDER, "Body": "Hello"}
    assert post_raw(simulator, form, (ACCOUNT, TOKEN)).status_code == 401
    assert post_raw(simulator, form, (ACCOUNT, "rotated")).status_code == 201


def test_a_queued_text_can_be_cancelled_and_is_not_sent(simulator: RunningSimulator, client: Client) -> None:
    simulator.post("/_sim/faults", {"callbacks": {"delay_ms": 60_000}})
    sid = str(client.messages.create(to=TO, from_=SENDER, body="Hello").sid)
    assert client.messages(sid).update(status="canceled").status == "canceled"


def test_a_delivered_text_cannot_be_cancelled_but_wiped(client: Client) -> None:
    sid = str(client.messages.create(to=TO, from_=SENDER, body="Hello").sid)
    wait_until(lambda: client.messages(sid).fetch().status == "delivered")
    with pytest.raises(TwilioRestException) as refused:
        client.messages(sid).update(status="canceled")
    assert refused.value.code == 30409
    assert client.messages(sid).update(body="").body == ""


def test_what_the_simulator_lacks_is_a_404_that_the_package_can_read(client: Client) -> None:
    with pytest.raises(TwilioRestException) as refused:
        client.calls("CA" + "0" * 32).fetch()
    assert (refused.value.status, refused.value.code) == (404, 20404)
