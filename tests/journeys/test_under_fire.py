"""The short forms of `make faults`: what it proves at length is proved here in a minute."""

from pathlib import Path

import pytest

from tests.faults.beside_a_simulator import crash_everywhere
from tests.faults.campaign import campaign_under_fire
from tests.faults.losing_postgres import kill_postgres
from tests.faults.losing_redis import flush, lose_redis
from tests.stack import Api, Stack

pytestmark = pytest.mark.timeout(400)  # a minute or less on a machine of its own


def test_a_small_campaign_survives_4_kills_and_a_bad_carrier(stack: Stack, api: Api) -> None:
    campaign_under_fire(stack, api, seed=4, senders=20, texts=400, kills=4)


def test_a_process_may_die_at_every_crash_point_once(tmp_path: Path) -> None:
    crash_everywhere(tmp_path, "--most", "1")


def test_a_flush_of_redis_in_mid_campaign_loses_nothing(stack: Stack, api: Api) -> None:
    lose_redis(stack, api, texts=200, ways=[flush])


def test_a_kill_of_postgres_keeps_every_202(stack: Stack, api: Api) -> None:
    kill_postgres(stack, api, times=1, pause=2)
