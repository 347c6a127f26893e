"""After a pause, a resume or a cancel: the texts already written follow their campaign's status, some at a time.

The status itself takes effect at once, whatever is left to do here: a claim looks at it and parks or cancels what it
would have sent. `campaigns` settles some in the request and the rest in its sweep.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from messaging.deciding import due_at
from messaging.models import Campaign, CampaignPortion, Message
from messaging.quiet_hours import zones_for
from messaging.sending import DISPATCH
from messaging.statuses import WAITING
from tenants import hints

Status = Campaign.Status
SETTLED_AT_ONCE = 2000
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
# A claim that began before the campaign went on may still park a text; it is over long before this.
CLAIMS_MAY_LAG = timedelta(seconds=60)

PARK = """
UPDATE messaging_message SET due_at = '9999-01-01T00:00:00Z' WHERE id = ANY(ARRAY(
  SELECT m.id FROM messaging_message m
  WHERE m.org_id = %s AND m.campaign_id = %s AND m.origin = 'campaign' AND m.status IN ('queued', 'scheduled')
    AND m.due_at < '9999-01-01T00:00:00Z'
  LIMIT %s FOR UPDATE SKIP LOCKED))
"""
CANCEL = """
UPDATE messaging_message SET status = 'cancelled', final_at = %s WHERE id = ANY(ARRAY(
  SELECT m.id FROM messaging_message m
  WHERE m.org_id = %s AND m.campaign_id = %s AND m.origin = 'campaign' AND m.status IN ('queued', 'scheduled')
  LIMIT %s FOR UPDATE SKIP LOCKED))
"""
PARKED = """
SELECT m.id, m.country, k.number, k.timezone FROM messaging_message m JOIN messaging_contact k ON k.id = m.contact_id
WHERE m.org_id = %s AND m.campaign_id = %s AND m.origin = 'campaign' AND m.status IN ('queued', 'scheduled')
  AND m.due_at = '9999-01-01T00:00:00Z'
LIMIT %s FOR UPDATE OF m SKIP LOCKED
"""
RELEASE = """
UPDATE messaging_message m SET due_at = v.due_at, expires_at = v.due_at + %s
FROM unnest(%s::uuid[], %s::timestamptz[]) AS v(id, due_at) WHERE m.id = v.id
"""
SKIP = """
INSERT INTO messaging_campaignskip (id, org_id, campaign_id, contact_id, code, text)
SELECT gen_random_uuid(), %(org)s, %(campaign)s, k.id, 'cancelled', 'The campaign was cancelled.'
FROM unnest(%(ids)s::uuid[]) AS meant(id) LEFT JOIN messaging_contact k ON k.org_id = %(org)s AND k.id = meant.id
WHERE NOT EXISTS (
  SELECT FROM messaging_message m
  WHERE m.campaign_id = %(campaign)s AND m.contact_id = meant.id AND m.origin = 'campaign')
ON CONFLICT DO NOTHING
"""


def settle(campaign: Campaign, most: int = SETTLED_AT_ONCE) -> int:
    """Lets up to `most` texts follow the campaign's status; returns how many did. The caller holds its row."""
    match campaign.status:
        case Status.PAUSED:
            moved = _run(PARK, [campaign.org_id, campaign.pk, most])
        case Status.CANCELLED:
            moved = _skip_pending(campaign)
            moved += _run(CANCEL, [timezone.now(), campaign.org_id, campaign.pk, most])
        case _:
            moved = _release(campaign, most)
    if not moved and _is_settled(campaign):
        campaign.is_unsettled = False
        campaign.save(update_fields=["is_unsettled"])
    return moved


def settle_next(campaign: Campaign, most: int = SETTLED_AT_ONCE) -> int:
    """The same for a sweep: holds the row itself; 0 when someone else has it, or nothing is left."""
    with transaction.atomic():
        rows = Campaign.objects.for_org(campaign.org_id).select_for_update(
            skip_locked=True, no_key=True, of=("self",)
        )
        held = rows.select_related("org").filter(pk=campaign.pk, is_unsettled=True).first()
        return settle(held, most) if held is not None else 0


def _run(statement: str, values: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def _release(campaign: Campaign, most: int) -> int:
    """What a pause held is due again, as quiet hours allow by now, and valid from then."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(PARKED, [campaign.org_id, campaign.pk, most])
        rows = cursor.fetchall()
        if rows:
            places = [
                (country, zones_for(number=number, country=country, timezone=zone))
                for _, country, number, zone in rows
            ]
            due = {at: due_at(campaign, country=at[0], zones=at[1], now=now) for at in set(places)}
            dues = [due[place] for place in places]
            values: Any = [settings.MESSAGE_VALIDITY, [pk for pk, *_ in rows], dues]
            cursor.execute(RELEASE, values)
            hints.after_commit(DISPATCH)
    return len(rows)


def _skip_pending(campaign: Campaign) -> int:
    """One portion of those whose texts are not written yet: skipped, with the reason."""
    portion = CampaignPortion.objects.for_org(campaign.org_id).filter(campaign=campaign).first()
    if portion is None:
        return 0
    _run(SKIP, {"org": campaign.org_id, "campaign": campaign.pk, "ids": portion.contacts})
    portion.delete()
    return portion.size


def _is_settled(campaign: Campaign) -> bool:
    """Nothing is left, also nothing that a claim held just now."""
    texts = Message.objects.for_org(campaign.org_id).filter(
        campaign=campaign, origin=Message.Origin.CAMPAIGN, status__in=WAITING
    )
    match campaign.status:
        case Status.PAUSED:
            return not texts.filter(due_at__lt=NEVER).exists()
        case Status.CANCELLED:
            return not texts.exists()
    lately = timezone.now() - CLAIMS_MAY_LAG
    return campaign.resumed_at is None or campaign.resumed_at < lately
