"""The pages on which a person reads and answers texts."""

import requests

from tests.simulator.running import SENDER, Receiver, RunningSimulator

PHONE = "+14155550101"
THREAD = "/handsets/%2B14155550101"


def send(simulator: RunningSimulator, body: str, sender: str = SENDER) -> None:
    simulator.client().messages.create(to=PHONE, from_=sender, body=body)


def answer(simulator: RunningSimulator, **form: str) -> requests.Response:
    content = {"from": PHONE, "to": SENDER, "body": "Yes please"} | form
    return requests.post(simulator.url + "/reply", data=content, timeout=10)


def test_an_empty_simulator_says_what_will_come(simulator: RunningSimulator) -> None:
    assert "No texts yet" in simulator.page("/")


def test_a_text_shows_on_its_handset(simulator: RunningSimulator) -> None:
    send(simulator, "Hello <script>")
    assert PHONE in simulator.page("/handsets") and PHONE in simulator.page("/")
    thread = simulator.page(THREAD + "/thread")
    assert "Hello &lt;script&gt;" in thread and f"from {SENDER}" in thread
    assert f"Answer as {PHONE}" in simulator.page(THREAD)


def test_the_handset_spoken_with_last_comes_first(simulator: RunningSimulator) -> None:
    client = simulator.client()
    for to in ("+14155550102", "+14155550103", "+14155550102"):
        client.messages.create(to=to, from_=SENDER, body="Hello")
    page = simulator.page("/handsets")
    assert page.index("+14155550102") < page.index("+14155550103")
    assert "+14155550102" not in simulator.page("/handsets?q=0103")


def test_a_handset_can_answer(simulator: RunningSimulator, receiver: Receiver) -> None:
    simulator.client().incoming_phone_numbers.create(phone_number=SENDER, sms_url=receiver.url)
    send(simulator, "Hello")
    page = answer(simulator)
    assert page.ok and "Yes please" in page.text and 'class="note"' not in page.text
    assert receiver.received[0].params["Body"] == "Yes please"


def test_a_webhook_that_fails_is_told(simulator: RunningSimulator, receiver: Receiver) -> None:
    simulator.client().incoming_phone_numbers.create(phone_number=SENDER, sms_url=receiver.url)
    receiver.answers = [403]
    assert "the webhook answered: 403" in answer(simulator).text


def test_a_name_cannot_be_answered(simulator: RunningSimulator) -> None:
    send(simulator, "Hello", sender="ACME")
    page = simulator.page(THREAD)
    assert "ACME: a name, not a number. It cannot be answered." in page
    assert "Answer as" not in page
    assert "a name cannot be texted" in answer(simulator, to="ACME").text


def test_an_empty_text_is_not_sent(simulator: RunningSimulator) -> None:
    assert "Not sent: From, To and a text or a file are needed." in answer(simulator, body=" ").text
    assert simulator.get("/_sim/stats")["messages"]["inbound"] == 0


def test_the_magic_numbers_are_listed(simulator: RunningSimulator) -> None:
    page = simulator.page("/magic")
    for words in ("21211", "+12025550001", "30007", "+447405550070"):
        assert words in page
