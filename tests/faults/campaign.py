"""One campaign, killed at random from its first text to its last."""

import time
from random import Random

from tests.faults.asking import Asker
from tests.faults.judging import crowd, handed_over, judge, set_faults, start_campaign, telling
from tests.faults.processes import kill_one
from tests.stack import Api, Stack

PROGRAMS = ("worker", "dispatcher", "web")
BAD_CARRIER = {
    "rate_429": 0.10,
    "drop_before": 0.05,
    "drop_after_accept": 0.10,
    "error_500_after_accept": 0.05,
    "slow": 0.03,
    "slow_ms": 8000,
    "callbacks": {"delay_ms": 150, "duplicate": 0.1, "reorder": 0.1, "drop": 0.1},
}


def campaign_under_fire(stack: Stack, api: Api, *, seed: int, senders: int, texts: int, kills: int) -> None:
    """Kills as the texts leave, so that the last one still meets a campaign; beside it the API is asked all the time."""
    dice, met = Random(seed), []
    victims = [PROGRAMS[n % len(PROGRAMS)] for n in range(kills)]
    dice.shuffle(victims)
    with telling(stack):
        ids = crowd(stack, api, senders=senders, contacts=texts, mps=2)
        set_faults(stack, seed, **BAD_CARRIER)
        began, before = time.monotonic(), handed_over(stack)
        with Asker(api, ids, threads=1, pause=0.5) as asker:
            campaign = start_campaign(api)
            for n, program in enumerate(victims):
                _wait_for(stack, before + texts * n // (kills + 1), at_least=dice.uniform(0.3, 2), within=8)
                met.append(kill_one(stack, program, dice))
        figures = judge(stack, api, texts=texts, asker=asker, within=150)
        counts = api.get(f"/campaigns/{campaign}")["counts"]
        assert (counts["total"], counts["skipped"], counts["failed"]) == (texts, 0, 0), counts
    set_faults(stack)
    print(f"\nseed {seed}: {figures}; {time.monotonic() - began:.0f} s; killed: {', '.join(met)}")


def _wait_for(stack: Stack, texts: int, *, at_least: float, within: float) -> None:
    """Until the carrier has so many texts, but no longer than `within` seconds: a stalled system is killed, too."""
    time.sleep(at_least)
    ends = time.monotonic() + within
    while time.monotonic() < ends and handed_over(stack) < texts:
        time.sleep(0.2)
