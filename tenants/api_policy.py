"""The policies of every REST door: scopes, the limit per key, cursor pages. Named in settings, so it imports no view."""

import logging
import time
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
    """600 requests in 10 s per key, counted in Redis; when Redis is away nobody is held up.

    One request waits a second at most to find that out; the others are not counted for the next few seconds.
    """

    left: float = 0

    def allow_request(self, request: HttpRequest, view: Any) -> bool:
        key = getattr(request, "auth", None)
        if key is None:
            return True
        most, window = settings.API_RATE_LIMIT
        now = time.time()
        self.left = window - now % window
        return _count(f"api-rate:{key.pk}:{int(now // window)}", window) <= most

    def wait(self) -> float:
        return self.left


_away: dict[str, float] = {"until": 0.0}


def _count(name: str, window: int) -> int:
    """How many came in this window, this one included; 0 while Redis is away."""
    if time.monotonic() < _away["until"]:
        return 0
    try:
        client = redis_client()
        count = int(client.incr(name))
        if count == 1:
            client.expire(name, window * 2)
        return count
    except Exception as error:
        _away["until"] = time.monotonic() + BREAK_SECONDS
        log.warning("requests are not counted for %s s: %s", BREAK_SECONDS, type(error).__name__)
        return 0


class CursorPages(pagination.CursorPagination):
    """{results, next}: `next` is an opaque cursor for ?cursor=, null on the last page."""

    ordering = "-id"
    page_size_query_param = "page_size"
    max_page_size = 1000

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
