"""Campaigns: one text to many contacts. Draft → scheduled → sending → paused → done / cancelled.

Starting freezes the audience as rows; `sweep` works through them in batches, so a crash at any point goes on where
it stood. A contact gets the text at most once: the database says so (`one_text_per_campaign`).
"""

import logging
from collections import Counter
from datetime import datetime
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from messaging import fanout, rendering
from messaging.live_events import tell_campaign
from messaging.models import (
    Campaign,
    CampaignRecipient,
    Contact,
    ContactListEntry,
    Conversation,
    Message,
    OptOut,
)
from messaging.signals import campaign_finished
from messaging.statuses import WAITING
from messaging.statuses import Status as TextStatus
from senderid.models import SenderId
from tenants import audit, hints
from tenants.errors import DomainError, register, unreadable
from tenants.models import Membership, Organization

log = logging.getLogger(__name__)
Status = Campaign.Status
State = CampaignRecipient.State
PREPARE = "messaging.campaigns.prepare"
BATCH = 500
MOST_REPORTED = 100_000
AUDIENCE = ("lists", "tags", "contacts", "exclude")
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
    rendering.check(body, rendering.CONTACT_FIELDS, field="body")
    unknown = set(audience) - set(AUDIENCE)
    if unknown:
        raise unreadable(
            "audience", f"No such part: {', '.join(sorted(unknown))}; there are {', '.join(AUDIENCE)}."
        )
    campaign.name, campaign.body, campaign.audience = name.strip(), body, audience
    campaign.sender_mode, campaign.fallback_sender = sender_mode, fallback_sender
    campaign.category, campaign.wants_reply, campaign.send_at = category, wants_reply, send_at
    campaign.owner = owner or campaign.owner
    campaign.save()
    audit.note(
        org_id=org.pk, action="campaign.saved", target=campaign, text=f"Campaign {campaign.name} saved"
    )
    return campaign


def audience_of(campaign: Campaign) -> QuerySet[Contact]:
    """Who is meant, before anyone is skipped; each contact once."""
    wanted = campaign.audience
    rows = Contact.objects.for_org(campaign.org_id)
    lists, contacts = (_uuids(_ids(wanted.get(part))) for part in ("lists", "contacts"))
    tags = _ids(wanted.get("tags"))
    in_lists = (
        ContactListEntry.objects.for_org(campaign.org_id)
        .filter(contact_list__in=_uuids(lists))
        .values("contact")
    )
    meant = rows.filter(Q(pk__in=in_lists) | Q(tags__overlap=tags or [""]) | Q(pk__in=_uuids(contacts)))
    excluded = _ids(wanted.get("exclude"))
    shut_out = ContactListEntry.objects.for_org(campaign.org_id).filter(contact_list__in=_uuids(excluded))
    return meant.exclude(
        Q(pk__in=_uuids(excluded)) | Q(pk__in=shut_out.values("contact")) | Q(tags__overlap=excluded or [""])
    )


def _ids(given: list[Any] | None) -> list[str]:
    return [str(one) for one in given or []]


def _uuids(given: list[Any]) -> list[UUID]:
    found = []
    for one in given:
        try:
            found.append(UUID(str(one)))
        except ValueError:
            continue
    return found


@transaction.atomic
def start(*, campaign: Campaign, by: Membership | None = None) -> Campaign:
    """Freezes the audience and sends now, or at `send_at`; 422 when it can't start."""
    campaign = _locked(campaign)
    if campaign.status != Status.DRAFT:
        raise DomainError("wrong_state", f"It is {campaign.status} already.")
    contacts = list(audience_of(campaign).values_list("pk", flat=True))
    if not contacts:
        raise DomainError(
            "empty_audience", "Nobody is in the audience; choose lists, tags or contacts.", field="audience"
        )
    rows = (CampaignRecipient(org_id=campaign.org_id, campaign=campaign, contact_id=pk) for pk in contacts)
    CampaignRecipient.objects.for_org(campaign.org_id).bulk_create(
        rows, batch_size=2000, ignore_conflicts=True
    )
    campaign.total = len(contacts)
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
    """Nothing more leaves; what waits, waits."""
    campaign = _locked(campaign)
    _demand(campaign, Status.SENDING, Status.SCHEDULED)
    campaign.status = Status.PAUSED
    campaign.save(update_fields=["status"])
    _texts(campaign).filter(status__in=WAITING).update(due_at=_never())
    _note(campaign, "paused")
    return campaign


@transaction.atomic
def resume(*, campaign: Campaign) -> Campaign:
    """Goes on where it stood."""
    campaign = _locked(campaign)
    _demand(campaign, Status.PAUSED)
    now = timezone.now()
    later = campaign.started_at is None and campaign.send_at is not None and campaign.send_at > now
    campaign.status = Status.SCHEDULED if later else Status.SENDING
    campaign.started_at = campaign.started_at or (None if later else now)
    campaign.save(update_fields=["status", "started_at"])
    _release(campaign, now)
    hints.after_commit("messaging.dispatching.dispatch")
    _note(campaign, "resumed")
    return campaign


@transaction.atomic
def cancel(*, campaign: Campaign) -> Campaign:
    """Ends it; texts that have not left are cancelled."""
    campaign = _locked(campaign)
    _demand(campaign, Status.DRAFT, Status.SCHEDULED, Status.SENDING, Status.PAUSED)
    now = timezone.now()
    campaign.status, campaign.finished_at = Status.CANCELLED, now
    campaign.save(update_fields=["status", "finished_at"])
    _texts(campaign).filter(status__in=WAITING).update(status=TextStatus.CANCELLED, final_at=now)
    CampaignRecipient.objects.for_org(campaign.org_id).filter(campaign=campaign, state=State.PENDING).update(
        state=State.SKIPPED, code="cancelled", text="The campaign was cancelled."
    )
    _note(campaign, "cancelled")
    return campaign


