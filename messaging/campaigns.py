"""Campaigns: one text to many contacts. Draft → scheduled → sending → paused → done / cancelled.

Starting freezes the audience in portions; `prepare` works through them, so after a crash it goes on where it
stood. A contact gets the text at most once: the database says so (`one_text_per_campaign`).
"""

import logging
import time
from datetime import datetime
from typing import Any

from celery import shared_task
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from messaging import fanout, rendering
from messaging.audience import AT_START, PARTS, demand_known, freeze
from messaging.campaign_figures import fold_counts
from messaging.fanout import Rooms
from messaging.live_events import tell_campaign
from messaging.models import Campaign, CampaignPortion, Conversation, Message
from messaging.reachability import refuse_nobody
from messaging.sending import DISPATCH
from messaging.settling import settle, settle_next
from messaging.signals import campaign_finished
from messaging.statuses import Status as TextStatus
from senderid.models import SenderId
from tenants import audit, hints
from tenants.errors import DomainError, register, unreadable
from tenants.models import Membership, Organization

log = logging.getLogger(__name__)
Status = Campaign.Status

PREPARE = "messaging.campaigns.prepare"
LONGEST_RUN = 20.0  # seconds
OPEN_TEXTS = (TextStatus.SCHEDULED, TextStatus.QUEUED, TextStatus.SENDING)


@transaction.atomic
def save_campaign(
    *,
    org: Organization,
    name: str,
    body: str,
    audience: dict[str, list[str]],
    sender_mode: str = Campaign.SenderMode.DEDICATED,
    fallback_sender: SenderId | None = None,
    category: str = Campaign.Category.PROMOTIONAL,
    wants_reply: bool = False,
    send_at: datetime | None = None,
    owner: Membership | None = None,
    campaign: Campaign | None = None,
) -> Campaign:
    """Makes or changes a draft; 422 `locked` once it is scheduled."""
    campaign = campaign or Campaign(org=org)
    if not campaign._state.adding:
        campaign.status = _locked(campaign).status  # it may have been started since it was read
    if campaign.status != Status.DRAFT:
        raise DomainError("locked", "It is locked once scheduled; cancel it and make another.")
    if not name.strip():
        raise unreadable("name", "Give the campaign a name.", "required")
    if not body.strip():
        raise unreadable("body", "Write a text; it is empty.", "required")
    rendering.check_text(body)
    unknown = set(audience) - set(PARTS)
    if unknown:
        raise unreadable(
            "audience", f"No such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}."
        )
    if audience != campaign.audience or campaign._state.adding:
        demand_known(org=org, audience=audience)
    values: dict[str, Any] = {
        "name": name.strip(),
        "body": body,
        "sender_mode": sender_mode,
        "fallback_sender": fallback_sender,
    }
    values |= {"category": category, "wants_reply": wants_reply, "send_at": send_at}
    changed = audit.differing(campaign, values)
    changed += [part for part in PARTS if campaign.audience.get(part, []) != audience.get(part, [])]
    for field, value in values.items():
        setattr(campaign, field, value)
    campaign.audience = audience
    campaign.owner = owner or campaign.owner
    campaign.save()
    audit.note(
        org_id=org.pk,
        action="campaign.saved",
        target=campaign,
        text=f"Campaign {campaign.name} saved",
        changed=changed,
    )
    return campaign


@transaction.atomic
def start(*, campaign: Campaign, by: Membership | None = None) -> Campaign:
    """Freezes the audience and sends now, or at `send_at`; 422 when it can't start."""
    campaign = _locked(campaign)
    if campaign.status != Status.DRAFT:
        raise DomainError("wrong_state", f"It is {campaign.status} already.")
    demand_known(org=campaign.org, audience=campaign.audience, parts=AT_START)
    campaign.total = freeze(campaign)
    if not campaign.total:
        raise DomainError(
            "empty_audience", "Nobody is in the audience; choose lists, tags or contacts.", field="audience"
        )
    refuse_nobody(campaign)
    if campaign.owner is None and by is not None:
        campaign.owner = by
    later = campaign.send_at is not None and campaign.send_at > timezone.now()
    campaign.status = Status.SCHEDULED if later else Status.SENDING
    campaign.started_at = None if later else timezone.now()
    campaign.save()
    _note(campaign, "started" if not later else "scheduled")
    return campaign


@transaction.atomic
def pause(*, campaign: Campaign) -> Campaign:
    """Nothing more leaves; what waits, waits. In force when it commits, though a long queue is parked later."""
    campaign = _locked(campaign)
    _demand(campaign, Status.SENDING, Status.SCHEDULED)
    campaign.status, campaign.is_unsettled = Status.PAUSED, True
    campaign.save(update_fields=["status", "is_unsettled"])
    settle(campaign)
    _note(campaign, "paused")
    return campaign


