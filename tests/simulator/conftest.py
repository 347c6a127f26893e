"""Fixtures: a simulator that is shared and emptied, one of one's own, and a receiver for webhooks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from twilio.rest import Client

from tests.simulator.running import ACCOUNT, SENDER, TOKEN, Receiver, RunningSimulator


@pytest.fixture(scope="session")
def simulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    running = RunningSimulator(tmp_path_factory.mktemp("simulator"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def simulator(simulator_process: RunningSimulator) -> RunningSimulator:
    """An empty simulator that knows one account and calls back fast."""
    simulator_process.post("/_sim/reset")
    simulator_process.post("/_sim/faults", {"callbacks": {"delay_ms": 20}})
    nowhere = "http://127.0.0.1:9/"
    account = {"account_sid": ACCOUNT, "auth_token": TOKEN, "inbound_url": nowhere}
    simulator_process.post("/_sim/accounts", account)
    simulator_process.post("/_sim/numbers", {"account_sid": ACCOUNT, "number": SENDER, "sms_url": nowhere})
    return simulator_process


@pytest.fixture
def own_simulator(tmp_path: Path) -> Iterator[RunningSimulator]:
    """A simulator of its own for a test that stops it, or needs one that knows nothing yet."""
    running = RunningSimulator(tmp_path)
    running.start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.stop()


@pytest.fixture
def client(simulator: RunningSimulator) -> Client:
    return simulator.client()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.shutdown()
    running.server_close()
