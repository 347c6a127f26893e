"""Is it alive, is it ready, what does it measure."""

from collections.abc import Callable, Iterable
from hmac import compare_digest
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from messaging import measures, queue_state
from tenants.auth.addresses import is_internal
from tenants.hints import redis_client

LANES = ("interactive", "bulk")


class Probes:
    """Answers the three before anything looks at the Host: a probe calls a container by its address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.views = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.views.get(request.path, self.get_response)(request)


def may_see_figures(request: HttpRequest) -> bool:
    """True with METRICS_TOKEN as bearer token, and for a probe from inside."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if settings.METRICS_TOKEN and compare_digest(token.encode(), settings.METRICS_TOKEN.encode()):
        return True
    return is_internal(request)


def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database and broker answer and no text is late by over 60 s; 503 otherwise. Details only inside.

    A text that waits for its sender's rate is not late, nor is one of a paused account.
    """
    state: dict[str, Any] = {"database": _try(_database), "broker": _try(_broker)}
    ready = state["database"] == "ok" and state["broker"] == "ok"
    if state["database"] == "ok":
        ages = queue_state.ages()
        state |= {"oldest_due_seconds": ages.oldest_due, "oldest_late_seconds": ages.oldest_late}
        ready = ready and not ages.oldest_late
    shown = state if may_see_figures(request) else {}
    return JsonResponse({"ready": ready, **shown}, status=200 if ready else 503)


def _try(check: Any) -> str:
    try:
        check()
    except Exception as error:
        return type(error).__name__
    return "ok"


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _broker() -> None:
    redis_client().ping()


class Figures(Collector):
    """The queue as the database has it, and what the workers added up in Redis."""

    def collect(self) -> Iterable[Metric]:
        depth = GaugeMetricFamily(
            "callsign_queue_depth", "Texts queued, by class of sender", labels=["sender", "lane"]
        )
        age = GaugeMetricFamily(
            "callsign_queue_age_seconds", "Age of the first due text", labels=["sender", "lane"]
        )
        for kind, lane, texts, seconds in queue_state.depths():
            depth.add_metric([kind, LANES[lane]], texts)
            age.add_metric([kind, LANES[lane]], max(0.0, seconds))
        unsettled = GaugeMetricFamily(
            "callsign_texts_unsettled", "On their way, or of unknown fate", labels=["status"]
        )
        for status, texts in queue_state.unsettled().items():
            unsettled.add_metric([status], texts)
        ages = queue_state.ages()
        yield from (depth, age, unsettled)
        yield GaugeMetricFamily(
            "callsign_oldest_due_seconds", "Oldest text that could have left", ages.oldest_due
        )
        yield GaugeMetricFamily(
            "callsign_oldest_late_seconds", "Oldest text that should have left", ages.oldest_late
        )
        yield from _added_up(measures.read())


def _added_up(found: dict[str, dict[str, float]]) -> Iterable[Metric]:
    attempts = CounterMetricFamily(
        "callsign_attempts", "Calls to carriers, by what came of them", labels=["outcome"]
    )
    for outcome, n in sorted(found.get("attempts", {}).items()):
        attempts.add_metric([outcome], n)
    yield attempts
    for name, text in (
        ("claim", "Claiming a batch"),
        ("call", "A call to the carrier"),
        ("record", "Recording answers"),
    ):
        yield _histogram(f"callsign_{name}_seconds", text, found.get(name, {}))


def _histogram(name: str, text: str, found: dict[str, float]) -> Metric:
    histogram = HistogramMetricFamily(name, text)
    buckets, total = [], 0.0
    for most in (*map(str, measures.BUCKETS), "+Inf"):
        total += found.get(most, 0.0)
        buckets.append((most, total))
    histogram.add_metric([], buckets, found.get("sum", 0.0))
    return histogram


def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus: queue depth and age by class of sender, attempts by outcome, unknowns, claim and call times."""
    if not may_see_figures(request):
        return HttpResponse("Not found", status=404, content_type="text/plain")
    registry = CollectorRegistry()
    registry.register(Figures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
