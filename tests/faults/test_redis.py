"""Redis may lose everything at any time, and be away for a minute.

A small form runs in `make test` (tests/journeys/test_under_fire.py).
"""

from collections.abc import Callable

import pytest

from tests.faults.losing_redis import do_without_redis, flush, gone, kill_redis, lose_redis, silent
from tests.stack import Api, Stack


def test_a_flush_and_a_kill_in_mid_campaign_lose_nothing(fire: Stack, fire_api: Api) -> None:
    lose_redis(fire, fire_api, texts=1200, ways=[flush, kill_redis, flush, kill_redis])


@pytest.mark.parametrize("away", [silent, gone])
def test_texts_are_taken_and_leave_while_it_is_away_for_a_minute(
    fire: Stack, fire_api: Api, away: Callable
) -> None:
    do_without_redis(fire, fire_api, texts=3600, seconds=60, away=away)
