"""Sender IDs: the list, adding, changing, history. Who speaks with one is a page of notifications."""

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render

from senderid import provisioning
from senderid.country_rules import home_verdicts
from senderid.forms import SenderForm
from senderid.models import Assignment, Kind, ProviderAccount, SenderId
from senderid.searching import matches
from senderid.sentences import speak_of_sender
from tenants import roles
from tenants.api_base import pick
from tenants.models import AuditEntry
from tenants.views.doors import MemberRequest, in_pages, page, show
from tenants.views.editing import row_to_edit, save_edit

SHOWN_SPEAKERS = 3


@page(roles.SET_UP)
def senders(request: MemberRequest) -> HttpResponse:
    everything = SenderId.objects.for_org(request.org)
    rows = _narrowed(everything, request.GET, request.org.country).prefetch_related("assignments__assignee")
    found = in_pages(request, rows.order_by("-status", "kind", "value"))
    homes = home_verdicts(found)
    countries = everything.order_by("country").values_list("country", flat=True).distinct()
    return show(
        request,
        "senders/list.html",
        found=found,
        kinds=Kind.choices,
        shown=[(sender, homes[sender.pk]) for sender in found],
        statuses=SenderId.Status.choices,
        countries=countries,
        has_any=bool(found) or everything.exists(),
    )


def _narrowed(rows: Any, given: Any, home: str) -> Any:
    if given.get("kind") in Kind.values:
        rows = rows.filter(kind=given["kind"])
    if country := given.get("country"):
        rows = rows.filter(country=country.upper())
    if given.get("status") in SenderId.Status.values:
        rows = rows.filter(status=given["status"])
    else:
        rows = rows.exclude(status=SenderId.Status.RETIRED)
    if words := given.get("q", "").strip():
        rows = rows.filter(matches(words, country=home, names=("label", "value"), numbers=("value",)))
    return rows


@page(roles.SET_UP)
def add_sender(request: MemberRequest) -> HttpResponse:
    form = SenderForm(request.POST or None, org=request.org)
    if form.is_valid() and (sender := form.save()):
        for _, text in provisioning.warnings_of(sender):
            messages.warning(request, text)
        messages.success(request, f"{sender.display} is here. Now say who speaks with it.")
        return redirect("sender", sender.pk)
    return show(request, "senders/form.html", form)


@page(roles.SET_UP)
def change_sender(request: MemberRequest, pk: UUID) -> HttpResponse:
    sender = sender_to_edit(request, pk, SenderForm)
    form = SenderForm(request.POST or None, org=request.org, sender=sender)
    if save_edit(request, form, save=form.save):
        messages.success(request, f"{sender.display} is saved.")
        return redirect("sender", sender.pk)
    sentence, warned = speak_of_sender(sender), provisioning.warnings_of(sender)
    return show(request, "senders/form.html", form, sender=sender, sentence=sentence, warned=warned)


@page(roles.SET_UP)
def sentence(request: MemberRequest) -> HttpResponse:
    """The sentence below the form, as it stands now."""
    given: Any = request.POST or request.GET
    known = (
        SenderId.objects.for_org(request.org).filter(pk=given["sender"]).first()
        if given.get("sender")
        else None
    )
    form = SenderForm(given, org=request.org, sender=known, is_preview=True)
    form.is_valid()
    sender = _as_typed(form, request, known)
    warned = provisioning.warnings_of(sender) if sender else []
    said = speak_of_sender(sender) if sender else ""
    return render(
        request, "senders/_sentence.html", {"sentence": said, "warned": warned, "wrong": form.errors}
    )


def _as_typed(form: SenderForm, request: MemberRequest, known: SenderId | None) -> SenderId | None:
    """An unsaved sender out of what could be read; None while the number or name can't be."""
    given = form.cleaned_data
    if not {"kind", "country"} <= set(given) or not given.get("value"):
        return None
    kind, country = given["kind"], given["country"]
    read = form.carry_out(
        lambda: (
            known.value
            if known
            else provisioning.read_value(kind=kind, value=given["value"], country=country)
        )
    )
    if read is None:
        return None
    return SenderId(
        org=request.org,
        kind=kind,
        value=read,
        country=country,
        provider_account=_account_of(form, known),
        direction=given.get("direction") or "both",
        mps=given.get("mps") or provisioning.MPS[Kind(kind)],
        reply_number=given.get("reply_number"),
        reply_instruction=given.get("reply_instruction", ""),
    )


def _account_of(form: SenderForm, known: SenderId | None) -> ProviderAccount | None:
    if known is not None:
        return known.provider_account
    chosen = form.cleaned_data.get("provider_account")
    return chosen or ProviderAccount.objects.for_org(form.org).order_by("created_at").first()


@page(roles.SET_UP)
def history(request: MemberRequest, pk: UUID) -> HttpResponse:
    sender = sender_of(request, pk)
    own = Assignment.objects.for_org(request.org).filter(sender=sender).values("pk")
    about = Q(target_id=sender.pk) | Q(target_id__in=own) | Q(details__sender=str(sender.pk))
    entries = AuditEntry.objects.for_org(request.org).filter(about)
    entries = entries.select_related("actor__user", "on_behalf_of__user", "api_key").order_by("-at")
    return show(
        request, "senders/history.html", sender=sender, found=in_pages(request, entries), tab="history"
    )


def sender_of(request: MemberRequest, pk: UUID) -> SenderId:
    """The sender of this org with this id, or 404."""
    return cast(SenderId, pick(_whole(request), pk, "sender"))


def sender_to_edit(request: MemberRequest, pk: UUID, form: type[forms.Form]) -> SenderId:
    """The same, locked while its form, or that of its registration, is saved."""
    return cast(SenderId, row_to_edit(request, _whole(request), pk, "sender", form))


def _whole(request: MemberRequest) -> QuerySet[SenderId]:
    return SenderId.objects.for_org(request.org).select_related("provider_account", "reply_number", "org")
