"""A picture or other file of a message, for those who may read its conversation."""

from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from messaging.conversations import readable_by
from messaging.media.files import response_of
from messaging.models import MessageMedia
from tenants.errors import NotFound
from tenants.views.doors import MemberRequest, page


@page()
@require_GET
def media(request: MemberRequest, pk: UUID) -> HttpResponse:
    """404 for one that is not loaded, as for one the member may not read."""
    rows = MessageMedia.objects.for_org(request.org).filter(state=MessageMedia.State.LOADED)
    row = rows.select_related("message").filter(pk=pk).first()
    if row is None:
        raise NotFound("file")
    talks = readable_by(request.member).filter(sender=row.message.sender_id, contact=row.message.contact_id)
    if not talks.exists():
        raise NotFound("file")
    return response_of(row)
