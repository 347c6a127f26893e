"""Faults on purpose: what is stored, and what the caller sees."""

import time
from typing import Any

import pytest
import requests
from twilio.base.exceptions import TwilioRestException

from tests.simulator.running import ACCOUNT, SENDER, TOKEN, RunningSimulator


def send(simulator: RunningSimulator, to: str = "+14155550101", timeout_s: float = 10) -> int | str:
    """The status of the answer, or what became of the connection."""
    url = f"{simulator.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    form = {"To": to, "From": SENDER, "Body": "Hello"}
    try:
        return requests.post(url, data=form, auth=(ACCOUNT, TOKEN), timeout=timeout_s).status_code
    except requests.Timeout:
        return "timeout"
    except requests.ConnectionError:
        return "dropped"


def stored(simulator: RunningSimulator) -> int:
    return len(simulator.get("/_sim/ledger")["messages"])


@pytest.mark.parametrize(
    ("faults", "answer", "rows"),
    [
        ({"rate_429": 1}, 429, 0),
        ({"drop_before": 1}, "dropped", 0),
        ({"drop_after_accept": 1}, "dropped", 1),
        ({"error_500_after_accept": 1}, 500, 1),
        ({"slow": 1, "slow_ms": 5000}, "timeout", 1),
        ({}, 201, 1),
    ],
)
def test_each_fault_stores_what_it_says(
    simulator: RunningSimulator, faults: dict[str, Any], answer: int | str, rows: int
) -> None:
    simulator.post("/_sim/faults", faults)
    assert send(simulator, timeout_s=0.5) == answer
    assert stored(simulator) == rows


def test_a_refused_request_carries_twilios_code(simulator: RunningSimulator) -> None:
    simulator.post("/_sim/faults", {"rate_429": 1})
    with pytest.raises(TwilioRestException) as refused:
        simulator.client().messages.create(to="+14155550101", from_=SENDER, body="Hello")
    assert (refused.value.status, refused.value.code) == (429, 20429)


def test_the_same_seed_fails_the_same_requests(simulator: RunningSimulator) -> None:
    def run(seed: int) -> list[int | str]:
        simulator.post("/_sim/faults", {"seed": seed, "rate_429": 0.5, "drop_before": 0.2})
        return [send(simulator) for _ in range(20)]

    first = run(7)
    assert run(7) == first
    assert run(8) != first
    assert {201, 429} <= set(first)


def test_latency_holds_the_answer_back(simulator: RunningSimulator) -> None:
    simulator.post("/_sim/faults", {"latency_ms": 200})
    started = time.monotonic()
    assert send(simulator) == 201
    assert time.monotonic() - started >= 0.2


def test_faults_are_shown_and_what_is_left_out_is_off(simulator: RunningSimulator) -> None:
    simulator.post("/_sim/faults", {"rate_429": 0.5, "callbacks": {"drop": 0.1}})
    answer = simulator.post("/_sim/faults", {"seed": 3})
    assert answer == simulator.get("/_sim/faults")
    assert (answer["seed"], answer["rate_429"], answer["slow_ms"]) == (3, 0, 25_000)
    assert answer["callbacks"] == {"delay_ms": 150, "duplicate": 0, "reorder": 0, "drop": 0}


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"rate_500": 1}, "rate_500: no such fault"),
        ({"rate_429": 2}, "rate_429: is a share between 0 and 1"),
        ({"latency_ms": -1}, "latency_ms: must be a number"),
        ({"drop_before": "often"}, "drop_before: must be a number"),
        ({"callbacks": {"lose": 1}}, "callbacks.lose: no such fault"),
        ({"callbacks": 1}, "callbacks must be an object"),
        ({"seed": 0.5}, "seed: must be a whole number"),
    ],
)
def test_a_fault_that_cannot_be_read_is_explained(
    simulator: RunningSimulator, faults: dict[str, Any], words: str
) -> None:
    answer = requests.post(simulator.url + "/_sim/faults", json=faults, timeout=10)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


@pytest.mark.parametrize(
    ("nn", "code"), [("01", 21211), ("02", 21612), ("03", 21408), ("04", 21610), ("05", 21611), ("09", 21614)]
)
@pytest.mark.parametrize("prefix", ["+1500555", "+1202555", "+44740555", "+49171555"])
def test_magic_numbers_are_refused_at_once(
    simulator: RunningSimulator, prefix: str, nn: str, code: int
) -> None:
    with pytest.raises(TwilioRestException) as refused:
        simulator.client().messages.create(to=f"{prefix}00{nn}", from_=SENDER, body="Hello")
    assert (refused.value.status, refused.value.code) == (400, code)
    assert stored(simulator) == 0


def test_numbers_that_look_like_magic_ones_are_not(simulator: RunningSimulator) -> None:
    for to in ("+14155550001", "+16285550004", "+12025550101", "+12025550199"):
        assert send(simulator, to) == 201


def test_requests_that_wait_for_their_answer_are_counted(own_simulator: RunningSimulator) -> None:
    # On its own: an answer that another test left hanging would be counted too.
    own_simulator.post("/_sim/accounts", {"account_sid": ACCOUNT, "auth_token": TOKEN})

    def count() -> str:
        url = f"{own_simulator.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        return requests.get(url, auth=(ACCOUNT, TOKEN), timeout=10).headers["Twilio-Concurrent-Requests"]

    assert count() == "1"
    own_simulator.post("/_sim/faults", {"slow": 1})
    assert send(own_simulator, timeout_s=0.3) == "timeout"
    assert count() == "2"
