"""The policies of every REST door: scopes, the limit per key, cursor pages. Named in settings, so it imports no view."""

import logging
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest
from rest_framework import exceptions, pagination, permissions, throttling
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.hints import BREAK_SECONDS, redis_client

log = logging.getLogger(__name__)


class HasScope(permissions.BasePermission):
    """Reading needs `read`; writing needs the view's `write_scope`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        key: Any = request.auth
        if key is None:
            return False
        scope = (
            "read" if request.method in permissions.SAFE_METHODS else getattr(view, "write_scope", "set_up")
        )
        scope = getattr(view, "scopes_by_action", {}).get(getattr(view, "action", ""), scope)
        self.message = f"This key lacks the scope “{scope}”."
        return scope in key.scopes


class PerKey(throttling.BaseThrottle):
    """600 requests in 10 s per key; when Redis is away each process counts for itself.

    A process tells Redis what it counted, and hears of the others, every 16 requests of a key: with several processes
    a key may ask that much more.
    """

    left: float = 0

    def allow_request(self, request: HttpRequest, view: Any) -> bool:
        key = getattr(request, "auth", None)
        if key is None:
            return True
        most, seconds = settings.API_RATE_LIMIT
        now = time.time()
        self.left = seconds - now % seconds
        return _count(str(key.pk), int(now // seconds), seconds) <= most

    def wait(self) -> float:
        return self.left


@dataclass
class Window:
    """The requests of one key in one stretch of time: in this process, and in the others as far as is known."""

    number: int
    mine: int = 0
    told: int = 0
    others: int = 0


TELL_EVERY = 16
MOST_WINDOWS = 10_000
_windows: dict[str, Window] = {}
_away: dict[str, float] = {"until": 0.0}


def _count(key: str, number: int, seconds: int) -> int:
    """How many came in this stretch, this one included."""
    window = _windows.get(key)
    if window is None or window.number != number:
        if len(_windows) > MOST_WINDOWS:
            _windows.clear()
        window = _windows[key] = Window(number)
    window.mine += 1
    if window.mine - window.told >= TELL_EVERY and time.monotonic() >= _away["until"]:
        _tell(window, f"api-rate:{key}:{number}", seconds)
    return window.mine + window.others


def _tell(window: Window, name: str, seconds: int) -> None:
    """One request waits a second at most to find Redis away; the next few seconds it is not asked."""
    untold = window.mine - window.told
    window.told += untold
    try:
        together = redis_client().pipeline(transaction=False).incrby(name, untold).expire(name, seconds * 2)
        window.others = max(0, int(together.execute()[0]) - window.told)
    except Exception as error:
        window.told -= untold
        _away["until"] = time.monotonic() + BREAK_SECONDS
        log.warning("each process counts requests alone for %s s: %s", BREAK_SECONDS, type(error).__name__)


class CursorPages(pagination.CursorPagination):
    """{results, next}: `next` is an opaque cursor for ?cursor=, null on the last page."""

    ordering = "-id"
    page_size_query_param = "page_size"
    max_page_size = 1000

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get("page_size")
        if given is None:
            return int(self.page_size or self.max_page_size)
        if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= self.max_page_size):
            text = f"“{given[:40]}” isn’t a page size. Available: 1 to {self.max_page_size:,}."
            raise exceptions.ValidationError({"page_size": [exceptions.ErrorDetail(text, "invalid")]})
        return int(given)

    def decode_cursor(self, request: Request) -> Any:
        try:
            return super().decode_cursor(request)
        except exceptions.NotFound:
            text = "This cursor can’t be read; give the `next` of an answer as it was."
            raise exceptions.ValidationError({"cursor": [text]})

    def get_paginated_response(self, data: Any) -> Response:
        link = self.get_next_link()
        cursor = link.split("cursor=", 1)[1].split("&", 1)[0] if link else None
        return Response({"results": data, "next": unquote(cursor) if cursor else None})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {"results": schema, "next": {"type": "string", "nullable": True}},
        }
