"""What people may speak with: a member's access and absences, a group's senders in their order."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone

from senderid.forms import AbsenceForm
from senderid.may_speak import reach_of
from senderid.models import Assignment, SenderId
from senderid.order_forms import OrderForm
from senderid.sentences import speak_of_absence
from tenants import roles
from tenants.api_base import pick
from tenants.delegation import end_delegation
from tenants.errors import DomainError
from tenants.invitations import newest_of
from tenants.models import Assignee, Delegation, Membership
from tenants.views.doors import MemberRequest, local_path, page, show
from tenants.views.editing import row_to_edit, save_edit
from tenants.views.groups import group_of
from tenants.views.people import member_of


def _may_edit(by: Membership, whom: Membership) -> bool:
    needed = roles.MANAGE_OWNERS if whom.role == Membership.Role.OWNER else roles.SET_UP
    return roles.may(by, needed)


@page()
def member(request: MemberRequest, pk: UUID) -> HttpResponse:
    whom = _self_or_admin(request, pk)
    absences = Delegation.objects.for_org(request.org).filter(
        Q(absent=whom) | Q(stand_in=whom), ends_at__gt=timezone.now()
    )
    absences = absences.select_related("absent__user", "stand_in__user").prefetch_related(
        "chosen_senders__sender"
    )
    return show(
        request,
        "people/member.html",
        may_edit=_may_edit(request.member, whom),
        whom=whom,
        reach=reach_of(whom),
        absences=absences.order_by("starts_at"),
        now=timezone.now(),
        order=_order_form(request, whom.assignee),
        invitation=newest_of(whom) if whom.status == Membership.Status.INVITED else None,
    )


@page(roles.SEND)
def add_absence(request: MemberRequest, pk: UUID) -> HttpResponse:
    whom = _self_or_admin(request, pk)
    senders = [reach.sender for reach in reach_of(whom)]
    form = AbsenceForm(request.POST or None, org=request.org, absent=whom, senders=senders)
    if request.headers.get("HX-Request"):
        return render(request, "people/_absence_sentence.html", {"sentence": _spoken(form), "form": form})
    if form.is_valid() and form.save():
        messages.success(request, f"The absence of {whom.name} is noted.")
        return redirect("member", whom.pk)
    return show(request, "people/absence.html", form, whom=whom)


def _spoken(form: AbsenceForm) -> str:
    if not form.is_valid():
        return ""
    given = form.cleaned_data
    return speak_of_absence(
        form.absent, given["stand_in"], given["starts_at"], given["ends_at"], list(given["senders"])
    )


@page(roles.SEND)
def end_absence(request: MemberRequest, pk: UUID) -> HttpResponse:
    rows = Delegation.objects.for_org(request.org).select_related("absent__user", "stand_in__user")
    absence = pick(rows, pk, "absence")
    whom = _self_or_admin(request, absence.absent_id)
    if request.method == "POST":
        end_delegation(delegation=absence)
        messages.success(request, f"{whom.name} is back.")
        return redirect("member", whom.pk)
    return show(request, "people/end_absence.html", absence=absence, whom=whom)


@page(roles.SET_UP)
def absences(request: MemberRequest) -> HttpResponse:
    """Who is away now or will be."""
    rows = Delegation.objects.for_org(request.org).filter(ends_at__gt=timezone.now())
    rows = rows.select_related("absent__user", "stand_in__user").prefetch_related("chosen_senders__sender")
    return show(request, "people/absences.html", absences=rows.order_by("starts_at"), now=timezone.now())


@page(roles.SET_UP)
def group(request: MemberRequest, kind: str, pk: UUID) -> HttpResponse:
    of = group_of(request, kind, pk)
    inside = of.members.filter(is_active=True).select_related("user").order_by("name")
    others = (
        Membership.objects.for_org(request.org).filter(is_active=True).exclude(pk__in=inside.values("pk"))
    )
    others = others.select_related("user").order_by("name")
    order = _order_form(request, of.assignee)
    context = {
        "group": of,
        "kind": kind,
        "word": kind[:-1],
        "inside": inside,
        "others": others,
        "order": order,
    }
    return show(request, "people/group.html", **context)


@page(roles.SET_UP)
def order(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The order of one assignee's senders: GET shows, POST takes a number for each assignment."""
    assignee = row_to_edit(request, Assignee.objects.for_org(request.org), pk, "assignee", OrderForm)
    form = _order_form(request, assignee)
    if save_edit(request, form, save=form.save):
        messages.success(request, f"The order of {assignee.name}’s senders is saved.")
        return HttpResponseRedirect(local_path(request.POST.get("back", "")) or request.path)
    return show(request, "people/order.html", form, assignee=assignee, order=form)


def _order_form(request: MemberRequest, assignee: Assignee) -> OrderForm:
    """Locks senders, then assignments, while it is saved: the order in which the rules lock them."""
    rows = _assignments_of(assignee)
    if request.method == "POST":
        senders = SenderId.objects.for_org(request.org).filter(assignments__assignee=assignee)
        list(senders.order_by("pk").select_for_update(of=("self",)).values_list("pk"))
        list(rows.order_by("pk").select_for_update(of=("self",), no_key=True).values_list("pk"))
    return OrderForm(request.POST or None, org=request.org, assignee=assignee, assignments=list(rows))


def _assignments_of(assignee: Assignee) -> Any:
    rows = Assignment.objects.for_org(assignee.org_id).filter(assignee=assignee)
    rows = rows.select_related("sender", "assignee").prefetch_related("countries")
    return rows.order_by("-is_default", "priority", "sender")


def _self_or_admin(request: MemberRequest, pk: UUID) -> Membership:
    """One's own page, or anyone's for an admin; a colleague's is refused."""
    whom = member_of(request, pk)
    if whom.pk != request.member.pk and not roles.may(request.member, roles.SET_UP):
        raise DomainError("forbidden", "Only an admin sees what a colleague may do.", status=403)
    return whom
