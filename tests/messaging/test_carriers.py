"""The window of an account: it grows with answers, shrinks when the account had too many, closes when it says so."""

import asyncio
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from messaging.carriers import FIRST_WINDOW, LATE, Lane, Window
from messaging.claiming import Claimed
from senderid.providers.base import Answer, Outcome, Outgoing

TAKEN = Answer(Outcome.ACCEPTED, sid="SM1")


def text(call_before: float | None = None) -> Claimed:
    late = time.monotonic() + 60 if call_before is None else call_before
    one = uuid.uuid4()
    expires = timezone.now() + timedelta(hours=1)
    return Claimed(one, late, one, one, one, "+14155550199", "+14155550134", "Hello", 1, expires, one)


class Counting:
    """A carrier that answers in turn and notes how many calls it had at once."""

    def __init__(self, answer: Callable[[], Answer] = lambda: TAKEN) -> None:
        self.answer, self.now, self.most, self.calls = answer, 0, 0, 0

    async def send(self, outgoing: Outgoing) -> Answer:
        self.calls += 1
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        return self.answer()


def run(carrier: Any, texts: list[Claimed], window: Window | None = None) -> list[Answer]:
    async def through() -> list[Answer]:
        answers: list[Answer] = []
        all_landed = asyncio.Event()

        def landed(_: Claimed, answer: Answer) -> None:
            answers.append(answer)
            if len(answers) == len(texts):
                all_landed.set()

        lane = Lane("key", carrier, landed)
        lane.window = window or lane.window
        lane.push(texts)
        await asyncio.wait_for(all_landed.wait(), 10)
        return answers

    return asyncio.run(through())


def test_each_text_is_called_once_and_no_more_at_once_than_the_window_allows() -> None:
    carrier, window = Counting(), Window()
    window.size, window.learn = 3, lambda _: None  # type: ignore[method-assign]
    assert run(carrier, [text() for _ in range(50)], window) == [TAKEN] * 50
    assert (carrier.calls, carrier.most) == (50, 3)


def test_the_window_grows_with_answers_up_to_the_setting(settings: Any) -> None:
    settings.SEND_IN_FLIGHT = 70
    window = Window()
    assert window.size == FIRST_WINDOW
    for _ in range(20):
        window.learn(TAKEN)
    assert window.size == 70


def test_it_shrinks_once_for_refusals_that_come_together() -> None:
    window = Window()
    for _ in range(10):
        window.learn(Answer(Outcome.SLOW_DOWN))
    assert window.size == int(0.8 * FIRST_WINDOW)


def test_what_the_account_had_under_way_is_the_measure() -> None:
    window = Window()
    window.learn(Answer(Outcome.SLOW_DOWN, concurrent=10))
    assert window.size == 8
    window = Window()
    window.learn(Answer(Outcome.SLOW_DOWN, concurrent=1))
    assert window.size == 1


def test_other_refusals_change_nothing() -> None:
    window = Window()
    for outcome in (Outcome.PERMANENT, Outcome.UNKNOWN, Outcome.RETRY, Outcome.NEXT_SENDER):
        window.learn(Answer(outcome))
    assert window.size == FIRST_WINDOW


def test_an_account_that_names_a_time_is_left_alone_until_then() -> None:
    async def room() -> tuple[int, int]:
        lane = Lane("key", Counting(), lambda *_: None)  # type: ignore[arg-type]
        before = lane.room
        lane.window.learn(Answer(Outcome.SLOW_DOWN, retry_after=5))
        return before, lane.room

    assert asyncio.run(room()) == (2 * FIRST_WINDOW, 0)


def test_a_text_that_waited_too_long_goes_back_without_a_call() -> None:
    carrier = Counting()
    assert run(carrier, [text(time.monotonic() - 1)]) == [LATE]
    assert carrier.calls == 0
