"""Listing texts: Twilio's filters, order and pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from twilio.rest import Client

from tests.simulator.running import ACCOUNT, SENDER, TOKEN, RunningSimulator

PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


def send(client: Client, to: str, body: str = "Hello", sender: str = SENDER) -> str:
    return str(client.messages.create(to=to, from_=sender, body=body).sid)


def list_raw(simulator: RunningSimulator, **query: Any) -> dict[str, Any]:
    answer = requests.get(simulator.url + PATH, params=query, auth=(ACCOUNT, TOKEN), timeout=10)
    answer.raise_for_status()
    return dict(answer.json())


def test_texts_are_listed_newest_first_and_by_both_ends(client: Client) -> None:
    first = send(client, "+14155550101")
    second = send(client, "+14155550102", sender="ACME")
    third = send(client, "+14155550101", sender="ACME")
    assert [held.sid for held in client.messages.list()] == [third, second, first]
    assert [held.sid for held in client.messages.list(to="+14155550101")] == [third, first]
    assert [held.sid for held in client.messages.list(from_="ACME")] == [third, second]
    assert [held.sid for held in client.messages.list(to="+14155550101", from_=SENDER)] == [first]
    assert client.messages.list(to="+14155550199") == []


def test_inbound_texts_are_listed_too(simulator: RunningSimulator, client: Client) -> None:
    sid = simulator.post("/_sim/inbound", {"to": SENDER, "from": "+14155550101", "body": "Hi"})["sid"]
    [listed] = client.messages.list(to=SENDER)
    assert (listed.sid, listed.direction, listed.status, listed.body) == (sid, "inbound", "received", "Hi")


def test_pages_follow_each_other_without_gap_or_repeat_while_texts_arrive(client: Client) -> None:
    sent = [send(client, f"+141555502{number:02}") for number in range(7)]
    page = client.messages.page(page_size=3)
    listed = [held.sid for held in page]
    send(client, "+14155550299")
    while (following := page.next_page()) is not None:
        page = following
        listed += [held.sid for held in page]
    assert listed == sent[::-1]


def test_a_page_has_twilios_body(simulator: RunningSimulator, client: Client) -> None:
    for number in range(3):
        send(client, f"+1415555020{number}")
    first = list_raw(simulator, PageSize=2)
    assert (first["page"], first["page_size"], first["start"], first["end"]) == (0, 2, 0, 1)
    assert first["first_page_uri"] == f"{PATH}?PageSize=2&Page=0"
    assert first["previous_page_uri"] is None
    second = requests.get(simulator.url + first["next_page_uri"], auth=(ACCOUNT, TOKEN), timeout=10).json()
    assert (second["page"], len(second["messages"]), second["next_page_uri"]) == (1, 1, None)


def test_only_twilios_filters_exist(simulator: RunningSimulator, client: Client) -> None:
    send(client, "+14155550101")
    assert len(list_raw(simulator, Body="something else", Status="failed")["messages"]) == 1


def test_dates_narrow_the_list(client: Client) -> None:
    sid = send(client, "+14155550101")
    now = datetime.now(UTC)
    minute = timedelta(minutes=1)
    assert [held.sid for held in client.messages.list(date_sent_after=now - minute)] == [sid]
    assert [held.sid for held in client.messages.list(date_sent_before=now + minute)] == [sid]
    assert client.messages.list(date_sent_after=now + minute) == []
    assert client.messages.list(date_sent_before=now - minute) == []


@pytest.mark.parametrize(("days", "found"), [(0, 1), (1, 0), (-1, 0)])
def test_a_date_names_its_whole_day(
    simulator: RunningSimulator, client: Client, days: int, found: int
) -> None:
    message = client.messages.create(to="+14155550101", from_=SENDER, body="Hello")
    assert message.date_created is not None
    day = (message.date_created + timedelta(days=days)).date().isoformat()
    assert len(list_raw(simulator, DateSent=day)["messages"]) == found


def test_a_date_that_cannot_be_read_is_refused(simulator: RunningSimulator) -> None:
    answer = requests.get(
        simulator.url + PATH, params={"DateSent": "yesterday"}, auth=(ACCOUNT, TOKEN), timeout=10
    )
    assert (answer.status_code, answer.json()["code"]) == (400, 20001)


def test_a_delay_hides_new_texts_from_lists_but_not_from_the_ledger(
    simulator: RunningSimulator, client: Client
) -> None:
    simulator.post("/_sim/faults", {"list_delay_ms": 60_000})
    sid = send(client, "+14155550101")
    assert client.messages.list() == []
    assert [row["sid"] for row in simulator.get("/_sim/ledger")["messages"]] == [sid]
    simulator.post("/_sim/faults", {})
    assert [held.sid for held in client.messages.list()] == [sid]
