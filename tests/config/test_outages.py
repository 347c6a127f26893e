"""With PostgreSQL away nothing is accepted and nobody sees a 500; with Redis away everything is accepted at once."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tenants import api_policy, hints
from tests.calling import Api
from tests.office import CARLA, Office
from tests.world import give

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "127.0.0.1:1"
ASK = """
import json, time, zlib, django
django.setup()
from django.test import Client
from tenants import api_keys
key = "cs_live_" + "a" * 43
key += api_keys.base62(zlib.crc32(key.encode()), 6)
client = Client(headers={"authorization": "Bearer " + key}, raise_request_exception=False)
found, began = [], time.monotonic()
for path, kind in [("api/v1/messages", "json"), ("webhooks/twilio/k/inbound", "x-www-form-urlencoded")]:
    answer = client.generic("POST", "/" + path, "{}", content_type="application/" + kind)
    found.append([answer.status_code, answer["Content-Type"], json.loads(answer.content)])
print(json.dumps([time.monotonic() - began, found]))
"""


def test_with_postgresql_away_the_doors_answer_503_at_once() -> None:
    env = os.environ | {
        "DATABASE_URL": f"postgres://x:x@{NOWHERE}/x",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    took, answers = json.loads(done.stdout)
    for status, kind, body in answers:
        assert (status, kind) == (503, "application/problem+json")
        assert (body["code"], body["retryable"]) == ("unavailable", True)
    assert took < 10


@pytest.mark.django_db(transaction=True)
def test_with_redis_away_texts_are_accepted_at_once(settings: Any, monkeypatch: Any) -> None:
    office = Office()
    give(office.sender, office.org)
    api = Api(office.org)
    settings.REDIS_URL = f"redis://{NOWHERE}/0"
    monkeypatch.setattr(hints, "_thread", {})
    monkeypatch.setattr(api_policy, "_away", {"until": 0.0})
    monkeypatch.setattr(api_policy, "_windows", {})
    began = time.monotonic()
    for _ in range(20):
        api.post("/messages", {"to": CARLA, "body": "Hello"}, expect=202)
    assert time.monotonic() - began < 10


def test_an_absent_redis_is_asked_once_and_then_left_alone(monkeypatch: Any) -> None:
    asked = []

    def away() -> Any:
        asked.append(1)
        raise ConnectionError

    monkeypatch.setattr(api_policy, "redis_client", away)
    monkeypatch.setattr(api_policy, "_away", {"until": 0.0})
    monkeypatch.setattr(api_policy, "_windows", {})
    assert [api_policy._count("x", 1, 10) for _ in range(40)] == list(range(1, 41))
    assert len(asked) == 1
