"""Suspending, retiring, bringing back a sender; deactivating a member: first what it touches, then the act."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from messaging.touched import touched_by_member, touched_by_sender
from senderid.models import SenderId
from senderid.provisioning import change_sender
from senderid.views.senders import sender_of
from tenants import roles
from tenants.memberships import end_membership
from tenants.views.doors import MemberRequest, page, show
from tenants.views.people import member_of

ENDS = {
    "suspended": ("Suspend", "It sends nothing until you activate it again; texts to it still come in."),
    "retired": ("Retire", "It never sends again; its history stays. This can’t be undone."),
    "active": ("Activate", "It may send again wherever it is assigned."),
}


@page(roles.SET_UP)
def end_sender(request: MemberRequest, pk: UUID, to: str) -> HttpResponse:
    sender = sender_of(request, pk)
    verb, text = ENDS[to]
    if request.method == "POST":
        change_sender(sender=sender, status=SenderId.Status(to))
        messages.success(request, f"{sender.display} is {to} now.")
        return redirect("sender", sender.pk)
    touched = [row for row in touched_by_sender(sender) if row.count] if to != "active" else []
    return show(request, "senders/end.html", sender=sender, to=to, verb=verb, text=text, touched=touched)


@page(roles.SET_UP)
def deactivate(request: MemberRequest, pk: UUID) -> HttpResponse:
    whom = member_of(request, pk)
    if request.method == "POST":
        end_membership(member=whom, by=request.member)
        messages.success(request, f"{whom.name} can no longer sign in here.")
        return redirect("member", whom.pk)
    touched = [row for row in touched_by_member(whom) if row.count]
    return show(request, "people/deactivate.html", whom=whom, touched=touched)
