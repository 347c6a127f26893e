"""Campaigns: the list, writing one, the report before it starts, its progress, pausing and ending it."""

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render

from messaging import campaigns as rules
from messaging import rendering, segments
from messaging.audience import audience_of
from messaging.campaign_figures import progress as progress_of
from messaging.campaign_figures import progress_of as progress_of_many
from messaging.campaign_forms import AssignHereForm, CampaignForm
from messaging.campaign_report import report as pre_send_report
from messaging.composing import plain_forms_of
from messaging.conversations import readable_by
from messaging.models import Campaign
from messaging.sentences import speak_of_campaign
from messaging.setup_warnings import warnings_of_campaign
from senderid.models import Assignment, SenderId
from tenants import roles
from tenants.api_base import pick
from tenants.errors import DomainError
from tenants.models import Membership
from tenants.names import name_matches
from tenants.views.doors import MemberRequest, in_pages, page, show
from tenants.views.editing import row_to_edit, save_edit

REPORT_AT_ONCE = 2000
ACTS = {"start": rules.start, "pause": rules.pause, "resume": rules.resume}
DONE = {"start": "{} has started.", "pause": "{} is paused; nothing more leaves.", "resume": "{} goes on."}
SKIPS = {
    "opted_out": ("opted out", "/opt-outs/", "See opt-outs"),
    "possible_opt_out": ("may have opted out", "/inbox/?folder=possible_opt_outs", "Decide in the inbox"),
    "no_consent": ("gave no consent", "/contacts/", "See contacts"),
    "blocked_country": ("in a country you do not text", "/settings/", "Allow countries"),
    "invalid": ("can’t be texted", "/contacts/", "See contacts"),
    "no_eligible_sender": ("nobody may speak to them", "", ""),
    "template_error": ("the text can’t be filled in", "", ""),
    "cap_reached": ("beyond your cap of segments", "/settings/", "Raise the cap"),
    "contact_deleted": ("deleted meanwhile", "", ""),
}


def visible_to(member: Membership) -> QuerySet[Campaign]:
    """All for set-up roles; else those they own or whose replies they read."""
    rows = Campaign.objects.for_org(member.org_id).select_related("owner__user", "fallback_sender")
    if roles.may(member, roles.SET_UP):
        return rows
    replied = readable_by(member).filter(campaign__isnull=False).values("campaign")
    return rows.filter(pk__in=replied) | rows.filter(owner=member)


@page()
def campaigns(request: MemberRequest) -> HttpResponse:
    rows = visible_to(request.member)
    status, words = request.GET.get("status", ""), request.GET.get("q", "").strip()
    if status in Campaign.Status.values:
        rows = rows.filter(status=status)
    if words:
        rows = rows.filter(name_matches(words, "name"))
    found = in_pages(request, rows.order_by("-pk"))
    figures = progress_of_many(found)
    for campaign in found:
        campaign.figures = figures[campaign.pk]["counts"] if campaign.total else None
    return show(request, "campaigns/list.html", found=found, statuses=Campaign.Status.choices)


@page(roles.SET_UP)
def add_campaign(request: MemberRequest) -> HttpResponse:
    form = CampaignForm(request.POST or None, org=request.org)
    if form.is_valid() and (campaign := form.save(request.member)):
        return redirect("campaign", campaign.pk)
    return show(request, "campaigns/form.html", form)


@page(roles.SET_UP)
def change_campaign(request: MemberRequest, pk: UUID) -> HttpResponse:
    campaign = row_to_edit(request, _whole(request), pk, "campaign", CampaignForm)
    form = CampaignForm(request.POST or None, org=request.org, campaign=campaign)
    if save_edit(request, form, save=lambda: form.save(request.member)):
        return redirect("campaign", campaign.pk)
    return show(request, "campaigns/form.html", form, campaign=campaign)


@page(roles.SET_UP)
def sample(request: MemberRequest) -> HttpResponse:
    """The text as the first contacts would get it, its segments, and what the campaign will do."""
    form = CampaignForm(request.POST, org=request.org)
    form.is_valid()
    campaign = form.unsaved()
    audience = audience_of(campaign) if campaign.audience else None
    size = audience.count() if audience is not None else 0
    first = list(audience.select_related("owner__user").order_by("pk")[:2]) if audience is not None else []
    wrong = form.errors.get("body", [""])[0] if campaign.body == "" else ""
    texts = []
    try:
        rendering.check_text(campaign.body)
        for contact in first:
            body = rendering.render(campaign.body, rendering.contact_fields(contact, request.org))
            texts.append((contact, body, segments.cut(body)))
    except DomainError as error:
        wrong = error.text
    cut = max((one for _, _, one in texts), key=lambda one: one.segments, default=segments.cut(campaign.body))
    said = speak_of_campaign(campaign, size)
    context: dict[str, Any] = {
        "texts": texts,
        "wrong": wrong,
        "cut": cut,
        "plain_forms": plain_forms_of(campaign.body),
        "sentence": said,
        "body": campaign.body,
    }
    context["hints"] = _reply_hints(request, campaign, request.POST.get("campaign"))
    return render(request, "campaigns/_sample.html", context)


