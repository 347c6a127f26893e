"""The page an invitation link opens: choose a password, or accept with the login one has."""

from typing import Any

from allauth.account.utils import perform_login
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from tenants import invitations, logins
from tenants.errors import DomainError
from tenants.forms import ChoosePasswordForm
from tenants.invitations import Offer
from tenants.middleware import CURRENT_ORG


@never_cache
@sensitive_post_parameters()
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """GET only looks, so a mail scanner accepts nothing; POST accepts."""
    offer = invitations.offer_of(secret)
    if offer is None:
        return render(request, "invitations/unknown.html", status=404)
    if offer.state != "open":
        return _page(request, offer, offer.state, status=200 if request.method == "GET" else 409)
    try:
        return _open(request, offer, secret)
    except DomainError as error:  # another tab was faster, or the link ended meanwhile
        messages.error(request, error.text)
        return redirect(request.path)


def _open(request: HttpRequest, offer: Offer, secret: str) -> HttpResponse:
    if request.user.is_authenticated:
        return _as_login(request, offer, secret)
    if logins.login_of(offer.member.email):
        return _page(request, offer, "log_in")
    form = ChoosePasswordForm(request.POST if request.method == "POST" else None, email=offer.member.email)
    if not form.is_valid():
        return _page(request, offer, "choose_password", form=form, status=422 if form.is_bound else 200)
    member, login = invitations.accept_with_password(secret=secret, password=form.cleaned_data["password"])
    answer = perform_login(request, login, email_verification="none", redirect_url="/")
    return _welcome(request, member, answer)


def _as_login(request: HttpRequest, offer: Offer, secret: str) -> HttpResponse:
    if request.user.email.lower() != offer.member.email.lower():  # type: ignore[union-attr]
        return _page(request, offer, "other_login", status=200 if request.method == "GET" else 403)
    if request.method != "POST":
        return _page(request, offer, "accept")
    member = invitations.accept_as(secret=secret, login=request.user)  # type: ignore[arg-type]
    return _welcome(request, member, redirect("/"))


def _welcome(request: HttpRequest, member: Any, answer: HttpResponse) -> HttpResponse:
    request.session[CURRENT_ORG] = str(member.org_id)
    messages.success(request, f"Welcome to {member.org.name}.")
    return answer


def _page(
    request: HttpRequest, offer: Offer, state: str, *, form: Any = None, status: int = 200
) -> HttpResponse:
    context = {"offer": offer, "member_invited": offer.member, "state": state, "form": form}
    return render(request, "invitations/page.html", context, status=status)
