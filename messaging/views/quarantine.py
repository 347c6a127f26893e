"""Inbound texts that fit no sender: an admin looks at them and lets them in again."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from messaging.models import InboundEvent
from messaging.receiving import replay as replay_event
from tenants import roles
from tenants.errors import NotFound
from tenants.views.doors import MemberRequest, in_pages, page, show


@page(needs=roles.SET_UP)
@require_GET
def quarantine(request: MemberRequest) -> HttpResponse:
    rows = InboundEvent.objects.for_org(request.org).filter(state=InboundEvent.State.QUARANTINED)
    rows = rows.select_related("account").order_by("-received_at")
    return show(request, "contacts/quarantine.html", page=in_pages(request, rows))


@page(needs=roles.SET_UP)
@require_POST
def replay(request: MemberRequest, pk: UUID) -> HttpResponse:
    event = InboundEvent.objects.for_org(request.org).filter(pk=pk).first()
    if event is None:
        raise NotFound("event")
    replay_event(event=event)
    messages.success(request, "It is tried again; if it still fits no sender, it comes back here.")
    return redirect("quarantine")
