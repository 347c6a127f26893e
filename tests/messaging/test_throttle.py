"""No sender is granted more than its rate over time: in Redis by its clock, in this process by a faked one."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as RedisAway

from messaging import throttle
from messaging.throttle import WITHOUT_REDIS, LocalBuckets, Throttle, Want
from tenants.hints import redis_client


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


STEPS = st.lists(st.tuples(st.floats(0, 3), st.integers(1, 20), st.integers(0, 5)), min_size=1, max_size=40)


@given(rate=st.sampled_from([1, 3, 10, 100]), steps=STEPS)
def test_the_local_bucket_never_grants_more_than_its_rate_and_one_burst(
    rate: int, steps: list[tuple[float, int, int]]
) -> None:
    clock, buckets, used = Clock(), LocalBuckets(), 0.0
    saved, throttle.time = throttle.time, clock  # type: ignore[assignment]
    try:
        start = clock.now
        for pause, wanted, more in steps:
            clock.now += pause
            granted = buckets.take({"k": Want(rate, wanted)})["k"]
            assert 0 <= granted <= wanted
            if granted:  # a long text may take more than was granted: that is debt
                buckets.give_back({"k": -more})
                used += granted + more
                slow = rate * WITHOUT_REDIS
                assert used <= max(slow, 1) + (clock.now - start) * slow + more + 1e-6
    finally:
        throttle.time = saved


def test_what_is_given_back_can_be_taken_again() -> None:
    buckets = LocalBuckets()
    assert buckets.take({"k": Want(250, 100)}) == {"k": 100}
    buckets.give_back({"k": 100, "stranger": 5})
    assert buckets.take({"k": Want(250, 100)}) == {"k": 100}
    assert "stranger" not in buckets.buckets


# --- The Lua script, on a real Valkey ------------------------------------------------------------------


@pytest.fixture
def key() -> str:
    return f"bucket:test:{uuid4()}"


def set_bucket(key: str, tokens: float, seconds_ago: float) -> None:
    client = redis_client()
    seconds, micros = client.time()
    client.hset(key, mapping={"tokens": tokens, "at": seconds + micros / 1e6 - seconds_ago})


def test_a_fresh_bucket_holds_one_second_of_its_rate(key: str) -> None:
    assert Throttle().take({key: Want(10, 500)}) == {key: 10}
    assert Throttle().take({key: Want(10, 500)}) == {key: 0}


def test_each_sender_has_its_own(key: str) -> None:
    granted = Throttle().take({key: Want(10, 4), key + "b": Want(100, 500), key + "c": Want(1, 5)})
    assert granted == {key: 4, key + "b": 100, key + "c": 1}


@pytest.mark.parametrize(
    ("rate", "tokens", "seconds_ago", "granted"),
    [
        (1, 0, 0.5, 0),
        (1, 0, 1.01, 1),
        (1, 0, 30, 2),
        (1, 0, 1.7, 1),
        (10, 0, 0.55, 5),
        (100, 0, 3600, 100),
        (1, -2, 2.5, 0),
        (1, -2, 3.01, 1),
        (10, 2.9, 0, 2),
    ],
)
def test_a_bucket_fills_at_its_rate_up_to_a_second(
    key: str, rate: int, tokens: float, seconds_ago: float, granted: int
) -> None:
    set_bucket(key, tokens, seconds_ago)
    assert Throttle().take({key: Want(rate, 500)}) == {key: granted}


def test_debt_is_worked_off_at_the_rate(key: str) -> None:
    asked = Throttle()
    assert asked.take({key: Want(1, 1)}) == {key: 1}
    asked.give_back({key: -2})  # the text had three segments
    assert float(redis_client().hget(key, "tokens")) == pytest.approx(-2, abs=0.1)
    assert asked.take({key: Want(1, 1)}) == {key: 0}


def test_what_was_not_used_comes_back_but_never_more_than_a_burst(key: str) -> None:
    asked = Throttle()
    assert asked.take({key: Want(10, 10)}) == {key: 10}
    asked.give_back({key: 10})
    assert asked.take({key: Want(10, 500)}) == {key: 10}
    asked.give_back({key: 5000})
    assert asked.take({key: Want(10, 500)}) == {key: 10}


def test_many_workers_together_get_no_more_than_one(key: str) -> None:
    assert sum(Throttle().take({key: Want(20, 7)})[key] for _ in range(8)) in (20, 21)


def test_senders_of_an_account_share_its_rate(key: str) -> None:
    shares = ((f"{key}:account", 5.0), (f"{key}:org", 8.0))
    granted = Throttle().take(
        {f"{key}{n}": Want(3, 3, shares) for n in range(3)} | {f"{key}x": Want(3, 3, shares[1:])}
    )
    assert list(granted.values()) == [3, 2, 0, 3]


def test_what_an_account_did_not_use_comes_back_to_it(key: str) -> None:
    asked, shares = Throttle(), ((f"{key}:account", 5.0),)
    assert asked.take({key: Want(9, 9, shares)}) == {key: 5}
    asked.give_back({key: 4, f"{key}:account": 4})
    assert asked.take({f"{key}b": Want(9, 9, shares)}) == {f"{key}b": 4}


def test_without_redis_an_account_s_rate_holds_too() -> None:
    shares = (("account", 8.0),)
    assert LocalBuckets().take({"a": Want(8, 9, shares), "b": Want(8, 9, shares)}) == {"a": 3, "b": 0}


def test_who_had_nothing_rests_until_there_is_something(key: str) -> None:
    asked = Throttle()
    assert asked.take({key: Want(1, 1)}) == {key: 1}
    assert not asked.rests(key)
    assert asked.take({key: Want(1, 1)}) == {key: 0}
    assert asked.rests(key)
    set_bucket(key, 0, 1.1)
    assert Throttle().take({key: Want(1, 1)}) == {key: 1}


def test_a_sender_on_hold_gets_nothing_and_the_others_all(key: str) -> None:
    asked = Throttle()
    asked.hold(key, 30)
    assert asked.take({key: Want(10, 5), f"{key}b": Want(10, 5)}) == {key: 0, f"{key}b": 5}
    assert asked.rests(key)
    asked.hold(key, 0)
    assert Throttle().take({key: Want(10, 5)}) == {key: 5}


def test_nothing_wanted_asks_nobody() -> None:
    assert Throttle().take({}) == {}


def test_without_redis_each_process_keeps_to_its_share(key: str, monkeypatch: Any) -> None:
    calls: list[str] = []

    class Away:
        def eval(self, *_: Any) -> None:
            calls.append("asked")
            raise RedisAway("away")

    monkeypatch.setattr(throttle, "redis_client", Away)
    asked = Throttle()
    assert asked.take({key: Want(100, 500)}) == {key: 40}
    asked.give_back({key: 5})
    assert asked.take({key: Want(100, 500)})[key] in (5, 6)
    assert calls == ["asked"], "an absent Redis is not asked again at once"
