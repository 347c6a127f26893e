"""What the operator sees: readyz red when texts are late, metrics from the database and the workers."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families as families

from messaging import measures, queue_state
from messaging.draining import Drain
from senderid.providers.base import Answer, Outcome
from tenants.hints import redis_client
from tests.texting import Texting, claim_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def texting() -> Texting:
    redis_client().delete(measures.KEY)
    measures._waiting.clear()
    return Texting()


def ready(client: Client) -> tuple[int, Any]:
    answer = client.get("/readyz")
    return answer.status_code, answer.json()


def queue(texting: Texting, minutes: float, **fields: Any) -> None:
    texting.row(due_at=timezone.now() - timedelta(minutes=minutes), **fields)


def test_ready_when_nothing_waits(client: Client, texting: Texting) -> None:
    code, state = ready(client)
    assert (code, state["ready"], state["oldest_due_seconds"]) == (200, True, 0)


@pytest.mark.parametrize(("minutes", "code"), [(0.5, 200), (2, 503)])
def test_not_ready_when_a_text_is_late_by_over_a_minute(
    client: Client, texting: Texting, minutes: float, code: int
) -> None:
    queue(texting, minutes)
    found, state = ready(client)
    assert found == code
    assert state["oldest_due_seconds"] >= minutes * 60 - 5
    assert bool(state["oldest_late_seconds"]) is (code == 503)


def test_a_text_of_either_lane_counts(client: Client, texting: Texting) -> None:
    queue(texting, 5, lane=1)
    assert ready(client)[0] == 503


def test_a_queue_that_waits_for_its_senders_rate_is_not_late(client: Client, texting: Texting) -> None:
    for n in range(100):
        queue(texting, 2, lane=1, body=f"{n}")
    texting.sender.mps = 1
    texting.sender.save()
    assert ready(client)[0] == 200
    texting.sender.mps = 10
    texting.sender.save()
    assert ready(client)[0] == 503


def test_a_paused_account_and_what_is_not_due_make_nothing_late(client: Client, texting: Texting) -> None:
    queue(texting, -60)
    queue(texting, 60)
    texting.account.paused_until = timezone.now() + timedelta(minutes=5)
    texting.account.save()
    assert ready(client)[0] == 200


def shown(client: Client) -> dict[tuple[str, tuple[str, ...]], float]:
    text = client.get("/metrics").content.decode()
    return {
        (sample.name, tuple(label for _, label in sorted(sample.labels.items(), reverse=True))): sample.value
        for family in families(text)
        for sample in family.samples
    }


def test_metrics_say_how_deep_and_old_the_queue_is(client: Client, texting: Texting) -> None:
    queue(texting, 1)
    queue(texting, 3, lane=1)
    queue(texting, -3, lane=1)
    texting.row(status="unknown")
    texting.row(status="sending", body="other")
    found = shown(client)
    assert found["callsign_queue_depth", ("long_code", "interactive")] == 1
    assert found["callsign_queue_depth", ("long_code", "bulk")] == 2
    assert 175 <= found["callsign_queue_age_seconds", ("long_code", "bulk")] < 240
    assert found["callsign_texts_unsettled", ("unknown",)] == 1
    assert found["callsign_texts_unsettled", ("sending",)] == 1


def test_metrics_add_up_what_the_workers_measured(client: Client, texting: Texting) -> None:
    for seconds in (0.004, 0.03, 99):
        measures.observe("call", seconds)
    measures.count("attempts", "accepted", 2)
    measures.flush(now=True)
    measures.count("attempts", "accepted")
    measures.count("attempts", "unknown")
    measures.flush(now=True)
    found = shown(client)
    assert found["callsign_attempts_total", ("accepted",)] == 3
    assert found["callsign_attempts_total", ("unknown",)] == 1
    assert found["callsign_call_seconds_bucket", ("0.005",)] == 1
    assert found["callsign_call_seconds_bucket", ("0.05",)] == 2
    assert found["callsign_call_seconds_bucket", ("+Inf",)] == found["callsign_call_seconds_count", ()] == 3
    assert found["callsign_call_seconds_sum", ()] == pytest.approx(99.034)


def test_without_redis_measuring_hurts_nobody(client: Client, texting: Texting, monkeypatch: Any) -> None:
    def away() -> None:
        raise OSError("away")

    monkeypatch.setattr(measures, "redis_client", away)
    measures.count("attempts", "accepted")
    measures.flush(now=True)
    assert ("callsign_attempts_total", ("accepted",)) not in shown(client)


def test_a_drain_measures_what_came_of_its_calls(texting: Texting) -> None:
    texting.row()
    [claimed] = claim_all()
    done = [(claimed, Answer(Outcome.ACCEPTED, sid="SM1")), (claimed, Answer(Outcome.UNKNOWN))]
    Drain(longest=1, idle=0)._measure(done, 0.02)
    measures.flush(now=True)
    found = measures.read()
    assert found["attempts"] == {"accepted": 1, "unknown": 1}
    assert found["record"] == {"0.025": 1, "sum": pytest.approx(0.02)}


def test_what_goes_before_a_text_of_a_sender(texting: Texting) -> None:
    queue(texting, 1, segments=3)
    queue(texting, 1, lane=1, segments=5)
    queue(texting, -5, segments=9)
    texting.sender.mps = 2
    both = queue_state.queues_of(texting.org, [texting.sender])[texting.sender.pk]
    assert (both.texts, both.segments, both.seconds) == (2, 8, 4.0)
    first = queue_state.queues_of(texting.org, [texting.sender], lane=0)[texting.sender.pk]
    assert (first.texts, first.segments) == (1, 3)
