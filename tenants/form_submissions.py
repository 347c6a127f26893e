"""A form submitted twice (a double click, a reload, a retry after a lost response) acts once.

`{% csrf_token %}` draws a token of its own in each form. The first submission inserts a row for it in the transaction of
the request (`tenants.middleware`); the same one at the same moment waits for that transaction at the unique index, and
gets the first one's response. An error response rolls back the row with everything else, so that the form can be
corrected and submitted again. The same token with other values (a page gone back to) is another submission.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from tenants.models import IdempotencyKey
from tenants.scoping import new_id
from tenants.sealing import InvalidToken, open_secret, seal

FIELD = "form_token"  # drawn by tenants.templatetags.words
MARK = "\x1e"  # begins the keys of forms; no header of the API can hold it
KEPT = timedelta(hours=24)
BY_SCRIPT = ("HX-Request", "X-Composer")  # previews and fragments; the composer has a `client_ref`
CLAIM = """
INSERT INTO messaging_idempotencykey (id, org_id, key, body_hash, status, answer, expires_at)
VALUES (%s, %s, %s, %s, 0, '{}', %s) ON CONFLICT (org_id, key) DO NOTHING RETURNING true
"""


def once(request: HttpRequest, work: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    """The response of `work`, or that of the same submission before. Call it inside the transaction of the request."""
    if request.method != "POST" or FIELD not in request.POST or any(h in request.headers for h in BY_SCRIPT):
        return work(request)
    member: Any = request.member  # type: ignore[attr-defined]
    digest = _digest(request)
    key = f"{MARK}{member.pk}:{digest}"
    if not _claim(member.org_id, key, digest):
        return _repeated(request, IdempotencyKey.objects.for_org(member.org_id).get(key=key))
    response = work(request)
    rows = IdempotencyKey.objects.for_org(member.org_id).filter(key=key)
    if response.status_code < 400:
        rows.update(status=response.status_code, answer=_stored(response))
    elif getattr(response, "keep", False):
        rows.delete()
    return response


def _digest(request: HttpRequest) -> str:
    fields = sorted((name, values) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken")
    files = sorted((name, file.name, file.size) for name, file in request.FILES.items())  # type: ignore[union-attr]
    return hashlib.sha256(json.dumps([request.path, fields, files], default=str).encode()).hexdigest()


def _claim(org_id: Any, key: str, digest: str) -> bool:
    """Whether this is the first; waits for one that is under way."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [new_id(), org_id, key, digest, timezone.now() + KEPT])
        return cursor.fetchone() is not None


def _stored(response: HttpResponse) -> dict[str, str]:
    """A page may show a secret, so it is sealed."""
    if "Location" in response.headers:
        return {"location": response.headers["Location"]}
    return {"page": seal(response.content.decode())}


def _repeated(request: HttpRequest, row: IdempotencyKey) -> HttpResponse:
    if "page" not in row.answer:
        return HttpResponseRedirect(row.answer.get("location", request.path))
    try:
        return HttpResponse(open_secret(row.answer["page"]), status=row.status)
    except InvalidToken:
        return HttpResponseRedirect(request.path)
