"""What console pages share: who may open one, how a rule's refusal becomes a page, lists in pages."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from tenants import roles
from tenants.errors import DomainError
from tenants.models import Membership, Organization


class MemberRequest(HttpRequest):
    """A request after `tenants.middleware`, inside a `page`: somebody of an org is asking."""

    org: Organization
    member: Membership
    began_at: float


View = Callable[..., HttpResponse]


def page(needs: str = roles.READ) -> Callable[[View], View]:
    """A console page for members whose role allows `needs`; refusals become pages, times are the org's."""

    def decorate(view: View) -> View:
        @wraps(view)
        def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            asking = cast(MemberRequest, request)
            if asking.member is None:
                return _stranger(request)
            with timezone.override(zone_of(asking.org)):
                try:
                    roles.require(asking.member, needs)
                    return view(request, *args, **kwargs)
                except DomainError as error:
                    return refused(request, error)

        door.needs = needs  # type: ignore[attr-defined]
        return door

    return decorate


def zone_of(org: Organization) -> ZoneInfo:
    """The zone in which the org reads and types times."""
    return ZoneInfo(org.timezone or "UTC")


def _stranger(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return refused(request, DomainError("forbidden", "You are a member of no organization.", status=403))
    return redirect_to_login(request.get_full_path())


def refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The page of a refusal, with the rule's own sentence."""
    return render(request, error.template, {"error": error}, status=error.status)


def show(
    request: HttpRequest, template: str, form: forms.BaseForm | None = None, /, **context: Any
) -> HttpResponse:
    """Renders; 422 when the form was refused, so that nothing half-written is kept."""
    status = 422 if form is not None and form.is_bound and form.errors else 200
    return render(request, template, {"form": form, **context}, status=status)


def local_path(url: str) -> str:
    """The URL when it is a path of ours, as a form may name the page to return to; else ""."""
    return url if url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None) else ""


def in_pages(request: HttpRequest, rows: Any, size: int = 50) -> Page:
    """The page of `rows` that ?page= asks for; a wrong number is the nearest page."""
    return Paginator(rows, size).get_page(request.GET.get("page"))
