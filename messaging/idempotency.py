"""Idempotency keys of the REST API: the same key and body again gets the stored answer for 24 h."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from celery import shared_task
from django.db import connection
from django.utils import timezone
from rest_framework.utils.encoders import JSONEncoder

from messaging.models import IdempotencyKey
from tenants.errors import DomainError, unreadable
from tenants.models import Organization


def once(
    *, org: Organization, key: str, body: Any, work: Callable[[], tuple[int, Any]]
) -> tuple[int, Any, bool]:
    """(HTTP status, answer, whether it is a repeat). Call it inside the request's transaction.

    Another request with the key in flight: 409. The same key with another body: 422. An error raised by `work`
    rolls all back, so nothing is stored and the caller may try again.
    """
    if not key:
        return *work(), False
    if len(key) > 200:
        raise unreadable("Idempotency-Key", "An Idempotency-Key has at most 200 characters.")
    body_hash = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
    if not _lock(f"{org.pk}:{key}"):
        text = "A request with this Idempotency-Key is still being worked on."
        raise DomainError("idempotency_in_flight", text, status=409, retryable=True)
    known = IdempotencyKey.objects.for_org(org).filter(key=key).first()
    if known is not None and known.expires_at > timezone.now():
        if known.body_hash != body_hash:
            raise DomainError("idempotency_mismatch", "This Idempotency-Key was used with another body.")
        return known.status, known.answer, True
    status, answer = work()
    plain = json.loads(json.dumps(answer, cls=JSONEncoder))
    if known is not None:
        known.delete()
    IdempotencyKey.objects.for_org(org).create(key=key, body_hash=body_hash, status=status, answer=plain)
    return status, plain, False


def _lock(name: str) -> bool:
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        return bool(cursor.fetchone()[0])


@shared_task
def forget_expired() -> int:
    """Deletes answers older than 24 h."""
    gone, _ = IdempotencyKey.unscoped.filter(expires_at__lt=timezone.now()).delete()
    return gone
