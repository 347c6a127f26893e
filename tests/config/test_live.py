"""Live events: who may listen, who hears what, and what happens to those who miss something."""

import asyncio
import http.client
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import time_machine
from django.conf import settings
from django.core import signing
from listening import CLAIMS, EVENT, Stream, listen, publish, running_live, token

from config import live


@pytest.mark.parametrize(
    ("claims", "event", "heard"),
    [
        ({}, {"sender": "sender-1"}, True),
        ({}, {"sender": "sender-2"}, False),
        ({}, {"assignee": "me"}, True),
        ({}, {"assignee": "somebody"}, False),
        ({"people": ["absent"]}, {"assignee": "absent"}, True),
        ({}, {"program": "campaign-1"}, True),
        ({}, {"owner": "me"}, False),
        ({}, {"owner": "me", "campaign": "campaign-2"}, True),
        ({}, {"owner": "me", "program": "program-2"}, True),
        ({}, {"campaign": "campaign-1"}, True),
        ({}, {"campaign": "campaign-2"}, False),
        ({"all": True}, {}, True),
        ({"member": None}, {"assignee": None, "owner": None, "campaign": None}, False),
        ({"campaigns": []}, {"campaign": None}, False),
    ],
)
def test_a_token_lists_what_may_be_heard(claims: dict, event: dict, heard: bool) -> None:
    assert live.may_hear(CLAIMS | claims, EVENT | event) is heard


def test_a_token_is_good_for_five_minutes() -> None:
    with time_machine.travel("2026-01-01 10:00Z") as clock:
        signed = token()
        clock.shift(290)
        assert live.read_token(signed) is not None
        clock.shift(20)
        assert live.read_token(signed) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        signing.dumps(CLAIMS, salt="other"),
        signing.dumps({"all": True}, salt="live"),
        signing.dumps(CLAIMS, salt="live"),
        token(until=time.time() + 3600),
    ],
    ids=["none", "nonsense", "signed for something else", "of no org", "without an end", "too long"],
)
def test_any_other_token_is_refused(text: str) -> None:
    assert live.read_token(text) is None


def test_a_listener_that_is_too_slow_is_cut_off_and_delays_nobody() -> None:
    listener = live.Listener(CLAIMS)

    for _ in range(live.QUEUE_LENGTH + 1):
        listener.tell("one more")

    assert listener.cut_off
    assert listener.queue.qsize() == live.QUEUE_LENGTH


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running_live() as number:
        yield number


def test_an_event_reaches_those_of_its_org_who_may_hear_it(port: int) -> None:
    mine, everything, outsider = listen(port), listen(port, all=True), listen(port, org="org-2", all=True)

    publish(conversation="c1", sender="sender-2")
    publish(conversation="c2", sender="sender-1")
    publish(conversation="c3", org="org-2")

    assert [everything.next_event()[1]["conversation"] for _ in range(2)] == ["c1", "c2"]
    kind, data = mine.next_event()
    assert (kind, data["conversation"]) == ("conversation", "c2")
    assert "org" not in data
    assert outsider.next_event()[1]["conversation"] == "c3"
    for stream in (mine, everything, outsider):
        stream.close()


def test_only_our_own_pages_may_read_it(port: int) -> None:
    stream = listen(port)

    assert stream.answer.headers["Access-Control-Allow-Origin"] == settings.PUBLIC_BASE_URL
    assert stream.answer.headers["Content-Type"].startswith("text/event-stream")
    stream.close()


@pytest.mark.parametrize("path", ["/events?token=x", "/events?token=good", "/healthz", "/nowhere"])
def test_every_response_says_what_browsers_may_do_with_it(port: int, path: str) -> None:
    """security F19, security F16, where else the kind lies: `live` sent no policy."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path.replace("good", token()))
    headers = connection.getresponse().headers
    connection.close()
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert "Strict-Transport-Security" not in headers  # PUBLIC_BASE_URL is http here


def test_over_https_live_says_to_stay_there(settings: Any) -> None:
    """security F10."""
    settings.HSTS = "max-age=31536000; includeSubDomains"
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 500, "headers": []})

    asyncio.run(live.with_headers(broken)({"type": "http"}, None, send))  # type: ignore[arg-type]
    assert (b"strict-transport-security", settings.HSTS.encode()) in sent[0]["headers"]


def test_without_a_good_token_it_answers_401(port: int) -> None:
    assert Stream(port, "nonsense").answer.status == 401


def test_a_gap_is_announced_to_everybody(port: int) -> None:
    stream = listen(port)

    redis.Redis.from_url(settings.REDIS_URL).client_kill_filter(_type="pubsub", skipme=True)

    assert stream.next_event() == ("gap", {})
    publish(sender="sender-1")
    assert stream.next_event()[0] == "conversation"
    stream.close()


def test_what_cannot_be_read_harms_nobody(port: int) -> None:
    stream = listen(port)

    redis.Redis.from_url(settings.REDIS_URL).publish("live:org-1", "not json")
    publish(sender="sender-1")

    assert stream.next_event()[0] == "conversation"
    stream.close()
