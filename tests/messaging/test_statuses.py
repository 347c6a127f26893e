"""The states of a text move forward only; a final one is never overwritten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.statuses import FINAL, RANK, Status, may_move, movable_to

STATES = st.sampled_from(Status.values)


@pytest.mark.parametrize(
    ("now", "to", "may"),
    [
        ("scheduled", "queued", True),
        ("queued", "sending", True),
        ("sending", "accepted", True),
        ("sending", "unknown", True),
        ("unknown", "accepted", True),
        ("unknown", "delivered", True),
        ("accepted", "sent", True),
        ("sent", "delivered", True),
        ("queued", "delivered", True),
        ("sending", "queued", True),
        ("unknown", "queued", True),
        ("accepted", "queued", False),
        ("sent", "queued", False),
        ("queued", "queued", False),
        ("queued", "scheduled", False),
        ("sent", "accepted", False),
        ("accepted", "unknown", False),
        ("accepted", "sending", False),
        ("delivered", "undelivered", False),
        ("undelivered", "delivered", False),
        ("failed", "queued", False),
        ("cancelled", "queued", False),
        ("blocked", "sending", False),
        ("expired", "accepted", False),
        ("received", "sent", False),
    ],
)
def test_a_move_is_allowed_or_not(now: str, to: str, may: bool) -> None:
    assert may_move(now, to) is may


@given(STATES, STATES)
def test_nothing_leaves_a_final_state_and_nothing_moves_to_itself(now: str, to: str) -> None:
    if now in FINAL or now == to:
        assert not may_move(now, to)


@given(st.lists(STATES, max_size=20))
def test_whatever_is_asked_the_rank_never_falls_but_back_to_the_queue(asked: list[str]) -> None:
    state: str = Status.SCHEDULED
    for to in asked:
        if may_move(state, to):
            back = to == Status.QUEUED and state in (Status.SENDING, Status.UNKNOWN)
            assert back or RANK[Status(to)] > RANK[Status(state)]
            state = to
    assert state in FINAL or any(may_move(state, to) for to in Status.values)


@given(STATES)
def test_the_compare_and_set_lists_exactly_the_states_that_may_move(to: str) -> None:
    assert movable_to(to) == [now for now in Status.values if may_move(now, to)]


def test_every_state_has_a_rank() -> None:
    assert set(RANK) == set(Status)
