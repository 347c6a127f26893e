"""Small events for open pages, over Redis pub/sub: "conversation X changed". `config.live` passes them on."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.utils import timezone

from messaging.models import Campaign, Conversation, Program
from senderid.delegated import readable_sender_ids
from tenants.access import standing_of
from tenants.hints import publish_after_commit
from tenants.models import Membership


def tell_conversation(conversation: Conversation, kind: str = "conversation", **more: Any) -> None:
    """After commit: this conversation changed; pages that may read it fetch it anew."""
    _publish(
        conversation.org_id,
        kind,
        conversation=conversation.pk,
        sender=conversation.sender_id,
        assignee=conversation.assignee_id,
        campaign=conversation.campaign_id,
        program=conversation.program_id,
        owner=conversation.contact.owner_id,
        **more,
    )


def tell_campaign(campaign: Campaign) -> None:
    """After commit: its progress moved."""
    _publish(campaign.org_id, "campaign", campaign=campaign.pk, owner=campaign.owner_id)


def _publish(org_id: UUID, kind: str, **fields: Any) -> None:
    event: dict[str, str | None] = {"org": str(org_id), "type": kind, "at": timezone.now().isoformat()}
    event |= {name: str(value) if value is not None else None for name, value in fields.items()}
    publish_after_commit(f"live:{org_id}", json.dumps(event))


def listening_token(
    *, member: Membership, senders: set[UUID], campaigns: set[UUID], people: Iterable[UUID] = ()
) -> str:
    """Says for an hour who may hear what; `live` checks it without the database."""
    payload = {
        "org": str(member.org_id),
        "member": str(member.pk),
        "all": member.is_admin,
        "senders": sorted(map(str, senders)),
        "campaigns": sorted(map(str, campaigns)),  # and programs
        "people": sorted(map(str, people)),
    }
    return signing.dumps(payload, salt="live", compress=True)


def token_for(member: Membership) -> str:
    """The token of a member's open pages: the senders they may read, the campaigns and programs they own, and whom
    they stand in for, as of now."""
    standing = standing_of(member)
    people = [member.pk, *(delegation.absent_id for delegation in standing.delegations)]
    own: set[UUID] = set()
    for model in (Campaign, Program):
        own.update(model.objects.for_org(member.org_id).filter(owner__in=people).values_list("pk", flat=True))
    return listening_token(member=member, senders=readable_sender_ids(standing), campaigns=own, people=people)


def events_url(token: str) -> str:
    return f"{settings.LIVE_BASE_URL}/events?token={token}"
