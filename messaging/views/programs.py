"""Programs: the list, setting one up, its senders, subscribers and last texts."""

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render

from messaging.campaign_forms import AssignHereForm, ProgramForm
from messaging.conversations import readable_by
from messaging.models import Message, Program, Subscription
from messaging.sentences import speak_of_program
from messaging.setup_warnings import warnings_of_program
from senderid.models import Assignment
from tenants import roles
from tenants.api_base import pick
from tenants.models import Membership
from tenants.names import name_matches
from tenants.views.doors import MemberRequest, in_pages, page, show
from tenants.views.editing import row_to_edit, save_edit

LAST_TEXTS = 20


def visible_to(member: Membership) -> QuerySet[Program]:
    """All for set-up roles; else those they own or whose replies they read."""
    rows = Program.objects.for_org(member.org_id).select_related("owner__user")
    if roles.may(member, roles.SET_UP):
        return rows
    answered = readable_by(member).filter(program__isnull=False).values("program")
    return rows.filter(pk__in=answered) | rows.filter(owner=member)


@page()
def programs(request: MemberRequest) -> HttpResponse:
    active = Count("subscriptions", filter=Q(subscriptions__state=Subscription.State.ACTIVE), distinct=True)
    rows = visible_to(request.member).prefetch_related("keywords").annotate(joined=active)
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name_matches(words, "name"))
    found: list[Any] = list(rows.order_by("name"))
    senders = _senders_of([program.pk for program in found], request.org)
    for program in found:
        program.speaks = senders.get(program.pk, [])
    return show(request, "programs/list.html", found=found)


def _senders_of(ids: list[UUID], org: Any) -> dict[UUID, list[Any]]:
    rows = Assignment.objects.for_org(org).filter(assignee__in=ids).select_related("sender")
    found: dict[UUID, list[Any]] = {}
    for row in rows:
        found.setdefault(row.assignee_id, []).append(row.sender)
    return found


@page(roles.SET_UP)
def add_program(request: MemberRequest) -> HttpResponse:
    form = ProgramForm(request.POST or None, org=request.org)
    if form.is_valid() and (program := form.save(request.member)):
        messages.success(request, f"{program.name} is here. Now give it a sender.")
        return redirect("program", program.pk)
    return show(request, "programs/form.html", form)


@page(roles.SET_UP)
def change_program(request: MemberRequest, pk: UUID) -> HttpResponse:
    row = row_to_edit(request, _whole(request), pk, "program", ProgramForm)
    form = ProgramForm(request.POST or None, org=request.org, program=row)
    if save_edit(request, form, save=lambda: form.save(request.member)):
        messages.success(request, f"{row.name} is saved.")
        return redirect("program", row.pk)
    return show(request, "programs/form.html", form, program=row)


@page(roles.SET_UP)
def sentence(request: MemberRequest) -> HttpResponse:
    form = ProgramForm(request.POST, org=request.org)
    form.is_valid()
    known = request.POST.get("program")
    held = _senders_of([pick(visible_to(request.member), known, "program").pk], request.org) if known else {}
    senders = [sender.display for rows in held.values() for sender in rows]
    said = speak_of_program(form.unsaved(), [word["word"] for word in form.words], senders)
    return render(request, "sentence.html", {"sentence": said})


@page()
def program(request: MemberRequest, pk: UUID) -> HttpResponse:
    row = program_of(request, pk)
    form = AssignHereForm(request.POST or None, org=request.org, assignee_id=row.pk)
    if request.method == "POST":
        roles.require(request.member, roles.SET_UP)
        if form.is_valid() and form.save():
            messages.success(request, "The sender is assigned.")
            return redirect("program", row.pk)
    held = Assignment.objects.for_org(request.org).filter(assignee=row.pk).select_related("sender")
    senders = [assignment.sender.display for assignment in held]
    subscribed, texts = _readable(request.member, row)
    states = dict(subscribed.values_list("state").annotate(n=Count("pk")))
    return show(
        request,
        "programs/one.html",
        form,
        program=row,
        held=held,
        sentence=speak_of_program(row, [keyword.word for keyword in row.keywords.all()], senders),
        warned=warnings_of_program(row),
        states=states,
        found=in_pages(request, subscribed.select_related("contact").order_by("-asked_at"), 20),
        texts=texts.select_related("contact", "sender").order_by("-pk")[:LAST_TEXTS],
    )


def _readable(member: Membership, row: Program) -> tuple[QuerySet[Subscription], QuerySet[Message]]:
    """Its subscribers and texts: all for admins, and for others those whose conversations they may read."""
    subscribed = Subscription.objects.for_org(member.org_id).filter(program=row)
    texts = Message.objects.for_org(member.org_id).filter(program=row)
    if member.is_admin:
        return subscribed, texts
    talks = readable_by(member)
    if row.owner_id != member.pk:
        subscribed = subscribed.filter(contact__in=talks.filter(program=row).values("contact"))
    return subscribed, texts.filter(conversation__in=talks.values("pk"))


def program_of(request: MemberRequest, pk: UUID) -> Program:
    """A program this member may see, or 404."""
    return cast(Program, pick(_whole(request), pk, "program"))


def _whole(request: MemberRequest) -> QuerySet[Program]:
    return visible_to(request.member).prefetch_related("keywords")
