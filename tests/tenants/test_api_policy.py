"""The limit of a key: counted in each process, added up in Redis."""

import uuid
from typing import Any

import pytest

from tenants import api_policy
from tenants.api_policy import TELL_EVERY, Window
from tenants.hints import redis_client


class Process:
    """A process's own counts of one key, in one stretch of ten seconds."""

    def __init__(self, key: str) -> None:
        self.key, self.windows = key, dict[str, Window]()

    def ask(self, monkeypatch: pytest.MonkeyPatch, times: int, number: int = 7) -> int:
        monkeypatch.setattr(api_policy, "_windows", self.windows)
        return [api_policy._count(self.key, number, 10) for _ in range(times)][-1]


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(api_policy, "_away", {"until": 0.0})
    return uuid.uuid4().hex


def test_one_process_counts_exactly(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(key)
    assert [process.ask(monkeypatch, 1) for _ in range(100)] == list(range(1, 101))


def test_processes_hear_of_each_other(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Process(key), Process(key)
    assert one.ask(monkeypatch, 64) == 64
    assert other.ask(monkeypatch, TELL_EVERY) == TELL_EVERY + 64
    assert one.ask(monkeypatch, TELL_EVERY) == 64 + 2 * TELL_EVERY
    assert redis_client().ttl(f"api-rate:{key}:7") > 0


def test_a_new_stretch_begins_at_nothing(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(key)
    process.ask(monkeypatch, 40)
    assert process.ask(monkeypatch, 1, number=8) == 1


def test_what_redis_was_not_told_is_told_later(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise ConnectionError

    one, other = Process(key), Process(key)
    monkeypatch.setattr(api_policy, "redis_client", away)
    assert one.ask(monkeypatch, 50) == 50
    monkeypatch.undo()
    monkeypatch.setattr(api_policy, "_away", {"until": 0.0})
    one.ask(monkeypatch, 1)
    assert other.ask(monkeypatch, TELL_EVERY) == TELL_EVERY + 51
