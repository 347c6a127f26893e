"""Members: list, invite, change, bring back. What one may speak with: senderid.views.access."""

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from tenants import access, invitations, memberships, roles
from tenants.api_base import pick
from tenants.api_keys import live_keys_of
from tenants.forms import MemberForm
from tenants.models import Membership
from tenants.names import name_matches
from tenants.views.doors import MemberRequest, in_pages, page, show
from tenants.views.editing import row_to_edit, save_edit


@page(roles.SET_UP)
def people(request: MemberRequest) -> HttpResponse:
    rows = Membership.objects.for_org(request.org).select_related("profile").prefetch_related("teams")
    found = in_pages(request, _narrowed(rows, request).order_by("name", "email"))
    away = access.stand_ins(request.org, [member.pk for member in found])
    for member in found:
        member.absence = away.get(member.pk)
    context = {"roles": Membership.Role.choices, "statuses": STATUSES}
    return show(request, "people/list.html", found=found, **context)


# "" is everybody who counts for routing: active and invited.
STATUSES = {
    "": ("Active and invited", Q(is_active=True)),
    "active": ("Active", Q(is_active=True, accepted_at__isnull=False)),
    "invited": ("Invited", Q(is_active=True, accepted_at__isnull=True)),
    "deactivated": ("Deactivated", Q(is_active=False)),
}


def _narrowed(rows: Any, request: HttpRequest) -> Any:
    words, role = request.GET.get("q", "").strip(), request.GET.get("role", "")
    _, state = STATUSES.get(request.GET.get("status", ""), STATUSES[""])
    rows = rows.filter(state)
    if role in Membership.Role.values:
        rows = rows.filter(role=role)
    if words:
        rows = rows.filter(name_matches(words, "name", "email"))
    return rows


@page(roles.SET_UP)
def add_member(request: MemberRequest) -> HttpResponse:
    form = MemberForm(request.POST or None, org=request.org, by=request.member)
    if form.is_valid() and (member := form.save()):
        messages.success(request, f"Invitation sent to {member.email}.")
        return redirect("member", member.pk)
    return show(request, "people/member_form.html", form)


@page(roles.SET_UP)
def change_member(request: MemberRequest, pk: UUID) -> HttpResponse:
    member = _member_to_edit(request, pk)
    keys = [key.name for key in live_keys_of(member)]
    form = MemberForm(request.POST or None, org=request.org, by=request.member, member=member)
    if save_edit(request, form, save=form.save):
        messages.success(request, f"{member.name} is saved.")
        if keys and not roles.may(member, roles.SET_UP):
            messages.warning(request, f"Revoked API keys: {', '.join(keys)}.")
        return redirect("member", member.pk)
    return show(request, "people/member_form.html", form, of=member, keys=keys)


@page(roles.SET_UP)
def invite_again(request: MemberRequest, pk: UUID) -> HttpResponse:
    member = member_of(request, pk)
    if request.method == "POST":
        invitations.invite(member=member, by=request.member)
        messages.success(request, f"Invitation sent to {member.email}.")
    return redirect("member", member.pk)


@page(roles.SET_UP)
def withdraw(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Takes an open invitation back."""
    member = member_of(request, pk)
    if request.method == "POST":
        invitations.withdraw(member=member, by=request.member)
        messages.success(request, f"The invitation to {member.email} is withdrawn.")
    return redirect("member", member.pk)


@page(roles.SET_UP)
def bring_back(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Activates a member that was deactivated; one who never accepted is invited again."""
    member = member_of(request, pk)
    if request.method == "POST":
        memberships.change_member(member=member, by=request.member, is_active=True)
        messages.success(request, f"{member.name} is reactivated.")
    return redirect("member", member.pk)


@page()
def me(request: MemberRequest) -> HttpResponse:
    return redirect("member", request.member.pk)


def member_of(request: MemberRequest, pk: UUID) -> Membership:
    """The member of this org with this id, or 404."""
    return cast(Membership, pick(_whole(request), pk, "member"))


def _member_to_edit(request: MemberRequest, pk: UUID) -> Membership:
    """The same, locked while their form is saved."""
    if request.method == "POST":
        memberships.hold_member(org_id=request.org.pk, pk=pk)
    return cast(Membership, row_to_edit(request, _whole(request), pk, "member", MemberForm))


def _whole(request: MemberRequest) -> QuerySet[Membership]:
    return Membership.objects.for_org(request.org).select_related("profile", "org")
