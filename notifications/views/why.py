"""Why was I (not) told? Every decision about one text, with its rule and reason."""

from uuid import UUID

from django.http import HttpResponse

from messaging.conversations import readable_by
from messaging.media.files import with_media
from messaging.models import Message
from notifications.models import Notification
from tenants.api_base import pick
from tenants.errors import NotFound
from tenants.views.doors import MemberRequest, in_pages, page, show


@page()
def why(request: MemberRequest, pk: UUID) -> HttpResponse:
    rows = Message.objects.for_org(request.org).filter(direction=Message.Direction.INBOUND)
    related = ("contact", "sender", "conversation", "campaign", "program")
    message = pick(rows.select_related(*related), pk, "text")
    if not readable_by(request.member).filter(pk=message.conversation_id).exists():
        raise NotFound("text")
    found = Notification.objects.for_org(request.org).filter(message=message)
    found = found.select_related("member__user", "assignment__assignee").order_by("created_at", "pk")
    mine = [row for row in found if row.member_id == request.member.pk]
    return show(
        request,
        "notifications/why.html",
        message=message,
        found=found,
        mine=mine,
        message_words=with_media(message),
    )


@page()
def log(request: MemberRequest) -> HttpResponse:
    """The newest decisions; for admins all of them, for others their own."""
    rows = Notification.objects.for_org(request.org).select_related(
        "member__user", "conversation__contact", "message"
    )
    if not request.member.is_admin:
        rows = rows.filter(member=request.member)
    outcome = request.GET.get("outcome", "")
    if outcome in Notification.Outcome.values:
        rows = rows.filter(outcome=outcome)
    found = in_pages(request, rows.order_by("-pk"))
    return show(request, "notifications/log.html", found=found, outcomes=Notification.Outcome.choices)