def _release(campaign: Campaign, now: datetime) -> None:
    """What a pause held is due again, as quiet hours allow by now, and valid from then."""
    held = _texts(campaign).filter(status__in=WAITING, due_at=_never())
    for country, zone in list(held.values_list("country", "contact__timezone").distinct()):
        due = fanout.due_at(campaign, country=country, timezone=zone, now=now)
        there = held.filter(country=country, contact__timezone=zone)
        there.update(due_at=due, expires_at=due + settings.MESSAGE_VALIDITY)


def _never() -> datetime:
    return datetime(9999, 1, 1, tzinfo=timezone.get_default_timezone())


def _locked(campaign: Campaign) -> Campaign:
    return Campaign.objects.for_org(campaign.org_id).select_for_update().get(pk=campaign.pk)


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
    """Writes the texts of campaigns that are sending."""
    return sweep()


def sweep() -> int:
    """Starts what is due, writes one batch of each campaign, ends those that are through."""
    now = timezone.now()
    Campaign.unscoped.filter(status=Status.SCHEDULED, send_at__lte=now).update(
        status=Status.SENDING, started_at=now
    )
    moved = 0
    for campaign in Campaign.unscoped.filter(status=Status.SENDING).select_related(
        "org", "fallback_sender", "owner"
    ):
        try:
            moved += _go_on(campaign)
        except Exception:  # one campaign's trouble never holds up another's
            log.exception("campaign %s can't go on", campaign.pk)
    return moved


def _go_on(campaign: Campaign) -> int:
    written = fanout.write_batch(campaign, most=BATCH)
    if written:
        hints.send_now(PREPARE)
    else:
        _finish(campaign)
    tell_campaign(campaign)
    return written


def _finish(campaign: Campaign) -> None:
    """Done when nobody is pending and nothing is on its way out."""
    pending = CampaignRecipient.objects.for_org(campaign.org_id).filter(
        campaign=campaign, state=State.PENDING
    )
    if pending.exists() or _texts(campaign).filter(status__in=OPEN_TEXTS).exists():
        return
    rows = Campaign.objects.for_org(campaign.org_id).filter(pk=campaign.pk, status=Status.SENDING)
    if rows.update(status=Status.DONE, finished_at=timezone.now()):
        campaign_finished.send_robust(Campaign, campaign_id=campaign.pk)


def progress(campaign: Campaign) -> dict[str, Any]:
    """{counts: {total, queued, sent, delivered, failed, skipped, replies, opt_outs}, skipped_by: {code: n}}."""
    by_status = Counter(dict(_texts(campaign).values_list("status").annotate(n=Count("pk"))))
    skipped = CampaignRecipient.objects.for_org(campaign.org_id).filter(
        campaign=campaign, state=State.SKIPPED
    )
    skipped_by = Counter(dict(skipped.values_list("code").annotate(n=Count("pk")).order_by("-n")))
    if by_status["cancelled"]:
        skipped_by["cancelled"] += by_status["cancelled"]
    pending = (
        CampaignRecipient.objects.for_org(campaign.org_id)
        .filter(campaign=campaign, state=State.PENDING)
        .count()
    )
    failed = ("failed", "undelivered", "blocked", "expired")
    queued = ("queued", "scheduled", "sending", "unknown")
    counts = {
        "total": campaign.total,
        "queued": pending + sum(by_status[s] for s in queued),
        "sent": sum(by_status[s] for s in ("accepted", "sent", "delivered", "undelivered")),
        "delivered": by_status["delivered"],
        "failed": sum(by_status[s] for s in failed),
        "skipped": sum(skipped_by.values()),
        "replies": _replies(campaign),
        "opt_outs": _opt_outs(campaign),
    }
    return {"counts": counts, "skipped_by": dict(skipped_by)}


def _replies(campaign: Campaign) -> int:
    rows = Message.objects.for_org(campaign.org_id).filter(
        campaign=campaign, direction=Message.Direction.INBOUND
    )
    return rows.values("contact").distinct().count()


def _opt_outs(campaign: Campaign) -> int:
    if campaign.started_at is None:
        return 0
    texted = _texts(campaign).values("to")
    rows = OptOut.objects.for_org(campaign.org_id).filter(
        number__in=texted, created_at__gte=campaign.started_at
    )
    return rows.values("number").distinct().count()


def replies_of(campaign: Campaign) -> QuerySet[Conversation]:
    return Conversation.objects.for_org(campaign.org_id).filter(campaign=campaign)


register(
    {
        "locked": "A campaign is locked once it is scheduled.",
        "wrong_state": "The campaign’s state does not allow this.",
        "empty_audience": "Nobody is in the audience.",
    }
)


def pre_send_report(campaign: Campaign) -> dict[str, Any]:
    """What starting it would do: counts, skips with their contacts, segments, when it would be through."""
    contacts = audience_of(campaign).select_related("owner__user").order_by("pk")
    return fanout.report(campaign, list(contacts[:MOST_REPORTED]))


@transaction.atomic
def delete_draft(*, campaign: Campaign) -> None:
    """Only a draft can be deleted; 422 `locked` otherwise."""
    if _locked(campaign).status != Status.DRAFT:
        raise DomainError("locked", "Only a draft can be deleted; cancel it instead.")
    audit.note(
        org_id=campaign.org_id, action="campaign.deleted", target=campaign, text=f"{campaign.name} deleted"
    )
    campaign.delete()
