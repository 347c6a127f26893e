"""Account pages of our own: which organization this session works in, and the pages that do not exist here."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.csrf import csrf_failure as default_csrf_failure
from django.views.decorators.http import require_POST

from tenants import logins
from tenants.middleware import CURRENT_ORG


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Moves the session to another org of this login; anything else is not there."""
    if not request.user.is_authenticated:
        return redirect("account_login")
    wanted = request.POST.get("org", "")
    places = {str(place.org_id): place for place in logins.memberships_of(request.user)}
    if wanted not in places:
        raise Http404
    request.session[CURRENT_ORG] = wanted
    messages.success(request, f"You’re now working in {places[wanted].org.name}.")
    return redirect("/")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Accepting in another tab logged in and so changed the token: the invitation's page says what became of it."""
    if request.path.startswith("/accounts/invitations/"):
        return redirect(request.path)
    return default_csrf_failure(request, reason=reason)


def nothing(request: HttpRequest, **_: object) -> HttpResponse:
    """allauth asks for the addresses of these pages; nobody signs up here, or changes an address without proof."""
    raise Http404
