"""How far campaigns are: sums of the few rows that triggers append to `CampaignCount`, never a count of texts."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import connection

from messaging.models import Campaign

FOLD_FROM = 100  # changes of one campaign

# One statement, so that a portion that becomes texts meanwhile is seen either as one or as the other.
READ = """
SELECT campaign_id, code, sum(queued), sum(sent), sum(delivered), sum(undelivered), sum(failed), sum(cancelled),
  sum(skipped), sum(replies), sum(opt_outs)
FROM (
  SELECT campaign_id, code, queued, sent, delivered, undelivered, failed, cancelled, skipped, replies, opt_outs
  FROM messaging_campaigncount WHERE org_id = %(org)s AND campaign_id = ANY(%(campaigns)s)
  UNION ALL
  SELECT campaign_id, '', size, 0, 0, 0, 0, 0, 0, 0, 0
  FROM messaging_campaignportion WHERE org_id = %(org)s AND campaign_id = ANY(%(campaigns)s)
) figures GROUP BY campaign_id, code
"""
NAMES = (
    "queued",
    "sent",
    "delivered",
    "undelivered",
    "failed",
    "cancelled",
    "skipped",
    "replies",
    "opt_outs",
)
GROWN = """
SELECT campaign_id FROM messaging_campaigncount WHERE NOT is_folded GROUP BY campaign_id HAVING count(*) > %s
"""
# Whoever deletes a row adds it up, so two that fold at once never count one twice; a reader sees before or after.
FOLD = """
WITH gone AS (
  DELETE FROM messaging_campaigncount WHERE id IN (
    SELECT id FROM messaging_campaigncount WHERE campaign_id = %s FOR UPDATE SKIP LOCKED)
  RETURNING *
)
INSERT INTO messaging_campaigncount (id, org_id, campaign_id, code, queued, sent, delivered, undelivered, failed,
  cancelled, skipped, replies, opt_outs, is_folded)
SELECT gen_random_uuid(), org_id, campaign_id, code, sum(queued), sum(sent), sum(delivered), sum(undelivered), sum(failed),
  sum(cancelled), sum(skipped), sum(replies), sum(opt_outs), true
FROM gone GROUP BY org_id, campaign_id, code
"""
Sums = dict[str, dict[str, int]]


def progress(campaign: Campaign) -> dict[str, Any]:
    """{counts: {total, queued, sent, delivered, failed, skipped, replies, opt_outs}, skipped_by: {code: n}}."""
    return progress_of([campaign])[campaign.pk]


def progress_of(campaigns: Iterable[Campaign]) -> dict[UUID, dict[str, Any]]:
    """The same of many campaigns of one org, in one query."""
    asked = list(campaigns)
    found: dict[UUID, Sums] = {campaign.pk: {} for campaign in asked}
    if asked:
        with connection.cursor() as cursor:
            cursor.execute(READ, {"org": asked[0].org_id, "campaigns": list(found)})
            for pk, code, *sums in cursor.fetchall():
                found[pk][code] = dict(zip(NAMES, map(int, sums), strict=True))
    return {campaign.pk: _shown(campaign, found[campaign.pk]) for campaign in asked}


def _shown(campaign: Campaign, sums: Sums) -> dict[str, Any]:
    texts = sums.get("", dict.fromkeys(NAMES, 0))
    skips = {code: figures["skipped"] for code, figures in sums.items() if code}
    if texts["cancelled"]:
        skips["cancelled"] = skips.get("cancelled", 0) + texts["cancelled"]
    counts = {
        "total": campaign.total,
        "queued": texts["queued"],
        "sent": texts["sent"] + texts["delivered"] + texts["undelivered"],
        "delivered": texts["delivered"],
        "failed": texts["failed"] + texts["undelivered"],
        "skipped": sum(skips.values()),
        "replies": texts["replies"],
        "opt_outs": texts["opt_outs"],
    }
    return {"counts": counts, "skipped_by": dict(sorted(skips.items(), key=lambda item: -item[1]))}


def fold_counts(least: int = FOLD_FROM) -> int:
    """Adds up the changes of campaigns that have more than `least` of them; returns how many campaigns."""
    with connection.cursor() as cursor:
        cursor.execute(GROWN, [least])
        grown = [pk for (pk,) in cursor.fetchall()]
        for pk in grown:
            cursor.execute(FOLD, [pk])
    return len(grown)
