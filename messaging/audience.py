"""Who a campaign is for. `campaigns.start` freezes it: portions of contacts that fan-out works through one by one."""

from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from messaging.models import Campaign, Contact, ContactListEntry

PORTION = 2000  # contacts whose texts are written in one transaction

# The server cuts the audience up by itself: no contact comes to Python before its text is written.
FREEZE = """
INSERT INTO messaging_campaignportion (id, org_id, campaign_id, place, contacts, size, look_at)
SELECT gen_random_uuid(), %s, %s, place, array_agg(id ORDER BY id), count(*), %s
FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / %s AS place FROM ({meant}) meant(id)) numbered
GROUP BY place RETURNING size
"""
CUT_UP = """
SELECT array_agg(id ORDER BY id)::text
FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / %s AS place FROM ({meant}) meant(id)) numbered
GROUP BY place ORDER BY place
"""


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


def freeze(campaign: Campaign) -> int:
    """Writes the portions of the audience as it is now; returns how many contacts are in it."""
    meant, values = audience_of(campaign).values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            FREEZE.format(meant=meant), [campaign.org_id, campaign.pk, timezone.now(), PORTION, *values]
        )
        return sum(size for (size,) in cursor.fetchall())


def cut_up(campaign: Campaign) -> list[str]:
    """The same portions without writing any: the ids as PostgreSQL writes an array, 37 bytes for each contact."""
    meant, values = audience_of(campaign).values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(CUT_UP.format(meant=meant), [PORTION, *values])
        return [ids for (ids,) in cursor.fetchall()]


def named_again(campaign: Campaign, total: int) -> int:
    """How often contacts of the audience are named once more: in a second list, by a tag, singly. `total` is its size."""
    wanted, rows = campaign.audience, audience_of(campaign)
    in_lists = ContactListEntry.objects.for_org(campaign.org_id).filter(
        contact_list__in=_uuids(_ids(wanted.get("lists"))), contact__in=rows.values("pk")
    )
    tags = _ids(wanted.get("tags"))
    by_tag = rows.filter(tags__overlap=tags).count() if tags else 0
    singly = rows.filter(pk__in=_uuids(_ids(wanted.get("contacts")))).count()
    return in_lists.count() + by_tag + singly - total


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
