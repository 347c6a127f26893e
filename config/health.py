"""Is it alive, is it ready, what does it measure."""

from datetime import timedelta
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from messaging.models import Message
from messaging.statuses import Status
from tenants.hints import redis_client

TOO_OLD = timedelta(seconds=60)


def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database and broker answer and nothing has been due for over 60 s; 503 otherwise."""
    state: dict[str, Any] = {"database": _try(_database), "broker": _try(_broker)}
    age = oldest_due() if state["database"] == "ok" else None
    state["oldest_due_seconds"] = age
    ready = state["database"] == "ok" and state["broker"] == "ok" and (age or 0) <= TOO_OLD.total_seconds()
    return JsonResponse({"ready": ready, **state}, status=200 if ready else 503)


def oldest_due() -> float:
    """Age in seconds of the oldest text that could have left; 0 when none waits."""
    due = Message.unscoped.filter(status=Status.QUEUED, due_at__lte=timezone.now()).order_by("due_at")
    first = due.values_list("due_at", flat=True).first()
    return round((timezone.now() - first).total_seconds(), 1) if first else 0.0


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


def metrics(request: HttpRequest) -> HttpResponse:
    """Queue depth by state and the age of the oldest due text, for Prometheus."""
    registry = CollectorRegistry()
    texts = Gauge("callsign_texts_open", "Texts that are not final, by state", ["status"], registry=registry)
    for status in (Status.SCHEDULED, Status.QUEUED, Status.SENDING, Status.UNKNOWN):
        texts.labels(status).set(Message.unscoped.filter(status=status).count())
    age = Gauge(
        "callsign_oldest_due_seconds", "Age of the oldest text that could have left", registry=registry
    )
    age.set(oldest_due())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
