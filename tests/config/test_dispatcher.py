"""The loop that asks every sweep: nothing a sweep does may end it or hold up another."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import OperationalError
from embedding import wait_until

from config import dispatcher


class Counter:
    """A sweep that counts its runs and then does what it is told."""

    def __init__(self, then: Callable[[], int] = lambda: 0) -> None:
        self.runs, self.then = 0, then

    def __call__(self) -> int:
        self.runs += 1
        return self.then()


def fail(error: Exception) -> Callable[[], int]:
    def sweep() -> int:
        raise error

    return sweep


@pytest.fixture
def dispatch(monkeypatch: pytest.MonkeyPatch):
    """Runs sweeps in the background, a thousand times as often, until the test ends."""
    monkeypatch.setattr(dispatcher, "PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(dispatcher, "BACK_OFF_SECONDS", 0.01)
    monkeypatch.setattr(dispatcher, "STOP_SECONDS", 0.2)
    stopping, threads = threading.Event(), []

    def start(heartbeat: Path | None = None, **sweeps: Callable[[], int]) -> threading.Event:
        thread = threading.Thread(
            target=dispatcher.dispatch, args=(sweeps, stopping), kwargs={"heartbeat": heartbeat}
        )
        thread.start()
        threads.append(thread)
        return stopping

    yield start
    stopping.set()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), OperationalError("the server is gone")], ids=["a bug", "no database"]
)
def test_a_failing_sweep_is_tried_again_and_others_go_on(dispatch, error, caplog) -> None:
    failing, healthy = Counter(fail(error)), Counter()

    dispatch(failing=failing, healthy=healthy)

    wait_until(lambda: failing.runs > 3 and healthy.runs > 3)
    assert "failing failed" in caplog.text


def test_a_slow_sweep_holds_up_nobody(dispatch) -> None:
    release = threading.Event()
    slow, quick = Counter(lambda: int(release.wait(5))), Counter()

    dispatch(slow=slow, quick=quick)

    wait_until(lambda: quick.runs > 5)
    assert slow.runs == 1
    release.set()


def test_it_stops_when_told(dispatch) -> None:
    sweep = Counter()
    stopping = dispatch(sweep=sweep)
    wait_until(lambda: sweep.runs > 0)

    stopping.set()

    # The fixture checks that the loop has ended.


def test_the_heartbeat_is_as_old_as_the_slowest_sweep(dispatch, tmp_path: Path) -> None:
    release, quick = threading.Event(), Counter()
    dispatch(tmp_path / "alive", slow=lambda: int(release.wait(20)), quick=quick)
    wait_until((tmp_path / "alive").exists)
    first = os.path.getmtime(tmp_path / "alive")
    wait_until(lambda: quick.runs > 10)

    assert os.path.getmtime(tmp_path / "alive") == first
    release.set()
    wait_until(lambda: os.path.getmtime(tmp_path / "alive") > first)


def test_the_pause_grows_with_failures_up_to_a_limit() -> None:
    assert 0.8 <= dispatcher.pause_after(0) <= 1.2
    assert 3.2 <= dispatcher.pause_after(2) <= 4.8
    assert 12 <= dispatcher.pause_after(50) <= 18
