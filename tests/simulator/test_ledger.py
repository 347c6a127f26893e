"""The ledger's door, reset, and what survives a restart."""

import sqlite3
import time
from datetime import UTC, datetime

import pytest
import requests

from tests.simulator.running import ACCOUNT, SENDER, TOKEN, Receiver, RunningSimulator, wait_until


def send(simulator: RunningSimulator, body: str, callback: str | None = None) -> str:
    created = simulator.client().messages.create(
        to="+14155550101", from_=SENDER, body=body, **({"status_callback": callback} if callback else {})
    )
    return str(created.sid)


def test_the_ledger_holds_what_was_accepted_and_only_that(simulator: RunningSimulator) -> None:
    simulator.post("/_sim/inbound", {"to": SENDER, "from": "+14155550101", "body": "Hi"})
    sid = send(simulator, "Hello", "http://127.0.0.1:9/status")
    [row] = simulator.get("/_sim/ledger")["messages"]
    received_at = datetime.fromisoformat(row.pop("received_at"))
    assert abs((datetime.now(UTC) - received_at).total_seconds()) < 5
    assert row == {
        "sid": sid, "account_sid": ACCOUNT, "to": "+14155550101", "from": SENDER, "body": "Hello",
        "status_callback": "http://127.0.0.1:9/status",
    }  # fmt: skip


def test_the_ledger_shows_what_handsets_sent_when_asked(simulator: RunningSimulator) -> None:
    said = {"to": SENDER, "from": "+14155550101", "body": "Hi"}
    sid = simulator.post("/_sim/inbound", said)["sid"]
    send(simulator, "Hello")
    [row] = simulator.get("/_sim/ledger", direction="inbound")["messages"]
    assert (row["sid"], row["account_sid"], row["from"], row["body"]) == (sid, ACCOUNT, "+14155550101", "Hi")
    assert simulator.get("/_sim/ledger", direction="inbound", since=time.time() + 60)["messages"] == []


def test_since_takes_iso_and_unix_times_and_includes_its_moment(simulator: RunningSimulator) -> None:
    send(simulator, "one")
    send(simulator, "two")
    first, second = simulator.get("/_sim/ledger")["messages"]
    moment = datetime.fromisoformat(second["received_at"])
    for since in (second["received_at"], moment.isoformat(), str(moment.timestamp())):
        assert simulator.get("/_sim/ledger", since=since)["messages"] == [second]
    assert simulator.get("/_sim/ledger", since=first["received_at"])["messages"] == [first, second]
    assert simulator.get("/_sim/ledger", since=time.time() + 60)["messages"] == []


def test_an_unescaped_offset_in_since_is_understood(simulator: RunningSimulator) -> None:
    send(simulator, "one")
    path = "/_sim/ledger?since=2020-01-01T00:00:00+00:00"
    assert len(requests.get(simulator.url + path, timeout=10).json()["messages"]) == 1


@pytest.mark.parametrize("path", ["/_sim/ledger", "/_sim/mail"])
def test_a_since_that_cannot_be_read_is_refused(simulator: RunningSimulator, path: str) -> None:
    assert requests.get(simulator.url + path, params={"since": "lately"}, timeout=10).status_code == 400


def test_a_long_ledger_is_answered_whole(simulator: RunningSimulator) -> None:
    session, url = requests.Session(), f"{simulator.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    form = {"To": "+14155550101", "From": SENDER, "Body": "Hello"}
    sids = [session.post(url, data=form, auth=(ACCOUNT, TOKEN)).json()["sid"] for _ in range(503)]
    assert [row["sid"] for row in simulator.get("/_sim/ledger")["messages"]] == sids


