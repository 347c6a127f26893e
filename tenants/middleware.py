"""Who is asking: every request of a tenant runs in one transaction that PostgreSQL limits to its org."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import ValidationError
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import url_has_allowed_host_and_scheme

from tenants import api_keys, audit, logins
from tenants.auth.headers import is_for_machines
from tenants.errors import CODES, DomainError
from tenants.form_submissions import once
from tenants.models import Membership
from tenants.problems import problem
from tenants.scoping import as_org

NUL = "\x00"
Handler = Callable[[HttpRequest], HttpResponse]
API = "/api/v1/"
OPEN_API = ("/api/v1/openapi.json", "/api/v1/error-codes")
CURRENT_ORG = "org"
ORG_FIELD, ORG_HEADER = "page_org", "X-Page-Org"  # the org of the page a request comes from
OUTAGES = (OperationalError, InterfaceError)


class PagesOnly(MiddlewareMixin):
    """Steps aside for the machines' doors."""

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request) if is_for_machines(request) else super().__call__(request)


class Sessions(PagesOnly, SessionMiddleware):
    """Notes when the request began, before anything of the session was read (`tenants.revocations`)."""

    def __call__(self, request: HttpRequest) -> Any:
        request.began_at = time.time()  # type: ignore[attr-defined]
        return super().__call__(request)


class Authentication(PagesOnly, AuthenticationMiddleware):
    pass


class Messages(PagesOnly, MessageMiddleware):
    pass


def _null_in_query(request: HttpRequest) -> HttpResponse:
    text = "The value has a null character; remove it."
    fields = [name for name, values in request.GET.lists() if NUL in name or any(NUL in v for v in values)]
    errors = [{"field": name.replace(NUL, ""), "code": "invalid", "message": text} for name in fields]
    return problem("invalid", f"{', '.join(e['field'] for e in errors)}: {text}", status=400, errors=errors)


def refuse_nul(get_response: Handler) -> Handler:
    """PostgreSQL keeps no NUL: an address with one does not exist, and pages read fields as if it were not there.

    The API refuses it by name (`problems`); webhooks are signed as they came and clean what they keep.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if NUL in request.path:
            return _no_such_address(request)
        if "%00" in request.META.get("QUERY_STRING", ""):
            if request.path.startswith(API):
                return _null_in_query(request)
            request.GET = _without_nul(request.GET)  # type: ignore[assignment]
        if request.method == "POST" and not is_for_machines(request):
            request.POST = _without_nul(request.POST)  # type: ignore[assignment]
        return get_response(request)

    return middleware


def _no_such_address(request: HttpRequest) -> HttpResponse:
    if is_for_machines(request):
        return problem("not_found", "There is no such address.", status=404)
    return HttpResponse("There is no such address.", status=404, content_type="text/plain; charset=utf-8")


def _without_nul(given: QueryDict) -> QueryDict:
    if not any(NUL in value for name in given for value in (name, *given.getlist(name))):
        return given
    clean = QueryDict(mutable=True)
    for name in given:
        clean.setlist(name.replace(NUL, ""), [value.replace(NUL, "") for value in given.getlist(name)])
    clean._mutable = False
    return clean


def drop_unsafe_next(get_response: Handler) -> Handler:
    """Pages redirect to a local `next` only; any other is as if it had not been sent (one that is no URL broke pages)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not is_for_machines(request):
            if "next" in request.GET:
                request.GET = _with_safe_next(request.GET)  # type: ignore[assignment]
            if request.method == "POST" and "next" in request.POST:
                request.POST = _with_safe_next(request.POST)  # type: ignore[assignment]
        return get_response(request)

    return middleware


def _with_safe_next(given: QueryDict) -> QueryDict:
    if all(url_has_allowed_host_and_scheme(url, allowed_hosts=None) for url in given.getlist("next")):
        return given
    clean = given.copy()
    del clean["next"]
    clean._mutable = False
    return clean


class RefuseUnreadable:
    """A value that no column of its kind can hold (an id of no shape, say), wherever a view looks for it: 400.

    What collides with a row that somebody else saved or deleted at the same moment: 409.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, IntegrityError):
            return collided(request)
        if not isinstance(error, ValidationError):
            return None
        text = "A value in the address or form can’t be read. Go back, reload the page and try again."
        if is_for_machines(request):
            return problem("invalid", text, status=400)
        refusal = DomainError("invalid", text, status=400)
        return render(request, "refused.html", {"error": refusal}, status=400)


def collided(request: HttpRequest) -> HttpResponse:
    """409, and nothing of the request is kept."""
    if is_for_machines(request):
        return problem("collision", CODES["collision"], status=409, retryable=True)
    page = render_to_string(
        "collided.html", {"text": CODES["collision"]}
    )  # no request: nothing may be read any more
    return HttpResponse(page, status=409)


class ContainOutages:
    """PostgreSQL away: 503 and nothing accepted, never a 500 with a stack.

    Django turns what a view raises into a 500 before any middleware could catch it, hence `process_exception`.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return unavailable(request) if isinstance(error, OUTAGES) else None


