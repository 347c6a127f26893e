"""The window of an account: it grows with answers, shrinks when the account had too many, closes when it says so."""

import asyncio
import time
import uuid
from collections.abc import Callable
from typing import Any

from messaging import carriers
from messaging.carriers import BROKEN, FIRST_WINDOW, LATE, NARROWEST, Lane, Window
from messaging.claiming import Claimed
from senderid.providers.base import Answer, Outcome, Outgoing

TAKEN = Answer(Outcome.ACCEPTED, sid="SM1")


def text(call_before: float | None = None, body: str = "Hello") -> Claimed:
    late = time.monotonic() + 60 if call_before is None else call_before
    one = uuid.uuid4()
    expires = time.time() + 3600
    return Claimed(one, late, one, one, one, "+14155550199", "+14155550134", body, 1, expires, one)


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


REFUSED = Answer(Outcome.SLOW_DOWN)
FULL = Answer(Outcome.SLOW_DOWN, concurrent=60)


def taught(*answers: tuple[Answer, int]) -> int:
    window = Window()
    for answer, times in answers:
        for _ in range(times):
            window.learn(answer)
    return window.size


def test_as_much_is_claimed_ahead_as_leaves_in_a_moment(settings: Any, monkeypatch: Any) -> None:
    settings.SEND_IN_FLIGHT = 64
    now = [100.0]
    monkeypatch.setattr(carriers.time, "monotonic", lambda: now[0])
    quick, slow, refusing = Window(), Window(), Window()
    now[0] += 0.0625  # 64 answers in this time: 1,024 a second
    for _ in range(64):
        quick.learn(TAKEN)
        refusing.learn(REFUSED)
    now[0] += 2
    for _ in range(64):
        slow.learn(TAKEN)
    assert (quick.ahead, slow.ahead, refusing.ahead) == (256, 128, 2 * refusing.size)


def test_what_was_never_called_says_nothing_of_a_rate(monkeypatch: Any) -> None:
    monkeypatch.setattr(carriers.time, "monotonic", lambda: 100.0)
    late, at_once = Window(), Window()
    for _ in range(FIRST_WINDOW):
        late.learn(LATE)
        at_once.learn(TAKEN)
    assert late.ahead == 2 * late.size
    assert at_once.ahead <= 8 * at_once.size


def test_the_window_doubles_with_answers_up_to_the_setting(settings: Any) -> None:
    assert (taught(), taught((TAKEN, 63)), taught((TAKEN, 64))) == (
        FIRST_WINDOW,
        FIRST_WINDOW,
        2 * FIRST_WINDOW,
    )
    settings.SEND_IN_FLIGHT = 150
    assert taught((TAKEN, 64 + 128)) == 150


def test_a_full_account_narrows_it_and_then_it_grows_slowly() -> None:
    assert taught((FULL, 10), (TAKEN, 54)) == int(0.8 * FIRST_WINDOW)
    assert taught((FULL, 10), (TAKEN, 54), (TAKEN, 51)) == int(0.8 * FIRST_WINDOW) + 2
    assert taught((FULL, 10_000)) == NARROWEST


def test_refusals_that_speak_of_a_rate_narrow_it_only_when_they_are_many() -> None:
    """The account was not full: it had one call under way when it refused."""
    assert taught((Answer(Outcome.SLOW_DOWN, concurrent=1), 7), (TAKEN, 57)) >= FIRST_WINDOW
    assert taught((REFUSED, 17), (TAKEN, 47)) < FIRST_WINDOW


def test_a_carrier_that_refuses_every_tenth_keeps_a_wide_window() -> None:
    assert taught(*[(Answer(Outcome.SLOW_DOWN, concurrent=5), 1), (TAKEN, 9)] * 100) >= FIRST_WINDOW


def test_what_concerns_a_sender_or_a_text_does_not_narrow_it() -> None:
    for outcome in (Outcome.PERMANENT, Outcome.UNKNOWN, Outcome.RETRY, Outcome.NEXT_SENDER):
        assert taught((Answer(outcome), 64)) >= FIRST_WINDOW
    assert taught((Answer(Outcome.SLOW_DOWN, of_sender=True, retry_after=5.0), 64)) >= FIRST_WINDOW


def test_calls_that_hang_make_room_for_others(monkeypatch: Any) -> None:
    """Three that never end in a window of three; the others go on once these count as slow."""

    class Hanging(Counting):
        async def send(self, outgoing: Outgoing) -> Answer:
            if outgoing.body == "hangs":
                await asyncio.Event().wait()
            return await super().send(outgoing)

    async def through() -> tuple[int, int]:
        answers: list[Answer] = []
        monkeypatch.setattr(carriers, "SLOW_CALL", 0.0)
        lane = Lane("key", Hanging(), lambda _, answer: answers.append(answer))  # type: ignore[arg-type]
        lane.window.size, lane.window.learn = 3, lambda _: None  # type: ignore[method-assign]
        lane.push([text(body="hangs") for _ in range(3)] + [text() for _ in range(5)])
        await asyncio.sleep(0)
        before = len(answers)
        lane.call_more()
        while len(answers) < 5:
            await asyncio.sleep(0)
        return before, len(answers)

    assert asyncio.run(asyncio.wait_for(through(), 10)) == (0, 5)


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


def test_a_process_that_ends_calls_nothing_more() -> None:
    carrier = Counting()
    carriers.stopping.set()
    try:
        assert run(carrier, [text(), text()]) == [LATE, LATE]
    finally:
        carriers.stopping.clear()
    assert carrier.calls == 0


def test_while_an_account_asks_for_a_pause_nobody_calls(monkeypatch: Any) -> None:
    """Neither those who called nor new callers, however often the drain looks."""
    monkeypatch.setattr(carriers, "SLOW_CALL", 0.0)

    async def through() -> tuple[int, int]:
        carrier, answers = Counting(lambda: Answer(Outcome.SLOW_DOWN, retry_after=30)), []
        lane = Lane("key", carrier, lambda _, answer: answers.append(answer))  # type: ignore[arg-type]
        lane.window.size = 1
        lane.push([text() for _ in range(20)])
        while not answers:
            await asyncio.sleep(0)
        asked = carrier.calls
        for _ in range(20):
            lane.call_more()
            await asyncio.sleep(0)
        return asked, carrier.calls

    assert asyncio.run(through()) == (1, 1)


def test_a_call_that_breaks_is_of_unknown_fate_and_holds_nothing_up() -> None:
    def broken() -> Answer:
        raise ValueError("not thought of")

    assert run(Counting(broken), [text(), text()]) == [BROKEN, BROKEN]
