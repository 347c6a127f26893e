"""The two buttons of a thread whose contact may have opted out, and taking the decision back."""

from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from messaging import possible_opt_outs
from messaging.opened import conversation_for
from messaging.views.inbox import changed
from tenants import roles
from tenants.errors import unreadable
from tenants.views.doors import MemberRequest, page


@page(needs=roles.SEND)
@require_POST
def decide(request: MemberRequest, pk: UUID) -> HttpResponse:
    """`decision`: opted_out, dismissed, or undo."""
    conversation = conversation_for(member=request.member, pk=pk)
    decision = request.POST.get("decision", "")
    if decision == "undo":
        possible_opt_outs.undo(conversation=conversation, by=request.member)
    elif decision in possible_opt_outs.DECISIONS:
        possible_opt_outs.decide(conversation=conversation, decision=decision, by=request.member)
    else:
        raise unreadable("decision", "Choose “Opt out” or “Not an opt-out”.")
    return changed(request, conversation.pk)
