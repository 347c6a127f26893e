"""Status callbacks: order, signature, errors, retries."""

import pytest
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from tests.simulator.running import SENDER, TOKEN, Receiver, RunningSimulator, wait_until

TO = "+14155550101"


def send(client: Client, receiver: Receiver, to: str = TO, path: str = "/status/1") -> str:
    url = receiver.url + path
    return str(client.messages.create(to=to, from_=SENDER, body="Hello", status_callback=url).sid)


def test_a_text_is_called_back_as_sent_and_then_delivered(client: Client, receiver: Receiver) -> None:
    sid = send(client, receiver)
    wait_until(lambda: len(receiver.received) == 2)
    assert sorted(receiver.statuses()) == ["delivered", "sent"]
    [params] = [one.params for one in receiver.received if one.params["MessageStatus"] == "delivered"]
    assert params["MessageSid"] == params["SmsSid"] == sid
    assert (params["To"], params["From"], params["SmsStatus"]) == (TO, SENDER, "delivered")
    assert "ErrorCode" not in params and len(params["RawDlrDoneDate"]) == 10
    fetched = client.messages(sid).fetch()
    assert fetched.status == "delivered" and fetched.date_sent is not None


def test_callbacks_are_signed_over_the_url_with_its_query(client: Client, receiver: Receiver) -> None:
    send(client, receiver, path="/status/1?b=2&a=%20x#rc=3")
    wait_until(lambda: len(receiver.received) == 2)
    for held in receiver.received:
        assert held.path == "/status/1?b=2&a=%20x"
        signature = held.headers["X-Twilio-Signature"]
        assert RequestValidator(TOKEN).validate(receiver.url + held.path, held.params, signature)
        assert not RequestValidator("other").validate(receiver.url + held.path, held.params, signature)


def test_a_text_without_a_callback_url_is_delivered_all_the_same(client: Client) -> None:
    sid = str(client.messages.create(to=TO, from_=SENDER, body="Hello").sid)
    wait_until(lambda: client.messages(sid).fetch().status == "delivered")


@pytest.mark.parametrize(
    ("to", "statuses", "code"),
    [
        ("+15005550030", ["sent", "undelivered"], "30003"),
        ("+12025550050", ["sent", "undelivered"], "30005"),
        ("+447405550060", ["sent", "undelivered"], "30006"),
        ("+491715550070", ["sent", "undelivered"], "30007"),
        ("+12025550080", ["sent", "undelivered"], "30008"),
        ("+12025550010", ["failed"], "30001"),
    ],
)
def test_magic_numbers_fail_after_they_were_accepted(
    client: Client, receiver: Receiver, to: str, statuses: list[str], code: str
) -> None:
    sid = send(client, receiver, to)
    wait_until(lambda: len(receiver.received) == len(statuses))
    assert sorted(receiver.statuses()) == sorted(statuses), "two callbacks may overtake one another"
    codes = {one.params["MessageStatus"]: one.params.get("ErrorCode") for one in receiver.received}
    assert codes[statuses[-1]] == code
    assert str(client.messages(sid).fetch().error_code) == code


def test_a_callback_that_fails_is_tried_again(client: Client, receiver: Receiver) -> None:
    receiver.answers = [503]
    send(client, receiver)
    wait_until(lambda: receiver.statuses().count("sent") == 2 and "delivered" in receiver.statuses())


def test_a_callback_is_given_up_after_three_more_tries(
    simulator: RunningSimulator, receiver: Receiver
) -> None:
    receiver.answers = [500] * 20
    send(simulator.client(), receiver, to="+12025550010")
    wait_until(lambda: simulator.get("/_sim/stats")["callbacks"]["given_up"] == 1)
    assert receiver.statuses() == ["failed"] * 4


def test_callbacks_can_come_twice(simulator: RunningSimulator, receiver: Receiver) -> None:
    simulator.post("/_sim/faults", {"callbacks": {"delay_ms": 30, "duplicate": 1}})
    send(simulator.client(), receiver)
    wait_until(lambda: len(receiver.received) == 4)
    assert sorted(receiver.statuses()) == ["delivered", "delivered", "sent", "sent"]


def test_callbacks_can_come_in_the_wrong_order(simulator: RunningSimulator, receiver: Receiver) -> None:
    simulator.post("/_sim/faults", {"seed": 1, "callbacks": {"delay_ms": 20, "reorder": 0.5}})
    sids = [send(simulator.client(), receiver) for _ in range(20)]
    wait_until(lambda: len(receiver.received) == 40)
    orders = [receiver.statuses(sid) for sid in sids]
    assert ["delivered", "sent"] in orders and ["sent", "delivered"] in orders


def test_callbacks_can_be_lost(simulator: RunningSimulator, receiver: Receiver) -> None:
    simulator.post("/_sim/faults", {"callbacks": {"delay_ms": 20, "drop": 1}})
    client = simulator.client()
    sid = send(client, receiver)
    wait_until(lambda: client.messages(sid).fetch().status == "delivered")
    assert receiver.received == []
