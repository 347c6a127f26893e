"""Idempotency keys of the REST API: the same key and request again get the stored answer for 24 h.

The base view wraps every POST that has one in `once`, inside the transaction of the request. An error changes nothing,
so it is not stored: the caller may try again with the same key.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.db import connection
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from tenants.errors import DomainError, unreadable
from tenants.kept import Kept
from tenants.models import ApiKey, IdempotencyKey
from tenants.scoping import new_id
from tenants.sealing import InvalidToken, open_secret, seal

HEADER = "Idempotency-Key"
META = "HTTP_IDEMPOTENCY_KEY"
MAX_LENGTH = 200
KEPT = timedelta(hours=24)
TEST = "\x1f"  # begins the names of test keys; no header can hold it
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


def checked(key: str) -> str:
    """The header's value; 400 that names the header when it is empty, over-long or has control characters."""
    if not key.strip():
        raise unreadable(HEADER, "The Idempotency-Key is empty; send a value of its own with each request.")
    if len(key) > MAX_LENGTH:
        raise unreadable(HEADER, f"An Idempotency-Key has at most {MAX_LENGTH} characters.")
    if not key.isprintable():
        raise unreadable(HEADER, "An Idempotency-Key has printable characters only.")
    return key


def once(
    *, api_key: ApiKey, key: str, request: list[Any], work: Callable[[], Any], has_secret: bool = False
) -> Any:
    """The response of `work`, or the stored one. Call it inside the transaction of the request.

    `request` is what must be the same: method, address, body. Another request with the key in flight: 409. The same key
    with another request: 422. Keys are the organization's, test and live apart; an answer with a secret is stored sealed
    and only for the API key that asked. What `work` raises, or answers as an error, is not stored.
    """
    if has_secret:
        request = [*request, str(api_key.pk)]
    name = TEST + key if api_key.sandbox else key
    digest = hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()
    is_ours, known_digest, status, known = _lock_and_look_up(api_key, name)
    if not is_ours:
        raise _in_flight()
    if known_digest is not None:
        if known_digest != digest:
            raise DomainError("idempotency_mismatch", "This Idempotency-Key was used with another request.")
        return _replayed(known, status, has_secret)
    response = work()
    if response.status_code < 400 and not _keep(api_key, name, digest, response, has_secret):
        raise _in_flight()
    return response


def json_response(data: Any, status: int) -> HttpResponse:
    """What DRF's Response would be, without its negotiation and rendering."""
    return HttpResponse(as_json(data), status=status, content_type="application/json")


def _replayed(answer: str, status: int, has_secret: bool) -> HttpResponse:
    if has_secret:
        try:
            answer = open_secret(json.loads(answer))
        except InvalidToken:
            text = "The stored answer can’t be opened any more; use another Idempotency-Key."
            raise DomainError("idempotency_mismatch", text)
    headers = {"Idempotent-Replayed": "true"}
    return HttpResponse(answer, status=status, content_type="application/json", headers=headers)


def _lock_and_look_up(api_key: ApiKey, name: str) -> tuple[Any, ...]:
    """(whether the lock is ours, then hash, status and answer of a live row or three nulls).

    Whoever held the lock when this statement began may commit before it ends: then the row is not seen here, but
    `_keep` meets it.
    """
    lock = hashlib.sha256(f"{api_key.org_id}:{name}".encode()).digest()[:8]
    given = {"lock": int.from_bytes(lock, "big", signed=True), "org": api_key.org_id, "key": name}
    with connection.cursor() as cursor:
        row: tuple[Any, ...] = LOOK_UP.ask(cursor, given | {"now": timezone.now()}).fetchone()
        return row


def _keep(api_key: ApiKey, name: str, digest: str, response: Any, has_secret: bool) -> bool:
    """Whether it was kept: an expired answer gives way to it, a live one does not."""
    text = as_json(response.data) if isinstance(response, Response) else response.content.decode()
    now = timezone.now()
    given = {
        "id": new_id(),
        "org": api_key.org_id,
        "key": name,
        "hash": digest,
        "status": response.status_code,
        "answer": as_json(seal(text)) if has_secret else text,
        "now": now,
        "until": now + KEPT,
    }
    with connection.cursor() as cursor:
        return KEEP.ask(cursor, given).fetchone() is not None


def _in_flight() -> DomainError:
    text = "A request with this Idempotency-Key is still being worked on."
    return DomainError(
        "idempotency_in_flight", text, status=409, retryable=True, headers={"Retry-After": "1"}
    )


@shared_task
def forget_expired() -> int:
    """Deletes answers older than 24 h."""
    gone, _ = IdempotencyKey.unscoped.filter(expires_at__lt=timezone.now()).delete()
    return gone
