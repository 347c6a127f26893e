"""`live` as it really runs, and a page that listens to it."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core import signing
from embedding import wait_until

from config.embedded import PROJECT
from config.servers import free_port

CLAIMS: dict[str, Any] = {
    "org": "org-1", "member": "me", "all": False, "senders": ["sender-1"], "campaigns": ["campaign-1"],
    "subjects": ["me", "team-1"],
}  # fmt: skip
EVENT = {"org": "org-1", "type": "conversation", "conversation": "c1", "sender": "other", "at": "now"}


def token(**changes: Any) -> str:
    now = time.time()
    claims = CLAIMS | {"issued": now, "until": now + settings.LIVE_TOKEN_SECONDS} | changes
    return signing.dumps(claims, salt="live", compress=True)


class Stream:
    """An open page, as far as it listens."""

    def __init__(self, port: int, text: str, timeout: float = 10) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self.connection.request("GET", f"/events?token={text}", headers={"Origin": "https://evil.example"})
        self.answer = self.connection.getresponse()

    def next_event(self) -> tuple[str, dict]:
        kind = ""
        while line := self.answer.readline().decode():
            if line.startswith("event: "):
                kind = line[7:].strip()
            if line.startswith("data: "):
                return kind, json.loads(line[6:])
        raise EOFError

    def close(self) -> None:
        self.connection.close()


@contextmanager
def running_live(redis_url: str = "") -> Iterator[int]:
    """Its port; on the test run's Valkey unless another is named."""
    number, url = free_port(), redis_url or settings.REDIS_URL
    granian = str(Path(sys.executable).parent / "granian")
    command = [
        granian,
        "--interface",
        "asgi",
        "--no-ws",
        "config.live:application",
        "--workers-kill-timeout",
        "1",
    ]
    environ = os.environ | {"GRANIAN_PORT": str(number), "PYTHONPATH": str(PROJECT)}
    environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "REDIS_URL": url}
    bus = redis.Redis.from_url(url)
    before = len(bus.client_list(_type="pubsub"))
    process = subprocess.Popen(command, cwd=PROJECT, env=environ)
    try:
        wait_until(lambda: len(bus.client_list(_type="pubsub")) > before, seconds=20)
        yield number
    finally:
        process.terminate()
        process.wait(timeout=20)


def listen(port: int, **claims: Any) -> Stream:
    stream = Stream(port, token(**claims))
    assert stream.next_event() == ("hello", {})
    return stream


def publish(**changes: Any) -> None:
    event = EVENT | changes
    redis.Redis.from_url(settings.REDIS_URL).publish(f"live:{event['org']}", json.dumps(event))
