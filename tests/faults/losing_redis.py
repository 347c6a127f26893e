"""Redis emptied, killed, silent or gone in the middle of a campaign: texts go on, none is lost, none goes twice."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redis import Redis

from tests.faults.asking import Asker
from tests.faults.judging import crowd, handed_over, judge, set_faults, start_campaign, state_of, telling
from tests.faults.processes import find, kill, supervisord
from tests.stack import Api, Stack, eventually

BACK_WITHIN = 15.0  # seconds until texts leave at their normal rate again
SHARE_WITHOUT = 0.20


def redis_of(stack: Stack) -> Redis:
    return Redis.from_url(state_of(stack)["REDIS_URL"], socket_timeout=2)


def lose_redis(stack: Stack, api: Api, *, texts: int, ways: list[Callable[[Stack], None]]) -> None:
    """In each of `ways`, while a campaign leaves; texts leave again within 15 s of its return."""
    with telling(stack):
        ids = crowd(stack, api, senders=20, contacts=texts, mps=2)
        set_faults(stack)
        waits = []
        with Asker(api, ids, threads=1, pause=0.3) as asker:
            start_campaign(api)
            for way in ways:
                _wait_for_texts(stack, 20)
                way(stack)
                eventually(lambda: _answers(stack), within=30, what="Redis to be back")
                back = time.monotonic()
                _wait_for_texts(stack, 20)
                waits.append(time.monotonic() - back)
        figures = judge(stack, api, texts=texts, asker=asker)
    print(f"\n{figures}; sending again after {', '.join(f'{one:.1f}' for one in waits)} s")
    assert max(waits) < BACK_WITHIN


def flush(stack: Stack) -> None:
    redis_of(stack).flushall()


def kill_redis(stack: Stack) -> None:
    assert kill(stack, "valkey")


def do_without_redis(
    stack: Stack, api: Api, *, texts: int, seconds: float, away: Callable[[Stack], Iterator[None]]
) -> None:
    """Redis `away` for so long: the API still accepts, and at least 20 % of the normal rate goes out."""
    with telling(stack):
        ids = crowd(stack, api, senders=20, contacts=texts, mps=2)
        set_faults(stack)
        with Asker(api, ids, threads=1, pause=1.0) as asker:
            start_campaign(api)
            _wait_for_texts(stack, 60)
            normal = _rate(stack, 12)
            with contextmanager(away)(stack):
                began = time.monotonic()
                rate = _rate(stack, seconds)
                accepted = asker.accepted_since(began)
            back = time.monotonic()
            eventually(lambda: _rate(stack, 3) > normal * 0.7, within=BACK_WITHIN, what="the normal rate")
            returned = time.monotonic() - back
        figures = judge(stack, api, texts=texts, asker=asker, within=150)
    print(
        f"\nnormal {normal:.1f}/s, without Redis {rate:.1f}/s ({rate / normal:.0%}), {accepted} requests accepted in"
        f" {seconds:.0f} s, normal again {returned:.1f} s after its return; {figures}"
    )
    assert rate >= SHARE_WITHOUT * normal
    assert accepted >= seconds / 6, asker.answers
    assert set(asker.answers) == {"202"}, asker.answers


def silent(stack: Stack) -> Iterator[None]:
    """It takes connections and never answers."""
    process = find(stack, "valkey")
    assert process
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def gone(stack: Stack) -> Iterator[None]:
    """Killed, and nobody starts it: its supervisor is held."""
    holder = supervisord(stack)
    holder.send_signal(signal.SIGSTOP)
    try:
        assert kill(stack, "valkey")
        yield
    finally:
        holder.send_signal(signal.SIGCONT)


def _rate(stack: Stack, seconds: float) -> float:
    before, began = handed_over(stack), time.monotonic()
    time.sleep(seconds)
    return (handed_over(stack) - before) / (time.monotonic() - began)


def _wait_for_texts(stack: Stack, count: int) -> None:
    before = handed_over(stack)
    eventually(lambda: handed_over(stack) >= before + count, within=40, what=f"{count} more texts")


def _answers(stack: Stack) -> bool:
    try:
        return bool(redis_of(stack).ping())
    except Exception:
        return False
