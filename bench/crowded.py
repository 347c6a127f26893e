"""What others feel: texts that leave while the API is loaded, replies while a campaign drains."""

import itertools
import statistics
import time
from typing import Any
from uuid import UUID

from bench import api, load, queueing
from bench.queueing import Scene
from bench.serving import PRODUCT, serving
from bench.worker import draining
from messaging.models import Message
from messaging.planning import Request
from messaging.sending import queue_message
from tenants import api_keys
from tenants.models import Membership
from tests.world import give, make_member, make_org, make_sender


def measure_burst(scene: Scene, *, seconds: float, texts: int) -> dict[str, dict[str, Any]]:
    """Texts/s handed over with 16 connections at the API and without."""
    queueing.clear()
    scene.fill(texts=texts, senders=200)
    requests = _requests(int(2000 * seconds))
    with serving(PRODUCT) as port, draining(seconds=600):
        _until(lambda: queueing.accepted() > 0)
        alone = _rate(lambda: time.sleep(seconds))
        found: dict[str, Any] = {}
        loaded = _rate(lambda: found.update(load.fire(port=port, requests=requests, seconds=seconds)))
    assert set(found["statuses"]) == {"202"}, found
    return {
        "dispatch_under_burst": {
            "value": round(loaded / alone, 2),
            "unit": "ratio",
            "must": ">= 0.3",
            "note": f"{loaded:.0f} texts/s with {found['rate']:.0f} requests/s beside, {alone:.0f} without",
        }
    }


def _requests(enough: int) -> list[bytes]:
    org = make_org("Bench burst")
    api._senders(org)
    keys = [api_keys.mint(org=org, name=f"Bench {n}")[1] for n in range(api.KEYS)]
    return list(itertools.islice(api._texts(api._contacts(org, 2000), keys), enough))


def _rate(meanwhile: Any) -> float:
    before, began = queueing.accepted(), time.perf_counter()
    meanwhile()
    took = time.perf_counter() - began
    return (queueing.accepted() - before) / took


def measure_reply_wait(
    scene: Scene, other: Scene, *, texts: int, seconds: float
) -> dict[str, dict[str, Any]]:
    """From asking for a reply to its acceptance, while `texts` of the same org drain on other senders."""
    queueing.clear()
    scene.fill(texts=texts, senders=200)
    reps = [_rep(scene, "+14156660001"), _rep(other, "+14156660002")]
    asked: list[UUID] = []
    with draining(seconds=600):
        _until(lambda: queueing.accepted() > 0)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            asked += [_reply(rep, len(asked)) for rep in reps]
            time.sleep(0.1)
        left = texts - queueing.accepted()
        _until(lambda: not Message.unscoped.filter(pk__in=asked, accepted_at=None).exists())
    rows = Message.unscoped.filter(pk__in=asked).values_list("org_id", "created_at", "accepted_at")
    waits = {org: [] for org in (scene.org.pk, other.org.pk)}  # type: dict[UUID, list[float]]
    for org_id, created_at, accepted_at in rows:
        waits[org_id].append((accepted_at - created_at).total_seconds())
    own, others = (statistics.quantiles(one, n=20)[-1] for one in waits.values())
    return {
        "reply_wait_p95_s": {
            "value": round(max(own, others), 2),
            "unit": "s",
            "must": "<= 2",
            "note": f"same org {own:.2f}, another org {others:.2f}; {len(asked)} replies, "
            f"{max(left, 0):,} of {texts:,} still queued at the last",
        }
    }


def _rep(scene: Scene, number: str) -> Membership:
    rep = make_member(scene.org, "Rep")
    sender = make_sender(scene.org, number, provider_account=scene.account, mps=100)
    give(sender, rep)
    return rep


def _reply(rep: Membership, n: int) -> UUID:
    asking = Request(org=rep.org, to="+16285550100", body=f"On my way, {n}", as_member=rep)
    return queue_message(request=asking).pk


def _until(ask: Any, *, within: float = 60.0) -> None:
    ends = time.monotonic() + within
    while not ask():
        assert time.monotonic() < ends, "it does not get on"
        time.sleep(0.1)
