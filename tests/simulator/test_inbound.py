"""Texts from handsets: what reaches the webhook, and what is said about it."""

from typing import Any

import pytest
import requests
from twilio.request_validator import RequestValidator

from tests.simulator.running import ACCOUNT, SENDER, TOKEN, Receiver, RunningSimulator, free_port

PHONE = "+447400123456"


@pytest.fixture
def number_url(simulator: RunningSimulator, receiver: Receiver) -> str:
    """The SmsUrl that the sender's number is registered with."""
    url = receiver.url + "/webhooks/twilio/key/inbound"
    simulator.client().incoming_phone_numbers.create(phone_number=SENDER, sms_url=url)
    return url


def text(simulator: RunningSimulator, **fields: Any) -> dict[str, Any]:
    return dict(simulator.post("/_sim/inbound", {"to": SENDER, "from": PHONE, "body": "Hi"} | fields))


def test_a_text_reaches_the_numbers_webhook_signed(
    simulator: RunningSimulator, receiver: Receiver, number_url: str
) -> None:
    answer = text(simulator, body="Hé & <b>")
    [held] = receiver.received
    assert (answer["webhook_status"], answer["sid"]) == (200, held.params["MessageSid"])
    assert held.params["SmsMessageSid"] == held.params["SmsSid"] == answer["sid"]
    expected = {
        "AccountSid": ACCOUNT, "From": PHONE, "To": SENDER, "Body": "Hé & <b>", "NumMedia": "0",
        "NumSegments": "1", "FromCountry": "GB", "ToCountry": "US", "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
    }  # fmt: skip
    assert {name: held.params[name] for name in expected} == expected
    signature = held.headers["X-Twilio-Signature"]
    assert RequestValidator(TOKEN).validate(number_url, held.params, signature)


@pytest.mark.parametrize("status", [403, 500, 302])
def test_whatever_the_webhook_answers_is_passed_on(
    simulator: RunningSimulator, receiver: Receiver, number_url: str, status: int
) -> None:
    receiver.answers = [status]
    assert text(simulator)["webhook_status"] == status


def test_nobody_at_the_webhook_is_null_and_the_text_is_kept(simulator: RunningSimulator) -> None:
    dead = f"http://127.0.0.1:{free_port()}/"
    simulator.client().incoming_phone_numbers.create(phone_number=SENDER, sms_url=dead)
    assert text(simulator)["webhook_status"] is None
    assert simulator.get("/_sim/stats")["messages"] == {"outbound": 0, "inbound": 1}


def test_the_same_event_can_be_brought_twice(
    simulator: RunningSimulator, receiver: Receiver, number_url: str
) -> None:
    sid = text(simulator, message_sid="SM" + "1" * 32)["sid"]
    text(simulator, message_sid=sid)
    assert [held.params["MessageSid"] for held in receiver.received] == [sid, sid]
    assert receiver.received[0].params == receiver.received[1].params
    assert simulator.get("/_sim/stats")["messages"]["inbound"] == 1


def test_the_signature_can_be_left_out(
    simulator: RunningSimulator, receiver: Receiver, number_url: str
) -> None:
    text(simulator, signature="none")
    assert "X-Twilio-Signature" not in receiver.received[0].headers


def test_the_signature_can_be_wrong(simulator: RunningSimulator, receiver: Receiver, number_url: str) -> None:
    text(simulator, signature="wrong")
    [held] = receiver.received
    assert not RequestValidator(TOKEN).validate(number_url, held.params, held.headers["X-Twilio-Signature"])


def test_short_codes_and_names_are_texted_too(simulator: RunningSimulator, receiver: Receiver) -> None:
    url = receiver.url + "/short"
    number = {"account_sid": ACCOUNT, "number": "56767", "sms_url": url}
    assert simulator.post("/_sim/numbers", number)["sms_url"] == url
    assert text(simulator, to="56767", **{"from": "ACME"})["webhook_status"] == 200
    [held] = receiver.received
    assert (held.path, held.params["From"], held.params["FromCountry"]) == ("/short", "ACME", "")
    [code] = simulator.client().api.v2010.account.short_codes.list()
    assert (code.short_code, code.sms_url) == ("56767", url)


def test_an_unknown_number_goes_to_the_newest_account(
    own_simulator: RunningSimulator, receiver: Receiver
) -> None:
    for name in ("first", "second"):
        own_simulator.post(
            "/_sim/accounts",
            {"account_sid": f"AC{name}", "auth_token": name, "inbound_url": f"{receiver.url}/{name}"},
        )
    own_simulator.post("/_sim/accounts", {"account_sid": "ACfirst", "auth_token": "again"})
    text(own_simulator, to="+14155559999")
    text(own_simulator, to="+14155559999", account_sid="ACfirst")
    assert [(held.path, held.params["AccountSid"]) for held in receiver.received] == [
        ("/second", "ACsecond"),
        ("/first", "ACfirst"),
    ]


def test_an_unknown_number_uses_a_webhook_of_the_accounts_other_numbers(
    own_simulator: RunningSimulator, receiver: Receiver
) -> None:
    own_simulator.post("/_sim/accounts", {"account_sid": ACCOUNT, "auth_token": TOKEN})
    client = own_simulator.client()
    client.incoming_phone_numbers.create(phone_number=SENDER, sms_url=receiver.url + "/known")
    assert text(own_simulator, to="+14155559999")["webhook_status"] == 200
    assert receiver.received[0].path == "/known"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"nonsense", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"from": "+1", "body": "x"}', "to is missing"),
        (b'{"to": "+1", "body": "x"}', "from is missing"),
        (b'{"to": "+1", "from": "+2"}', "body is missing"),
        (b'{"to": 1, "from": "+2", "body": "x"}', "to must be a text"),
        (b'{"to": "+1", "from": "+2", "body": "x", "signature": "odd"}', "signature must be one of"),
        (b'{"to": "+1", "from": "+2", "body": "x", "account_sid": "AC0"}', "no such account: AC0"),
    ],
)
def test_a_text_that_cannot_be_read_is_explained(
    simulator: RunningSimulator, content: bytes, words: str
) -> None:
    answer = requests.post(simulator.url + "/_sim/inbound", data=content, timeout=10)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_a_simulator_that_knows_no_account_says_so(own_simulator: RunningSimulator) -> None:
    content = {"to": SENDER, "from": PHONE, "body": "Hi"}
    answer = requests.post(own_simulator.url + "/_sim/inbound", json=content, timeout=10)
    assert (answer.status_code, answer.json()) == (400, {"error": "no account is registered yet"})
