"""Numbers that may not be texted: list, add, remove; each act is a line in the consent log."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from messaging import consent
from messaging.campaign_forms import OptOutForm
from messaging.models import ConsentEntry, OptOut
from senderid.searching import matches
from tenants import roles
from tenants.api_base import pick
from tenants.views.doors import MemberRequest, in_pages, page, show


@page(roles.SET_UP)
def opt_outs(request: MemberRequest) -> HttpResponse:
    form = OptOutForm(request.POST or None, org=request.org, initial={"number": request.GET.get("number")})
    if form.is_valid() and form.save(request.member):
        messages.success(request, "The number is opted out.")
        return redirect("opt_outs")
    rows = OptOut.objects.for_org(request.org).select_related("sender", "program")
    words = request.GET.get("q", "").strip()
    if words:
        rows = rows.filter(
            matches(words, country=request.org.country, names=("number",), numbers=("number",))
        )
    if request.GET.get("scope") in OptOut.Scope.values:
        rows = rows.filter(scope=request.GET["scope"])
    found = in_pages(request, rows.order_by("-created_at"))
    return show(
        request, "settings/opt_outs.html", form, found=found, tab="opt_outs", scopes=OptOut.Scope.choices
    )


@page(roles.SET_UP)
def remove(request: MemberRequest, pk: UUID) -> HttpResponse:
    row = pick(OptOut.objects.for_org(request.org).select_related("sender", "program"), pk, "opt-out")
    if request.method == "POST":
        scope = {"scope": row.scope, "sender": row.sender, "program": row.program}
        consent.opt_in(
            org=request.org, number=row.number, source=OptOut.Source.MANUAL, member=request.member, **scope
        )
        messages.success(request, "The number may be texted again.")
        return redirect("opt_outs")
    log = (
        ConsentEntry.objects.for_org(request.org)
        .filter(number=row.number)
        .select_related("member__user", "sender")
    )
    return show(request, "settings/opt_in.html", row=row, log=log.order_by("-at")[:20], tab="opt_outs")
