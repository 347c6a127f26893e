"""Small events for open pages, over Redis pub/sub: "conversation X changed". `config.live` passes them on."""

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db.models import Min
from django.utils import timezone

from messaging.models import Campaign, Conversation, Program
from senderid.delegated import delegated_assignments, readable_sender_ids
from senderid.models import Assignment
from tenants.access import Standing, standing_of
from tenants.hints import publish_after_commit
from tenants.models import Membership
from tenants.revocations import session_subject


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


def token_for(*, member: Membership, session_key: str | None, issued: float) -> str:
    """The token of a member's open pages: the senders they may read, the campaigns and programs they own, and whom
    they stand in for. `issued` (seconds since 1970) must lie before anything of this was read: a change after that
    revokes the token by its subjects (`tenants.revocations`); it also ends with whatever of it ends first."""
    standing = standing_of(member)
    people = [member.pk, *(one.absent_id for one in standing.delegations if one.all_senders)]
    own: set[UUID] = set()
    for model in (Campaign, Program):
        own.update(model.objects.for_org(member.org_id).filter(owner__in=people).values_list("pk", flat=True))
    assignees = {*standing.assignees, *delegated_assignments(standing)}
    subjects = {member.user_id, *assignees, *own, *(one.pk for one in standing.delegations)}
    payload = {
        "org": str(member.org_id),
        "member": str(member.pk),
        "all": member.is_admin,
        "senders": sorted(map(str, readable_sender_ids(standing))),
        "campaigns": sorted(map(str, own)),  # and programs
        "people": sorted(map(str, people)),
        "subjects": [session_subject(session_key), *sorted(map(str, subjects))],
        "issued": issued,
        "until": _ends_at(standing, assignees, issued),
    }
    return signing.dumps(payload, salt="live", compress=True)


def _ends_at(standing: Standing, assignees: set[UUID], issued: float) -> float:
    """When the first assignment or absence ends that the token counts on; at the latest after a token's life."""
    live = Assignment.objects.for_org(standing.org_id).filter(Assignment.live(), assignee__in=assignees)
    ends = [issued + settings.LIVE_TOKEN_SECONDS, *(one.ends_at.timestamp() for one in standing.delegations)]
    first = live.aggregate(first=Min("valid_until"))["first"]
    return min([*ends, first.timestamp()] if first else ends)


def events_url(token: str) -> str:
    return f"{settings.LIVE_BASE_URL}/events?token={token}"
