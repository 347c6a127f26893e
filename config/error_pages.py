"""What answers when no view does: problem+json for machines (the API, webhooks), Django's pages for people."""

import re
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt

from config.api import router
from tenants.auth.headers import is_for_machines
from tenants.problems import problem

ROOT = "/api/v1/"
OF_NO_ROUTER = ("organization", "openapi.json", "error-codes")
ID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|\d+")
MOST_SHOWN = 100


@csrf_exempt
def nothing_here(request: HttpRequest) -> HttpResponse:
    """404 for every method of an address that does not exist; names the nearest one that does."""
    text = f"There is no address {request.path[:MOST_SHOWN]}."
    if nearest := _nearest(request.path):
        text += f" Did you mean {nearest}?"
    return problem("not_found", text, status=404)


def _nearest(path: str) -> str:
    if len(path) > MOST_SHOWN * 2 or not path.startswith("/api/"):
        return ""
    typed = ID.sub("{id}", re.sub(r"^/api(/v\d+)?/", "", path)).strip("/")
    found = get_close_matches(typed.lower(), _addresses(), n=1, cutoff=0.7)
    return ROOT + found[0] if found else ""


@lru_cache
def _addresses() -> tuple[str, ...]:
    """Every address of the API below /api/v1/, with {id} where one goes."""
    found = list(OF_NO_ROUTER)
    for prefix, viewset, _ in router.registry:
        lookup = router.get_lookup_regex(viewset)
        for route in router.get_routes(viewset):
            if router.get_method_map(viewset, route.mapping):
                path = route.url.format(prefix=prefix, lookup=lookup, trailing_slash="").strip("^$")
                found.append(re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", path).replace("{pk}", "{id}"))
    return tuple(found)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_for_machines(request):
        return problem("bad_request", "The request can't be read: its address, host or headers.", status=400)
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_for_machines(request):
        return problem("forbidden", "This is not allowed.", status=403)
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return nothing_here(request) if is_for_machines(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest, *args: Any) -> HttpResponse:
    if is_for_machines(request):
        text = "Something failed on our side and was logged. Nothing was saved; try again later."
        return problem("server_error", text, status=500, retryable=True)
    return defaults.server_error(request)
