"""API keys: make, show once, revoke."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from tenants import api_keys, roles
from tenants.api_base import pick
from tenants.forms import ApiKeyForm
from tenants.models import ApiKey
from tenants.views.doors import MemberRequest, page, show


@page(roles.SET_UP)
def developers(request: MemberRequest) -> HttpResponse:
    form = ApiKeyForm(request.POST or None, org=request.org, by=request.member)
    made = form.save() if form.is_valid() else None
    keys = (
        ApiKey.objects.for_org(request.org).select_related("created_by").order_by("revoked_at", "-created_at")
    )
    fresh = ApiKeyForm(org=request.org, by=request.member) if made else form
    return show(request, "developers/keys.html", fresh, keys=keys, made=made)


@page(roles.SET_UP)
def revoke(request: MemberRequest, pk: UUID) -> HttpResponse:
    key = pick(ApiKey.objects.for_org(request.org), pk, "key")
    if request.method == "POST":
        api_keys.revoke(key=key)
        messages.success(request, f"“{key.name}” no longer opens anything.")
        return redirect("developers")
    made = [row.name for row in key.made.all() if row.is_live]
    return show(request, "developers/revoke.html", key=key, made=made)
