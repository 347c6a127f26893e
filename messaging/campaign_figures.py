"""How far many campaigns are, for a list of them: two queries, however many there are."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count, Q

from messaging.models import Campaign, Message
from messaging.statuses import Status

LEFT = (Status.ACCEPTED, Status.SENT, Status.DELIVERED, Status.UNDELIVERED)


def figures_of(campaigns: Iterable[Campaign]) -> dict[UUID, dict[str, int]]:
    """{campaign id: {total, sent, replies}} of those that have started."""
    started = [campaign for campaign in campaigns if campaign.total]
    if not started:
        return {}
    texts = Message.objects.for_org(started[0].org_id).filter(campaign__in=started)
    sent = Q(direction=Message.Direction.OUTBOUND, origin=Message.Origin.CAMPAIGN, status__in=LEFT)
    replies = Q(direction=Message.Direction.INBOUND)
    rows = texts.values_list("campaign").annotate(
        sent=Count("pk", filter=sent), replies=Count("contact", filter=replies, distinct=True)
    )
    counted = {pk: (sent, replies) for pk, sent, replies in rows}
    return {
        campaign.pk: dict(
            zip(("sent", "replies"), counted.get(campaign.pk, (0, 0)), strict=True), total=campaign.total
        )
        for campaign in started
    }
