"""Settings of the organization, and its accounts with carriers."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from senderid.forms import OrganizationForm
from senderid.models import ProviderAccount
from senderid.order_forms import TokenForm
from tenants import roles
from tenants.models import AuditEntry, Organization
from tenants.views.doors import MemberRequest, page, show
from tenants.views.editing import row_to_edit, save_edit


@page(roles.SET_UP)
def settings(request: MemberRequest) -> HttpResponse:
    rows = Organization.objects.filter(pk=request.org.pk)
    org = row_to_edit(request, rows, request.org.pk, "organization", OrganizationForm)
    form = OrganizationForm(request.POST or None, org=org)
    if save_edit(request, form, save=form.save):
        messages.success(request, "The settings are saved.")
        return redirect("settings")
    changes = (
        AuditEntry.objects.for_org(request.org)
        .filter(action="organization.changed")
        .select_related("actor__user")
    )
    return show(
        request, "settings/organization.html", form, changes=changes.order_by("-at")[:5], tab="organization"
    )


@page(roles.SET_UP)
def accounts(request: MemberRequest) -> HttpResponse:
    rows = ProviderAccount.objects.for_org(request.org).order_by("created_at")
    shown = [(account, TokenForm(org=request.org, account=account)) for account in rows]
    return show(request, "settings/accounts.html", accounts=shown, tab="accounts")


@page(roles.SET_UP)
def change_token(request: MemberRequest, pk: UUID) -> HttpResponse:
    """A secret is never drawn again, so a refusal is a message."""
    account = row_to_edit(request, ProviderAccount.objects.for_org(request.org), pk, "account", TokenForm)
    form = TokenForm(request.POST or None, org=request.org, account=account)
    if save_edit(request, form, save=form.save):
        messages.success(request, f"{account.label} uses the new token.")
    elif form.conflicts:
        messages.error(request, _replaced(form.conflicts[0].by.name))
    elif form.errors:
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
    return redirect("accounts")


def _replaced(by: str) -> str:
    if not by:
        return "The token was not saved, because this page was out of date. Enter it again to save it."
    return f"{by} changed this token while you were editing. Enter yours again to replace it."
