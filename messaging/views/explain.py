"""Who would speak to this number, and why not the others: the rule's own answer, with a way to mend each reason."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.utils.http import urlencode

from messaging.campaign_forms import ExplainForm
from messaging.models import Campaign, Program
from messaging.planning import Plan, Request, plan_text
from senderid.eligibility import Refusal
from tenants import roles
from tenants.api_base import pick
from tenants.errors import DomainError
from tenants.models import Membership
from tenants.views.doors import MemberRequest, page, show

MEND_SENDER = ("sender_not_active", "receive_only", "one_way")
MEND_ASSIGNMENT = ("assignment_not_live", "may_not_send", "outside_countries")


@dataclass(frozen=True)
class Rejected:
    refusal: Refusal
    href: str
    word: str


@page()
def explain(request: MemberRequest) -> HttpResponse:
    given = request.GET.copy()
    given.setdefault("text", "Hello!")
    form = ExplainForm(
        given if request.GET.get("to") else None, member=request.member, initial=request.GET.dict()
    )
    plan, refusal = None, None
    if form.is_bound and form.is_valid():
        try:
            plan = plan_text(request=_asked(request, form.cleaned_data))
        except DomainError as error:
            refusal = error
    known = [row for row in plan.choice.rejected if _may_know(request.member, row)] if plan else []
    rejected = [_mendable(request.member, plan, form, row) for row in known] if plan else []
    template = "explain/_answer.html" if request.headers.get("HX-Request") else "explain/page.html"
    return show(request, template, form, plan=plan, refusal=refusal, rejected=rejected)


def _asked(request: MemberRequest, given: dict[str, Any]) -> Request:
    kind, _, pk = (given["who"] or "me").partition(":")
    rows: dict[str, Any] = {
        "member": Membership.objects.for_org(request.org).filter(is_active=True),
        "campaign": Campaign.objects.for_org(request.org).select_related("fallback_sender"),
        "program": Program.objects.for_org(request.org),
    }
    chosen = pick(rows[kind], pk, kind) if kind in rows else None
    return Request(
        org=request.org,
        to=given["to"],
        body=given["text"] or "Hello!",
        as_member=request.member if kind == "me" else chosen if kind == "member" else None,
        campaign=chosen if kind == "campaign" else None,
        program=chosen if kind == "program" else None,
        named=given["sender"],
        wants_reply=given["wants_reply"],
    )


def _may_know(member: Membership, refusal: Refusal) -> bool:
    """An admin hears of every sender; others of those that are, or were, assigned to them."""
    return member.is_admin or refusal.code != "not_assigned"


def _mendable(member: Membership, plan: Plan, form: ExplainForm, refusal: Refusal) -> Rejected:
    """Where an admin mends this reason; nowhere for others."""
    if not roles.may(member, roles.SET_UP):
        return Rejected(refusal, "", "")
    pk, code = refusal.sender.pk, refusal.code
    if code == "not_assigned":
        kind, _, chosen = (form.cleaned_data["who"] or "me").partition(":")
        assignee = chosen or (member.org_id if kind == "organization" else member.pk)
        return Rejected(refusal, f"/senders/{pk}/assign/?assignee={assignee}", "Assign it")
    if code == "viewer_cannot_send":
        kind, _, chosen = (form.cleaned_data["who"] or "me").partition(":")
        whom = chosen if kind == "member" else member.pk
        return Rejected(refusal, f"/people/{whom}/edit/", "Change role")
    if code in MEND_SENDER:
        return Rejected(refusal, f"/senders/{pk}/edit/", "Fix")
    if code in MEND_ASSIGNMENT:
        return Rejected(refusal, f"/senders/{pk}/", "Change it")
    if code == "opted_out":
        return Rejected(refusal, "/opt-outs/?" + urlencode({"q": plan.number.e164}), "See opt-outs")
    if code == "possible_opt_out":
        return Rejected(refusal, "/inbox/?folder=possible_opt_outs", "Decide in the inbox")
    if code in ("outranked", "not_sandbox"):
        return Rejected(refusal, "", "")
    return Rejected(refusal, f"/senders/{pk}/countries/{plan.number.country}/", "See the country")
