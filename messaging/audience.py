"""Who a campaign is for. `campaigns.start` freezes it: portions of contacts that fan-out works through one by one."""

from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from messaging.models import Campaign, Contact, ContactList, ContactListEntry
from tenants.errors import unreadable
from tenants.models import Organization

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


PARTS = ("lists", "tags", "contacts", "exclude")
NOUNS = {"lists": "list", "tags": "tag", "contacts": "contact", "exclude": "list, contact or tag"}
AT_SAVE, AT_START = ("lists", "contacts", "exclude"), ("tags", "exclude")
MOST_NAMED = 5


def demand_known(
    *, org: Organization, audience: dict[str, list[str]], parts: tuple[str, ...] = AT_SAVE
) -> None:
    """400 that names what is no list, contact or tag here: a typo in `exclude` would text everybody.

    A draft may name a tag that nobody has yet, but not start with it. What is excluded is looked at again at the start:
    its list may have been deleted since.
    """
    for part in parts:
        if unknown := _unknown(org, part, list(dict.fromkeys(_ids(audience.get(part))))):
            named = ", ".join(f"“{one[:40]}”" for one in unknown[:MOST_NAMED])
            more = f" and {len(unknown) - MOST_NAMED:,} more" if len(unknown) > MOST_NAMED else ""
            raise unreadable(
                f"audience.{part}", f"There is no such {NOUNS[part]}: {named}{more}.", "not_found"
            )


def _unknown(org: Organization, part: str, given: list[str]) -> list[str]:
    ids = {one: pk for one in given if (pk := _uuid(one))}
    known: set[str] = set()
    for model in (ContactList, Contact):
        if part in (("lists", "exclude") if model is ContactList else ("contacts", "exclude")) and ids:
            rows = model.objects.for_org(org).filter(pk__in=list(ids.values()))
            found = set(rows.values_list("pk", flat=True))
            known |= {one for one, pk in ids.items() if pk in found}
    if part in ("tags", "exclude"):
        tagged = Contact.objects.for_org(org)
        known |= {one for one in given if one not in known and tagged.filter(tags__contains=[one]).exists()}
    return [one for one in given if one not in known]


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
    return [pk for one in given if (pk := _uuid(one))]


def _uuid(given: Any) -> UUID | None:
    try:
        return UUID(str(given))
    except ValueError:
        return None
