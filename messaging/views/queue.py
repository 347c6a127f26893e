"""How much waits on a sender, as a panel of its page."""

from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone

from messaging.queue_state import queues_of
from senderid.models import SenderId
from tenants import roles
from tenants.api_base import pick
from tenants.views.doors import MemberRequest, page, show


@page(roles.SET_UP)
def sender_queue(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Asks again every few seconds while something waits."""
    sender = pick(SenderId.objects.for_org(request.org), pk, "sender")
    queue = queues_of(request.org, [sender])[sender.pk]
    return show(
        request, "senders/_queue.html", sender=sender, queue=queue, until=queue.through_at(timezone.now())
    )
