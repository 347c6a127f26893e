"""Who speaks with a sender, and who is told of what comes in: its page, and one form for both parts of an assignment."""

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html

from messaging.models import Conversation
from notifications.forms import WHOM, NotificationForm
from notifications.models import NotificationRule, Rule
from notifications.recipients import rule_of, usual_rule
from notifications.rules import sentence as rule_sentence
from notifications.try_out import would_be_told
from senderid.assignment import end_assignment
from senderid.assignment import warnings_of as assignment_warnings
from senderid.forms import AssignmentForm
from senderid.models import Assignment, SenderId
from senderid.provisioning import warnings_of
from senderid.sentences import permissions_of, speak_of_assignment
from senderid.views.senders import sender_of
from tenants import roles
from tenants.api_base import pick
from tenants.errors import DomainError
from tenants.grouping import sizes_of, viewers_in
from tenants.models import Assignee
from tenants.views.doors import MemberRequest, page, show
from tenants.views.editing import row_to_edit, save_edit


@page(roles.SET_UP)
def sender(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Who speaks with it, where, what they may, whom it tells."""
    row = sender_of(request, pk)
    rows = Assignment.objects.for_org(request.org).filter(sender=row).select_related("assignee", "sender")
    held = list(rows.prefetch_related("countries").order_by("created_at"))
    sizes = sizes_of(assignment.assignee for assignment in held)
    rules = {
        rule.assignment_id: rule
        for rule in NotificationRule.objects.for_org(request.org).filter(assignment__in=held)
    }
    viewers = viewers_in(assignment.assignee for assignment in held)
    shown = [
        (
            a,
            sizes.get(a.assignee_id),
            permissions_of(a, sizes.get(a.assignee_id), viewers.get(a.assignee_id, 0)),
            _tells(rules.get(a.pk) or usual_rule(a)),
        )
        for a in held
    ]
    mixes = len({_is_people(assignment) for assignment in held}) > 1
    context = {
        "sender": row,
        "shown": shown,
        "mixes": mixes,
        "warned": warnings_of(row),
        "tab": "assignments",
    }
    return show(request, "senders/assignments.html", **context)


def _is_people(assignment: Assignment) -> bool:
    return assignment.assignee.kind in Assignee.PEOPLE


def _tells(rule: NotificationRule) -> str:
    """The rule in a few words: "whoever texted them last, else everyone it is assigned to"."""
    return WHOM[Rule(rule.rule)] + (f", else {WHOM[Rule(rule.fallback)]}" if rule.fallback else "")


@page(roles.SET_UP)
def assign(request: MemberRequest, pk: UUID) -> HttpResponse:
    row = sender_of(request, pk)
    initial = {"assignee": request.GET.get("assignee")}
    form = AssignmentForm(request.POST or None, org=request.org, sender=row, initial=initial)
    telling = NotificationForm(
        request.POST or None, org=request.org, initial={"throttle_minutes": 10, "rule": "last_sender"}
    )
    if _both_valid(form, telling) and (assignment := _save(form, telling)):
        _warn(request, assignment)
        messages.success(request, f"{assignment.assignee.name} has {row.display}.")
        return redirect("sender", row.pk)
    return _form_page(request, form, telling, sender=row)


@page(roles.SET_UP)
def change(request: MemberRequest, pk: UUID) -> HttpResponse:
    assignment = _assignment_to_edit(request, pk)
    form = AssignmentForm(
        request.POST or None, org=request.org, sender=assignment.sender, assignment=assignment
    )
    telling = NotificationForm(request.POST or None, org=request.org, assignment=assignment)
    telling.for_kind(assignment.assignee.kind)
    if save_edit(request, form, telling, save=lambda: _save(form, telling)):
        _warn(request, assignment)
        messages.success(request, f"{assignment.sender.display} for {assignment.assignee.name} is saved.")
        return redirect("sender", assignment.sender_id)
    return _form_page(request, form, telling, sender=assignment.sender, assignment=assignment)


def _warn(request: MemberRequest, assignment: Assignment) -> None:
    for _, text in assignment_warnings(assignment_of(request, assignment.pk)):
        messages.warning(request, text)


def _form_page(
    request: MemberRequest, form: AssignmentForm, telling: NotificationForm, **context: Any
) -> HttpResponse:
    wrong = telling if telling.errors and not form.errors else form
    context["said"] = _said(form, telling) if not form.is_bound and context.get("assignment") else []
    return show(
        request, "assignments/form.html", wrong, **(context | {"assigning": form, "telling": telling})
    )


def _both_valid(form: AssignmentForm, telling: NotificationForm) -> bool:
    """Asks both, so that all errors show at once."""
    return all([form.is_valid(), telling.is_valid()])


def _save(form: AssignmentForm, telling: NotificationForm) -> Assignment | None:
    """Both or neither. An assignee that is one member is told by its own rule unless another was chosen."""
    with transaction.atomic():
        assignment = form.save()
        if assignment is not None and telling.save(assignment) is None:
            transaction.set_rollback(True)
            return None
    return assignment


@page(roles.SET_UP)
def sentence(request: MemberRequest) -> HttpResponse:
    """What the form would do as it stands, and who would be told for the number typed below it."""
    form, telling = _posted(request)
    said = _said(form, telling)
    told, trouble = _tried(request, form, telling)
    context = {
        "said": said,
        "told": told,
        "trouble": trouble,
        "asked": request.POST.get("try_number", "").strip(),
    }
    return render(request, "assignments/_sentence.html", context)


def _posted(request: MemberRequest) -> tuple[AssignmentForm, NotificationForm]:
    given = request.POST.get("assignment")
    assignment = assignment_of(request, given) if given else None
    sender = assignment.sender if assignment else sender_of(request, cast(UUID, request.POST.get("sender")))
    form = AssignmentForm(
        request.POST, org=request.org, sender=sender, assignment=assignment, is_preview=True
    )
    telling = NotificationForm(request.POST, org=request.org)
    _both_valid(form, telling)
    return form, telling


def _said(form: AssignmentForm, telling: NotificationForm) -> list[Any]:
    assignment = _as_typed(form)
    if assignment is None:
        return [format_html("Choose whom to assign it to; what will happen stands here then.")]
    countries = form.cleaned_data["countries"] if form.is_bound else assignment.country_codes
    size = sizes_of([assignment.assignee]).get(assignment.assignee_id)
    viewers = viewers_in([assignment.assignee]).get(assignment.assignee_id, 0)
    said: list[Any] = [speak_of_assignment(assignment, countries, size, viewers)]
    if assignment.can_read and assignment.sender.receives:
        rule, chosen = telling.unsaved(assignment) if telling.is_bound else (rule_of(assignment), None)
        said.append(rule_sentence(assignment, rule, chosen))
    elif not assignment.sender.receives:
        said.append("Nothing comes in on it, so nobody is told.")
    return said


def _as_typed(form: AssignmentForm) -> Assignment | None:
    if not form.is_bound:
        return form.assignment
    given = form.cleaned_data
    if not given.get("assignee") or "countries" not in given:
        return None
    names = ("is_default", "can_send", "can_read", "valid_from", "valid_until")
    fields = {name: given.get(name) for name in names}
    return Assignment(org_id=form.org.pk, sender=form.sender, assignee=given["assignee"], **fields)


def _tried(request: MemberRequest, form: AssignmentForm, telling: NotificationForm) -> tuple[Any, str]:
    """The real decision for the form as typed; nothing of it is kept."""
    number = request.POST.get("try_number", "").strip()
    if not number:
        return None, ""
    if form.errors or telling.errors:
        return None, "Mend the form first."
    try:
        told = would_be_told(sender=form.sender, number=number, prepare=lambda: _demand_saved(form, telling))
        return told, ""
    except DomainError as error:
        return None, error.text


def _demand_saved(form: AssignmentForm, telling: NotificationForm) -> None:
    if _save(form, telling) is None:
        raise DomainError("invalid", "Mend the form first.")


@page(roles.SET_UP)
def end(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Takes the sender away; before that, what it touches."""
    assignment = assignment_of(request, pk)
    if request.method == "POST":
        end_assignment(assignment=assignment)
        messages.success(request, f"{assignment.assignee.name} no longer has {assignment.sender.display}.")
        return redirect("sender", assignment.sender_id)
    others = (
        Assignment.objects.for_org(request.org).filter(sender=assignment.sender).exclude(pk=assignment.pk)
    )
    talks = Conversation.objects.for_org(request.org).filter(sender=assignment.sender)
    talks = talks.exclude(status=Conversation.Status.CLOSED)
    return show(
        request,
        "assignments/end.html",
        assignment=assignment,
        others=others.count(),
        open_talks=talks.count(),
    )


def _assignment_to_edit(request: MemberRequest, pk: UUID) -> Assignment:
    """The assignment, locked while its form is saved; its sender first, as the rules of assigning do."""
    rows = _whole(request)
    if request.method == "POST":
        senders = SenderId.objects.for_org(request.org).filter(assignments=pk)
        list(senders.select_for_update(of=("self",)).values_list("pk"))
    return cast(Assignment, row_to_edit(request, rows, pk, "assignment", AssignmentForm))


def assignment_of(request: MemberRequest, pk: Any) -> Assignment:
    """The assignment of this org with this id, or 404."""
    return cast(Assignment, pick(_whole(request), pk, "assignment"))


def _whole(request: MemberRequest) -> QuerySet[Assignment]:
    rows = Assignment.objects.for_org(request.org).prefetch_related("countries")
    return rows.select_related("sender__org", "sender__reply_number", "sender__provider_account", "assignee")
