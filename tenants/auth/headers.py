"""What every response says to browsers and caches: content policy, HTTPS only, nothing kept."""

from typing import Any

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

API, DOCUMENTATION = "/api/", "/api/docs/"
POLICY = "Content-Security-Policy"
NOTHING = "default-src 'none'; frame-ancestors 'none'"
AFTER_RESPONSE = "_after_response"


def is_for_machines(request: HttpRequest) -> bool:
    """The API and the webhooks: no session, no cookie, no page. The API's documentation is a page."""
    path = request.path.rstrip("/") + "/"
    return path.startswith(("/webhooks/", API)) and request.path != DOCUMENTATION


class ResponseHeaders(CSPMiddleware):
    """The outermost middleware but one: also what others answer in place of a view passes here."""

    def __call__(self, request: HttpRequest) -> Any:
        if is_for_machines(request):
            response: Any = self.get_response(request)
            response.headers.setdefault(POLICY, NOTHING)
            response.headers.setdefault("Cache-Control", "no-store")
        else:
            response = super().__call__(request)
        return _finished(request, response)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response = super().process_response(request, response)
        is_kept = _is_static(request) and response.status_code < 400
        if not is_kept and "no-store" not in response.headers.get("Cache-Control", ""):
            response.headers["Cache-Control"] = "no-store"
        return response

    def get_policy_parts(self, request: HttpRequest, response: Any, report_only: bool = False) -> PolicyParts:
        """The policy of the path's own, where it has one: /admin/ and the API's documentation."""
        parts = super().get_policy_parts(request, response, report_only)
        own = next((path for path in settings.POLICIES_BY_PATH if request.path.startswith(path)), None)
        if own and not report_only:
            parts.config = settings.POLICIES_BY_PATH[own]
        return parts


def _finished(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if settings.HSTS:  # browsers heed it over HTTPS only, so it need not be asked how this request came
        response.headers["Strict-Transport-Security"] = settings.HSTS
    response._resource_closers.extend(getattr(request, AFTER_RESPONSE, []))  # type: ignore[attr-defined]
    return response


def _is_static(request: HttpRequest) -> bool:
    return request.path.startswith(settings.STATIC_URL)


def after_response(request: HttpRequest, work: Any) -> None:
    """Runs `work()` once the response has been sent, so that its duration tells the client nothing."""
    request.__dict__.setdefault(AFTER_RESPONSE, []).append(work)
