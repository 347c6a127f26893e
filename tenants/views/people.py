"""Members: list, invite, change, bring back. What one may speak with: senderid.views.access."""

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from tenants import access, memberships, roles
from tenants.api_base import pick
from tenants.forms import MemberForm
from tenants.models import Membership
from tenants.views.doors import MemberRequest, in_pages, page, show
from tenants.views.invitations import invite


@page(roles.SET_UP)
def people(request: MemberRequest) -> HttpResponse:
    rows = Membership.objects.for_org(request.org).select_related("user", "profile").prefetch_related("teams")
    found = in_pages(request, _narrowed(rows, request).order_by("user__name", "user__email"))
    away = access.stand_ins(request.org, [member.pk for member in found])
    for member in found:
        member.absence = away.get(member.pk)
    return show(request, "people/list.html", found=found, roles=Membership.Role.choices)


def _narrowed(rows: Any, request: HttpRequest) -> Any:
    words, role = request.GET.get("q", "").strip(), request.GET.get("role", "")
    rows = rows.filter(is_active=request.GET.get("status") != "deactivated")
    if role in Membership.Role.values:
        rows = rows.filter(role=role)
    if words:
        rows = rows.filter(Q(user__name__icontains=words) | Q(user__email__icontains=words))
    return rows


@page(roles.SET_UP)
def add_member(request: MemberRequest) -> HttpResponse:
    form = MemberForm(request.POST or None, org=request.org, by=request.member)
    if form.is_valid() and (member := form.save()):
        invite(request, member)
        messages.success(request, f"{member.name} is a member; the way in was mailed to {member.email}.")
        return redirect("member", member.pk)
    return show(request, "people/member_form.html", form)


@page(roles.SET_UP)
def change_member(request: MemberRequest, pk: UUID) -> HttpResponse:
    member = member_of(request, pk)
    form = MemberForm(request.POST or None, org=request.org, by=request.member, member=member)
    if form.is_valid() and form.save():
        messages.success(request, f"{member.name} is saved.")
        return redirect("member", member.pk)
    return show(request, "people/member_form.html", form, of=member)


@page(roles.SET_UP)
def invite_again(request: MemberRequest, pk: UUID) -> HttpResponse:
    member = member_of(request, pk)
    if request.method == "POST":
        invite(request, member)
        messages.success(request, f"The way in was mailed to {member.email}.")
    return redirect("member", member.pk)


@page(roles.SET_UP)
def bring_back(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Activates a member that was deactivated."""
    member = member_of(request, pk)
    if request.method == "POST":
        memberships.change_member(member=member, by=request.member, is_active=True)
        messages.success(request, f"{member.name} is a member again.")
    return redirect("member", member.pk)


@page()
def me(request: MemberRequest) -> HttpResponse:
    return redirect("member", request.member.pk)


def member_of(request: MemberRequest, pk: UUID) -> Membership:
    """The member of this org with this id, or 404."""
    rows = Membership.objects.for_org(request.org).select_related("user", "profile", "org")
    return cast(Membership, pick(rows, pk, "member"))
