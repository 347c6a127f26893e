"""Settings of the organization, and its accounts with carriers."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from senderid import accounts as rules
from senderid.forms import OrganizationForm
from senderid.models import ProviderAccount
from tenants import roles
from tenants.api_base import pick
from tenants.errors import DomainError
from tenants.models import AuditEntry
from tenants.views.doors import MemberRequest, page, show


@page(roles.SET_UP)
def settings(request: MemberRequest) -> HttpResponse:
    form = OrganizationForm(request.POST or None, org=request.org)
    if form.is_valid() and form.save():
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
    return show(request, "settings/accounts.html", accounts=rows, tab="accounts")


@page(roles.SET_UP)
def change_token(request: MemberRequest, pk: UUID) -> HttpResponse:
    account = pick(ProviderAccount.objects.for_org(request.org), pk, "account")
    if request.method == "POST":
        try:
            rules.change_token(account=account, token=request.POST.get("token", ""))
            messages.success(request, f"{account.label} uses the new token.")
        except DomainError as error:
            messages.error(request, error.text)
    return redirect("accounts")
