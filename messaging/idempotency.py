"""Idempotency keys of the REST API: the same key and body again gets the stored answer for 24 h."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.db import connection
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.utils.encoders import JSONEncoder

from messaging.models import IdempotencyKey
from tenants.errors import DomainError, unreadable
from tenants.kept import Kept
from tenants.models import Organization
from tenants.scoping import new_id

KEPT = timedelta(hours=24)
ACCEPTED = 202
as_json = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
LOOK_UP = Kept(
    "idempotency_look_up",
    """
    SELECT pg_try_advisory_xact_lock(%(lock)s), k.body_hash, k.status, k.answer FROM (SELECT 1) one
    LEFT JOIN messaging_idempotencykey k ON k.org_id = %(org)s AND k.key = %(key)s AND k.expires_at > %(now)s
    """,
    takes={"lock": "bigint", "org": "uuid", "key": "text", "now": "timestamptz"},
    gives={"is_ours": "boolean", "body_hash": "varchar", "status": "smallint", "answer": "jsonb"},
)
KEEP = Kept(
    "idempotency_keep",
    """
    INSERT INTO messaging_idempotencykey AS known (id, org_id, key, body_hash, status, answer, expires_at)
    VALUES (%(id)s, %(org)s, %(key)s, %(hash)s, %(status)s, %(answer)s, %(until)s)
    ON CONFLICT (org_id, key) DO UPDATE SET body_hash = EXCLUDED.body_hash, status = EXCLUDED.status,
      answer = EXCLUDED.answer, expires_at = EXCLUDED.expires_at
    WHERE known.expires_at <= %(now)s RETURNING true
    """,
    takes={
        "id": "uuid", "org": "uuid", "key": "text", "hash": "text", "status": "integer", "answer": "jsonb",
        "until": "timestamptz", "now": "timestamptz",
    },
    gives={"is_kept": "boolean"},
)  # fmt: skip


def once(*, org: Organization, key: str, body: Any, work: Callable[[], Any]) -> HttpResponse:
    """The 202 with the answer of `work`, or with the stored one. Call it inside the request's transaction.

    Another request with the key in flight: 409. The same key with another body: 422. An error raised by `work`
    rolls all back, so nothing is stored and the caller may try again.
    """
    if not key:
        return _accepted(as_json(work()))
    if len(key) > 200:
        raise unreadable("Idempotency-Key", "An Idempotency-Key has at most 200 characters.")
    body_hash = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
    is_ours, known_hash, _, known = _lock_and_look_up(org, key)
    if not is_ours:
        raise _in_flight()
    if known_hash is not None:
        if known_hash != body_hash:
            raise DomainError("idempotency_mismatch", "This Idempotency-Key was used with another body.")
        return _accepted(known, {"Idempotent-Replayed": "true"})
    answer = as_json(work())
    if not _keep(org, key, body_hash, answer):
        raise _in_flight()
    return _accepted(answer)


def _accepted(answer: str, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(answer, status=ACCEPTED, content_type="application/json", headers=headers)


def _lock_and_look_up(org: Organization, key: str) -> tuple[Any, ...]:
    """(whether the lock is ours, then hash, status and answer of a live row or three nulls).

    Whoever held the lock when this statement began may commit before it ends: then the row is not seen here, but
    `_keep` meets it.
    """
    number = int.from_bytes(hashlib.sha256(f"{org.pk}:{key}".encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        given = {"lock": number, "org": org.pk, "key": key, "now": timezone.now()}
        found: tuple[Any, ...] = LOOK_UP.ask(cursor, given).fetchone()
        return found


def _keep(org: Organization, key: str, body_hash: str, answer: str) -> bool:
    """Whether it was kept: an expired answer gives way to it, a live one does not."""
    given = {
        "id": new_id(),
        "org": org.pk,
        "key": key,
        "hash": body_hash,
        "status": ACCEPTED,
        "answer": answer,
    }
    given |= {"now": timezone.now(), "until": timezone.now() + KEPT}
    with connection.cursor() as cursor:
        return KEEP.ask(cursor, given).fetchone() is not None


def _in_flight() -> DomainError:
    text = "A request with this Idempotency-Key is still being worked on."
    return DomainError("idempotency_in_flight", text, status=409, retryable=True)


@shared_task
def forget_expired() -> int:
    """Deletes answers older than 24 h."""
    gone, _ = IdempotencyKey.unscoped.filter(expires_at__lt=timezone.now()).delete()
    return gone
