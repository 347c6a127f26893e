"""Profiles and teams: list, make, rename, who is in them. Their senders and order: senderid.views.access."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect

from tenants import grouping, memberships, roles
from tenants.api_base import pick
from tenants.forms import GroupForm
from tenants.models import Membership, Profile, Team
from tenants.views.doors import MemberRequest, page, show
from tenants.views.editing import row_to_edit, save_edit

Group = type[Profile] | type[Team]
KINDS: dict[str, Group] = {"profiles": Profile, "teams": Team}


@page(roles.SET_UP)
def groups(request: MemberRequest, kind: str) -> HttpResponse:
    form = GroupForm(request.POST or None, org=request.org, kind=KINDS[kind])
    if form.is_valid() and (group := form.save()):
        return redirect("group", kind, group.pk)
    rows: Any = KINDS[kind].objects.for_org(request.org).order_by("name")
    rows = rows.annotate(size=Count("members", filter=Q(members__is_active=True)))
    return show(request, "people/groups.html", form, groups=rows, kind=kind, word=kind[:-1])


@page(roles.SET_UP)
def rename(request: MemberRequest, kind: str, pk: UUID) -> HttpResponse:
    group = row_to_edit(request, _whole(request, kind), pk, kind[:-1], GroupForm)
    form = GroupForm(request.POST or None, org=request.org, kind=KINDS[kind], group=group)
    if save_edit(request, form, save=form.save):
        messages.success(request, "The name is saved.")
        return redirect("group", kind, pk)
    return show(request, "people/group_rename.html", form, group=group, kind=kind, word=kind[:-1])


@page(roles.SET_UP)
def place(request: MemberRequest, kind: str, pk: UUID) -> HttpResponse:
    """Puts a member in, or takes them out."""
    group = group_of(request, kind, pk)
    if request.method == "POST":
        rows = Membership.objects.for_org(request.org).select_related("user", "profile")
        member = pick(rows, request.POST.get("member"), "member")
        inside = request.POST.get("what") != "out"
        grouping.place(member=member, group=group, inside=inside, by=request.member)
        messages.success(request, f"{member.name} is {'in' if inside else 'no longer in'} {group.name}.")
    return redirect("group", kind, pk)


@page(roles.SET_UP)
def delete(request: MemberRequest, kind: str, pk: UUID) -> HttpResponse:
    group = group_of(request, kind, pk)
    if request.method == "POST":
        memberships.delete_group(group=group)
        messages.success(request, f"{group.name} is deleted.")
        return redirect("groups", kind)
    size = group.members.filter(is_active=True).count()
    held = group.assignee.assignments.count()
    return show(
        request, "people/group_delete.html", group=group, kind=kind, word=kind[:-1], size=size, held=held
    )


def group_of(request: MemberRequest, kind: str, pk: UUID) -> Any:
    """The profile or team of this org with this id, or 404."""
    return pick(_whole(request, kind), pk, kind[:-1])


def _whole(request: MemberRequest, kind: str) -> Any:
    return KINDS[kind].objects.for_org(request.org).select_related("assignee")