@transaction.atomic
def resume(*, campaign: Campaign) -> Campaign:
    """Goes on where it stood: the first texts at once, a long queue while they leave."""
    campaign = _locked(campaign)
    _demand(campaign, Status.PAUSED)
    now = timezone.now()
    later = campaign.started_at is None and campaign.send_at is not None and campaign.send_at > now
    campaign.status = Status.SCHEDULED if later else Status.SENDING
    campaign.started_at = campaign.started_at or (None if later else now)
    campaign.resumed_at, campaign.is_unsettled = now, True
    campaign.save(update_fields=["status", "started_at", "resumed_at", "is_unsettled"])
    settle(campaign)
    hints.after_commit(DISPATCH)
    _note(campaign, "resumed")
    return campaign


@transaction.atomic
def cancel(*, campaign: Campaign) -> Campaign:
    """Ends it; texts that have not left are cancelled, a long queue of them in the background."""
    campaign = _locked(campaign)
    _demand(campaign, Status.DRAFT, Status.SCHEDULED, Status.SENDING, Status.PAUSED)
    campaign.status, campaign.finished_at = Status.CANCELLED, timezone.now()
    campaign.is_unsettled = True
    campaign.save(update_fields=["status", "finished_at", "is_unsettled"])
    settle(campaign)
    _note(campaign, "cancelled")
    return campaign


def _locked(campaign: Campaign) -> Campaign:
    rows = Campaign.objects.for_org(campaign.org_id).select_related("org")
    return rows.select_for_update(of=("self",), no_key=True).get(pk=campaign.pk)


def _demand(campaign: Campaign, *states: str) -> None:
    if campaign.status not in states:
        raise DomainError(
            "wrong_state", f"It is {campaign.status}; this needs it to be {' or '.join(states)}."
        )


def _texts(campaign: Campaign) -> QuerySet[Message]:
    return Message.objects.for_org(campaign.org_id).filter(
        campaign=campaign, direction=Message.Direction.OUTBOUND, origin=Message.Origin.CAMPAIGN
    )


def _note(campaign: Campaign, what: str) -> None:
    audit.note(
        org_id=campaign.org_id, action=f"campaign.{what}", target=campaign, text=f"{campaign.name} {what}"
    )
    tell_campaign(campaign)
    hints.after_commit(PREPARE)


@shared_task
def prepare() -> int:
    """Works until nothing is left to write or to settle, at most LONGEST_RUN; then hints itself."""
    ends, moved, rooms = time.monotonic() + LONGEST_RUN, 0, Rooms()
    while time.monotonic() < ends:
        now_moved = _go_round(rooms)
        if not now_moved:
            return moved
        moved += now_moved
    hints.send_now(PREPARE)
    return moved


def sweep() -> int:
    """Starts what is due, goes once round all campaigns at work, and hints the workers where more is left."""
    now = timezone.now()
    due = Campaign.unscoped.filter(status=Status.SCHEDULED, send_at__lte=now)
    due.update(status=Status.SENDING, started_at=now)
    moved = _go_round(Rooms())
    if moved:
        hints.send_now(PREPARE)
    fold_counts()
    return moved


def _go_round(rooms: Rooms) -> int:
    """Each campaign in turn, so that none waits for the whole of another: settles some texts, writes one portion."""
    moved = 0
    at_work = Campaign.unscoped.filter(Q(status=Status.SENDING) | Q(is_unsettled=True))
    for campaign in at_work.select_related("org", "fallback_sender", "owner").order_by("pk"):
        try:
            moved += _go_on(campaign, rooms)
        except Exception:  # one campaign's trouble never holds up another's
            log.exception("campaign %s can't go on", campaign.pk)
    return moved


def _go_on(campaign: Campaign, rooms: Rooms) -> int:
    moved = settle_next(campaign) if campaign.is_unsettled else 0
    if campaign.status == Status.SENDING:
        moved += fanout.write_portion(campaign, rooms)
        if not moved:
            _finish(campaign)
    tell_campaign(campaign)
    return moved


def _finish(campaign: Campaign) -> None:
    """Done when nobody is pending and nothing is on its way out."""
    pending = CampaignPortion.objects.for_org(campaign.org_id).filter(campaign=campaign)
    if pending.exists() or _texts(campaign).filter(status__in=OPEN_TEXTS).exists():
        return
    rows = Campaign.objects.for_org(campaign.org_id).filter(pk=campaign.pk, status=Status.SENDING)
    if rows.update(status=Status.DONE, finished_at=timezone.now()):
        campaign_finished.send_robust(Campaign, campaign_id=campaign.pk)


def replies_of(campaign: Campaign) -> QuerySet[Conversation]:
    return Conversation.objects.for_org(campaign.org_id).filter(campaign=campaign)


register(
    {
        "locked": "A campaign is locked once it is scheduled.",
        "wrong_state": "The campaign’s state does not allow this.",
        "empty_audience": "Nobody is in the audience.",
    }
)


@transaction.atomic
def delete_draft(*, campaign: Campaign) -> None:
    """Only a draft can be deleted; 422 `locked` otherwise."""
    if _locked(campaign).status != Status.DRAFT:
        raise DomainError("locked", "Only a draft can be deleted; cancel it instead.")
    audit.note(
        org_id=campaign.org_id, action="campaign.deleted", target=campaign, text=f"{campaign.name} deleted"
    )
    campaign.delete()
