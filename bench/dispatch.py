"""Texts handed to the simulator by one worker, against a bare aiohttp loop that posts the same; and what slows it."""

import asyncio
import statistics
import time
from typing import Any

import aiohttp
from django.conf import settings

from bench import queueing
from bench.queueing import BODY, Drained, Scene
from messaging.models import Message
from messaging.statuses import Status
from senderid.models import ProviderAccount

IN_FLIGHT = 64
ROUNDS = 3
Row = dict[str, Any]


def measure(*, texts: int, senders: int) -> dict[str, Row]:
    """`dispatch_vs_client` and the CPU it takes; rounds take turns, so that noise meets both."""
    scene = queueing.make_scene("Bench", letter="b", senders=senders)
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(asyncio.run(post_bare(scene.account, texts)))
        ours.append(drain_all(scene, texts, senders))
    rate, theirs = statistics.median(one.rate for one in ours), statistics.median(bare)
    return {
        "dispatch_vs_client": {
            "value": round(rate / theirs, 2),
            "unit": "ratio",
            "must": ">= 0.60",
            "note": f"{rate:.0f} texts/s against {theirs:.0f} of bare aiohttp",
        },
        "dispatch_cpu_s_per_1000": {
            "value": round(statistics.median(one.cpu_per_1000 for one in ours), 2),
            "unit": "CPU s",
            "must": "<= 2.5",
            "note": "worker and database",
        },
    }


def drain_all(scene: Scene, texts: int, senders: int) -> Drained:
    queueing.clear()
    scene.fill(texts=texts, senders=senders)
    done = queueing.drain()
    assert done.texts == texts, (done, texts)
    assert not Message.unscoped.exclude(status=Status.ACCEPTED).exists()
    return done


def measure_slow(scene: Scene, *, texts: int, slow_down: Any) -> dict[str, Row]:
    """With a carrier that takes 100 ms; `slow_down(ms)` sets it."""
    quick = drain_all(scene, texts, 200)
    slow_down(100)
    slow = drain_all(scene, texts, 200)
    slow_down(0)
    return {
        "dispatch_slow_carrier": {
            "value": round(slow.rate / quick.rate, 2),
            "unit": "ratio",
            "must": ">= 0.8",
            "note": f"{slow.rate:.0f} texts/s at 100 ms an answer against {quick.rate:.0f} at 0 ms",
        }
    }


def measure_flatness(scene: Scene, *, few: int, many: int, senders: int) -> dict[str, Row]:
    """Texts/s as the queue grows, and as the senders do."""

    def cost(texts: int, of: int) -> Drained:
        queueing.clear()
        scene.fill(texts=texts, senders=of)
        return queueing.drain(longest=few / 1000)

    short, long = cost(few, 100), cost(many, 100)
    several = cost(few, senders)
    return {
        "dispatch_flat_queue": {
            "value": round(long.rate / short.rate, 2),
            "unit": "ratio",
            "must": ">= 0.90",
            "note": f"{long.rate:.0f} texts/s with {many:,} queued against {short.rate:.0f} with {few:,}",
        },
        "dispatch_flat_senders": {
            "value": round(several.rate / short.rate, 2),
            "unit": "ratio",
            "must": ">= 0.80",
            "note": f"{several.rate:.0f} texts/s of {senders:,} senders against {short.rate:.0f} of 100; "
            f"CPU s per 1,000: {several.cpu_per_1000:.2f} and {short.cpu_per_1000:.2f}",
        },
    }


async def post_bare(account: ProviderAccount, texts: int) -> float:
    """Texts/s of the plainest client."""
    url = f"{settings.SIMULATOR_BASE_URL}/2010-04-01/Accounts/{account.account_sid}/Messages.json"
    auth = {"Authorization": aiohttp.encode_basic_auth(account.account_sid, account.auth_token)}
    callback = f"{settings.PUBLIC_BASE_URL}/webhooks/twilio/{account.account_key}/status/"
    connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
    numbers = iter(range(texts))
    async with aiohttp.ClientSession(headers=auth, connector=connector) as session:

        async def worker() -> None:
            for n in numbers:
                form = {
                    "To": f"+1628{n:07d}",
                    "From": "+14155550100",
                    "Body": BODY,
                    "ValidityPeriod": "36000",
                    "StatusCallback": f"{callback}{n:036d}",
                }
                async with session.post(url, data=form) as answer:
                    await answer.json()

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        return texts / (time.perf_counter() - began)