def test_reset_forgets_texts_and_faults_and_keeps_accounts_and_numbers(simulator: RunningSimulator) -> None:
    client = simulator.client()
    client.incoming_phone_numbers.create(phone_number=SENDER)
    sid = send(simulator, "Hello")
    simulator.post("/_sim/faults", {"rate_429": 1})
    simulator.post("/_sim/reset")
    assert simulator.get("/_sim/ledger") == {"messages": []}
    assert simulator.get("/_sim/faults")["rate_429"] == 0
    assert client.messages.list() == []
    assert [held.phone_number for held in client.incoming_phone_numbers.list(phone_number=SENDER)] == [SENDER]
    assert send(simulator, "Hello again") != sid


def test_callbacks_of_texts_that_were_reset_away_do_not_come(
    simulator: RunningSimulator, receiver: Receiver
) -> None:
    simulator.post("/_sim/faults", {"callbacks": {"delay_ms": 300}})
    send(simulator, "before", receiver.url)
    simulator.post("/_sim/reset")
    simulator.post("/_sim/faults", {"callbacks": {"delay_ms": 300}})
    kept = send(simulator, "after", receiver.url)
    wait_until(lambda: "delivered" in receiver.statuses())
    assert {held.params["MessageSid"] for held in receiver.received} == {kept}


def test_everything_but_faults_survives_a_restart(own_simulator: RunningSimulator) -> None:
    own_simulator.post("/_sim/accounts", {"account_sid": ACCOUNT, "auth_token": TOKEN})
    client = own_simulator.client()
    client.incoming_phone_numbers.create(phone_number=SENDER, sms_url="http://one.test/")
    send(own_simulator, "one")
    own_simulator.post("/_sim/inbound", {"to": SENDER, "from": "+14155550101", "body": "Hi"})
    before = own_simulator.get("/_sim/ledger")
    assert own_simulator.stop() == 0
    own_simulator.start()
    assert own_simulator.get("/_sim/ledger") == before
    assert [held.sms_url for held in client.incoming_phone_numbers.list()] == ["http://one.test/"]
    assert {held.body for held in client.messages.list()} == {"one", "Hi"}
    second = send(own_simulator, "two")
    assert own_simulator.get("/_sim/ledger")["messages"][-1]["sid"] == second


def test_a_text_under_way_goes_on_after_a_restart(
    own_simulator: RunningSimulator, receiver: Receiver
) -> None:
    own_simulator.post("/_sim/accounts", {"account_sid": ACCOUNT, "auth_token": TOKEN})
    own_simulator.post("/_sim/faults", {"callbacks": {"delay_ms": 60_000}})
    send(own_simulator, "one", receiver.url)
    own_simulator.stop()
    own_simulator.start()
    wait_until(lambda: sorted(receiver.statuses()) == ["delivered", "sent"])


def test_a_killed_simulator_keeps_what_it_answered_for(own_simulator: RunningSimulator) -> None:
    own_simulator.post("/_sim/accounts", {"account_sid": ACCOUNT, "auth_token": TOKEN})
    sid = send(own_simulator, "one")
    path = own_simulator.data_dir / "simulator.sqlite3"
    wait_until(lambda: sqlite3.connect(path).execute("SELECT count(*) FROM messages").fetchone()[0] == 1)
    assert own_simulator.process is not None
    own_simulator.process.kill()
    own_simulator.process.wait()
    own_simulator.start()
    assert [row["sid"] for row in own_simulator.get("/_sim/ledger")["messages"]] == [sid]


def test_it_ends_at_once_while_an_answer_is_held_back(own_simulator: RunningSimulator) -> None:
    own_simulator.post("/_sim/accounts", {"account_sid": ACCOUNT, "auth_token": TOKEN})
    own_simulator.post("/_sim/faults", {"slow": 1})
    url = f"{own_simulator.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    form = {"To": "+14155550101", "From": SENDER, "Body": "Hello"}
    with pytest.raises(requests.Timeout):
        requests.post(url, data=form, auth=(ACCOUNT, TOKEN), timeout=0.2)
    started = time.monotonic()
    assert own_simulator.stop() == 0
    assert time.monotonic() - started < 5
