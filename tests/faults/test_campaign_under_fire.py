"""20 × kill -9 during 5,000 texts from 200 senders, while the carrier fails in every way it can: none lost, none twice.

A small form runs in `make test` (tests/journeys/test_under_fire.py).
"""

import pytest

from tests.faults.campaign import campaign_under_fire
from tests.stack import Api, Stack


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_campaign_survives_20_kills_and_a_bad_carrier(fire: Stack, fire_api: Api, seed: int) -> None:
    campaign_under_fire(fire, fire_api, seed=seed, senders=200, texts=5000, kills=20)