def unavailable(request: HttpRequest) -> HttpResponse:
    text = "The database can't be reached right now. Nothing was accepted; try again in a moment."
    if is_for_machines(request):
        return problem("unavailable", text, status=503, retryable=True)
    return HttpResponse(
        text, status=503, content_type="text/plain; charset=utf-8", headers={"Retry-After": "5"}
    )


def scope_to_member(get_response: Handler) -> Handler:
    """Sets request.org and request.member (console) or request.api_key (API) for the length of a request."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.org = request.member = request.api_key = request.places = request.in_org = None  # type: ignore[attr-defined]
        try:
            return _scoped(request, get_response)
        except OUTAGES:
            return unavailable(request)
        except IntegrityError:  # at COMMIT: what a new row points to was deleted meanwhile
            return collided(request)

    return middleware


def _scoped(request: HttpRequest, get_response: Handler) -> HttpResponse:
    if request.path.startswith(API) and not request.path.startswith(OPEN_API):
        return _as_key(request, get_response)
    if is_for_machines(request):
        return get_response(request)
    if getattr(request, "user", None) is not None and request.user.is_authenticated:
        return _as_member(request, get_response)
    return get_response(request)


def _as_key(request: HttpRequest, get_response: Handler) -> HttpResponse:
    try:
        with api_keys.entered(request.headers.get("Authorization", "")) as key:
            request.api_key, request.org = key, key.org  # type: ignore[attr-defined]
            token = audit.acting_key.set(key)
            try:
                return _kept(get_response(request))
            finally:
                audit.acting_key.reset(token)
    except DomainError as error:
        return problem(error.code, error.text, status=401, headers={"WWW-Authenticate": "Bearer"})


def _as_member(request: HttpRequest, get_response: Handler) -> HttpResponse:
    places = logins.memberships_of(request.user)  # type: ignore[arg-type]
    member = _current(request, places)
    if member is None:
        if not request.user.is_staff and not request.path.startswith("/accounts/"):
            logout(request)
            messages.warning(
                request,
                "You don’t have access to any organization. Ask an admin to reactivate or invite you.",
            )
        return get_response(request)
    request.member, request.org, request.places = member, member.org, places  # type: ignore[attr-defined]
    token = audit.acting_member.set(member)
    try:
        if request.path.startswith(("/accounts/", "/admin/")):
            return get_response(request)
        if _meant_for_another_org(request, member):
            return _other_org(request)
        return _inside(member.org_id, request, get_response)
    finally:
        audit.acting_member.reset(token)


def _current(request: HttpRequest, places: list[Membership]) -> Membership | None:
    """The membership this session works in: the chosen org's, else the oldest active one."""
    wanted = request.session.get(CURRENT_ORG)
    chosen = next((place for place in places if str(place.org_id) == wanted), None)
    if chosen is not None or not places:
        return chosen
    if wanted or len(places) > 1:
        request.session[CURRENT_ORG] = str(places[0].org_id)
    if wanted:
        messages.warning(request, f"You no longer have access there. You’re now in {places[0].org.name}.")
    return places[0]


def _meant_for_another_org(request: HttpRequest, member: Membership) -> bool:
    """A page opened in one org, used after the session moved to another (in a second tab, say)."""
    meant = request.headers.get(ORG_HEADER, "")
    if not meant and request.method == "POST":
        meant = request.POST.get(ORG_FIELD, "")
    return bool(meant) and meant != str(member.org_id)


def _other_org(request: HttpRequest) -> HttpResponse:
    return render(request, "other_organization.html", status=409)


def _inside(org_id: UUID, request: HttpRequest, get_response: Handler) -> HttpResponse:
    with as_org(org_id):
        request.in_org = True  # type: ignore[attr-defined]
        return _kept(once(request, get_response))


def _kept(response: HttpResponse) -> HttpResponse:
    """What was written stays only when the answer is no error, or says so itself."""
    if response.status_code >= 400 and not getattr(response, "keep", False):
        transaction.set_rollback(True)
    return response