def _reply_hints(request: MemberRequest, typed: Campaign, given: Any) -> list[str]:
    """Instructions that a text which asks for an answer lacks, one for each name that speaks."""
    if not typed.wants_reply:
        return []
    names = SenderId.objects.for_org(request.org).filter(kind="alphanumeric").exclude(reply_instruction="")
    chosen = [typed.fallback_sender.pk] if typed.fallback_sender else []
    if given:
        held = Assignment.objects.for_org(request.org).filter(
            assignee=pick(visible_to(request.member), given, "x").pk
        )
        chosen += list(held.values_list("sender", flat=True))
    found = names.filter(pk__in=chosen).values_list("reply_instruction", flat=True)
    return [text for text in found if text.casefold() not in typed.body.casefold()]


@page()
def campaign(request: MemberRequest, pk: UUID) -> HttpResponse:
    row = campaign_of(request, pk)
    form = AssignHereForm(request.POST or None, org=request.org, assignee_id=row.pk)
    if request.method == "POST":
        roles.require(request.member, roles.SET_UP)
        if form.is_valid() and form.save():
            messages.success(request, "The sender is assigned.")
            return redirect("campaign", row.pk)
    context: dict[str, Any] = {
        "campaign": row,
        "held": _held(row),
        "is_draft": row.status == Campaign.Status.DRAFT,
    }
    context |= {"size": audience_of(row).count() if context["is_draft"] else row.total}
    context["sentence"] = speak_of_campaign(row, context["size"])
    context["warned"] = warnings_of_campaign(row)
    if context["is_draft"]:
        context |= _report(row) if context["size"] <= REPORT_AT_ONCE else {"later": True}
    else:
        context |= _progress(row)
    return show(request, "campaigns/one.html", form, **context)


@page()
def report(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The report as a panel, for an audience that takes a while."""
    row = campaign_of(request, pk)
    return render(request, "campaigns/_report.html", {"campaign": row} | _report(row))


@page()
def progress(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The panel that fetches itself again while the campaign is at work."""
    row = campaign_of(request, pk)
    return render(request, "campaigns/_progress.html", {"campaign": row} | _progress(row))


@page(roles.SET_UP)
def act(request: MemberRequest, pk: UUID, what: str) -> HttpResponse:
    """Start, pause, resume."""
    row = campaign_of(request, pk)
    if request.method == "POST":
        try:
            ACTS[what](campaign=row, **({"by": request.member} if what == "start" else {}))
            messages.success(request, DONE[what].format(row.name))
        except DomainError as error:
            messages.error(request, error.text)
    return redirect("campaign", row.pk)


@page(roles.SET_UP)
def cancel(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Ends it for good; a draft is deleted."""
    row = campaign_of(request, pk)
    is_draft = row.status == Campaign.Status.DRAFT
    if request.method == "POST":
        if is_draft:
            rules.delete_draft(campaign=row)
            messages.success(request, f"{row.name} is deleted.")
            return redirect("campaigns")
        rules.cancel(campaign=row)
        messages.success(request, f"{row.name} is cancelled; what had not left stays here.")
        return redirect("campaign", row.pk)
    counts = progress_of(row)["counts"]
    return show(request, "campaigns/cancel.html", campaign=row, counts=counts, is_draft=is_draft)


def _held(campaign: Campaign) -> Any:
    rows = Assignment.objects.for_org(campaign.org_id).filter(assignee=campaign.pk)
    return rows.select_related("sender").prefetch_related("countries").order_by("priority")


def _progress(campaign: Campaign) -> dict[str, Any]:
    found = progress_of(campaign)
    counts = found["counts"]
    through = counts["total"] - counts["queued"]
    percent = round(100 * through / counts["total"]) if counts["total"] else 0
    skipped = [
        (SKIPS.get(code, (code.replace("_", " "), "", ""))[0], n) for code, n in found["skipped_by"].items()
    ]
    return {"counts": counts, "skipped_by": skipped, "percent": percent, "through": through}


def _report(campaign: Campaign) -> dict[str, Any]:
    found = pre_send_report(campaign)
    skipped = [
        (*SKIPS.get(code, (code.replace("_", " "), "", "")), count, rows, count - len(rows))
        for code, count, rows in found["skipped"]
    ]
    per_sender = [(sender, n, n / sender.mps) for sender, n in found["per_sender"].most_common()]
    return {"report": found, "skipped": skipped, "samples": found["samples"], "per_sender": per_sender}


def campaign_of(request: MemberRequest, pk: UUID) -> Campaign:
    """A campaign this member may see, or 404."""
    return cast(Campaign, pick(_whole(request), pk, "campaign"))


def _whole(request: MemberRequest) -> QuerySet[Campaign]:
    return visible_to(request.member).select_related("org")
