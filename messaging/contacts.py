"""Contacts: found by number, made on first sight."""

from typing import Any

from django.contrib.postgres.aggregates import StringAgg
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError, QuerySet, TextField, Value
from django.db.models.functions import MD5, Cast, Coalesce

from messaging.models import Contact, ContactList, ContactListEntry
from senderid.phone_numbers import Number, national, parse, parse_received, read_number
from senderid.searching import matches
from senderid.time_zones import zones_of_country
from tenants import audit
from tenants.errors import DomainError, unreadable
from tenants.kept import Kept, typed
from tenants.models import Membership, Organization
from tenants.rows import build, columns
from tenants.scoping import new_id
from tenants.times import is_zone

MADE_OR_FOUND = Kept(
    "made_or_found_contact",
    f"""
    WITH made AS (
      INSERT INTO messaging_contact AS c
        (id, org_id, number, name, country, timezone, timezone_source, tags, attributes, created_at)
      VALUES (%(id)s, %(org)s, %(number)s, '', %(country)s, %(timezone)s, %(timezone_source)s, '{{}}', '{{}}', now())
      ON CONFLICT (org_id, number) DO NOTHING RETURNING {columns(Contact, "c")}
    )
    SELECT * FROM made UNION ALL
    SELECT {columns(Contact, "c")} FROM messaging_contact c
    WHERE c.org_id = %(org)s AND c.number = %(number)s AND NOT EXISTS (SELECT FROM made)
    """,  # noqa: S608 - only our own names are put in
    takes={
        "id": "uuid",
        "org": "uuid",
        "number": "text",
        "country": "text",
        "timezone": "text",
        "timezone_source": "text",
    },
    gives=typed(Contact),
)


def save_contact(
    *,
    org: Organization,
    number: str,
    name: str = "",
    owner: Membership | None = None,
    tags: list[str] | None = None,
    attributes: dict[str, Any] | None = None,
    timezone: str = "",
) -> Contact:
    """A new contact; 422 `duplicate` when the number is known, 400 when it is none."""
    found = read_number(number, country=org.country)
    contact = Contact(
        org=org,
        number=found.e164,
        name=name.strip(),
        country=found.country,
        **(zone_set_by_hand(timezone) if timezone else zone_of(found)),
        owner=owner,
        tags=clean_tags(tags or []),
        attributes=attributes or {},
    )
    try:
        with transaction.atomic():
            contact.save()
    except IntegrityError:
        known = Contact.objects.for_org(org).get(number=found.e164)
        text = f"{national(found.e164)} is a contact already: {known}."
        raise DomainError("duplicate", text, field="number", contact=str(known.pk))
    return contact


def find_contacts(
    *, org: Organization, words: str = "", tag: str = "", owner: Membership | None = None
) -> QuerySet[Contact]:
    """By name or number (also digits inside one), a tag, an owner; newest first."""
    rows = Contact.objects.for_org(org).select_related("owner__user")
    if words:
        rows = rows.filter(
            matches(words, country=org.country, numbers=("number",), folded_names=("search_name",))
        )
    if tag:
        rows = rows.filter(tags__contains=[tag])
    if owner is not None:
        rows = rows.filter(owner=owner)
    return rows.order_by("-pk")


def contact_for(*, org: Organization, number: Number) -> Contact:
    """The contact of a parsed number, made if new."""
    return _made_or_found(org, number.e164, country=number.country, **zone_of(number))


def contact_of_sender(*, org: Organization, value: str) -> Contact:
    """Who texted us: a number, a short code or a name; made without a name if new."""
    number = parse_received(value)
    if number is not None:
        return contact_for(org=org, number=number)
    return _made_or_found(org, value, country="", timezone=org.timezone, timezone_source="")


def _made_or_found(org: Organization, number: str, **values: str) -> Contact:
    with connection.cursor() as cursor:
        given = {"id": new_id(), "org": org.pk, "number": number, **values}
        row = MADE_OR_FOUND.ask(cursor, given).fetchone()
    if row is None:  # made by somebody else since this statement began
        return Contact.objects.for_org(org).get(number=number)
    return build(Contact, row)


def zone_of(number: Number) -> dict[str, str]:
    """The columns `timezone` and `timezone_source` as far as a number tells; both '' when several zones remain."""
    source = Contact.TimezoneSource
    if not number.timezone:
        return {"timezone": "", "timezone_source": ""}
    only = len(zones_of_country(number.country)) == 1
    return {"timezone": number.timezone, "timezone_source": source.COUNTRY if only else source.AREA_CODE}


def zone_set_by_hand(name: str) -> dict[str, str]:
    """The same two columns; 400 when `name` is not an IANA time zone."""
    if not is_zone(name):
        raise unreadable("timezone", f"“{name}” isn't a time zone; use a name like Europe/Berlin.")
    return {"timezone": name, "timezone_source": Contact.TimezoneSource.MANUAL}


def _changed_zone(contact: Contact, name: str) -> dict[str, str]:
    """Set by hand, or back to what the number tells when emptied."""
    if name:
        return zone_set_by_hand(name)
    number = parse(contact.number)
    return zone_of(number) if number else {"timezone": "", "timezone_source": ""}


def clean_tags(tags: list[str]) -> list[str]:
    """Trimmed, without repeats, in order."""
    return list(dict.fromkeys(tag for tag in (" ".join(str(t).split())[:40] for t in tags) if tag))


def write_changes(*, contact: Contact, **changes: Any) -> Contact:
    """Changes name, owner, tags, attributes (merged; null takes one away), timezone. Who may: `contact_changes`."""
    if "tags" in changes:
        changes["tags"] = clean_tags(changes["tags"])
    if "attributes" in changes:
        merged = {**contact.attributes, **changes["attributes"]}
        changes["attributes"] = {name: value for name, value in merged.items() if value is not None}
    if "timezone" in changes and changes["timezone"] != contact.timezone:
        changes |= _changed_zone(contact, changes["timezone"])
    for field, value in changes.items():
        setattr(contact, field, value)
    contact.save(update_fields=list(changes))
    return contact


def delete_contact(*, contact: Contact) -> None:
    """Deletes a contact nobody has texted with; 422 `in_use` otherwise."""
    try:
        with transaction.atomic():
            audit.note(
                org_id=contact.org_id, action="contact.deleted", target=contact, text=f"{contact} deleted"
            )
            contact.delete()
    except ProtectedError:
        text = f"{contact} has texts; they would be lost. Take the tags and lists away instead."
        raise DomainError("in_use", text)


@transaction.atomic
def save_list(
    *,
    org: Organization,
    name: str,
    contact_ids: list[Any] | None = None,
    contact_list: ContactList | None = None,
) -> ContactList:
    """Makes or changes a list; `contact_ids` replaces its contacts. 400 names the first unknown id."""
    row = contact_list or ContactList(org=org)
    same = ContactList.objects.for_org(org).filter(name=name.strip()).exclude(pk=row.pk)
    if same.exists():
        raise DomainError("duplicate", f"There is a list “{name.strip()}” already.", field="name")
    row.name = name.strip()
    row.save()
    if contact_ids is None:
        return row
    wanted = list(dict.fromkeys(contact_ids))
    known = set(Contact.objects.for_org(org).filter(pk__in=wanted).values_list("pk", flat=True))
    missing = next((pk for pk in wanted if pk not in known), None)
    if missing is not None:
        raise unreadable("contacts", f"There is no contact {missing}.", "not_found")
    entries = ContactListEntry.objects.for_org(org)
    entries.filter(contact_list=row).exclude(contact__in=wanted).delete()
    rows = [ContactListEntry(org=org, contact_list=row, contact_id=pk) for pk in wanted]
    entries.bulk_create(rows, batch_size=2000, ignore_conflicts=True)
    return row


def digest_of_list(*, org: Organization, contact_list: ContactList) -> str:
    """Tells one set of contacts from another; the list need not be read for it."""
    entries = ContactListEntry.objects.for_org(org).filter(contact_list=contact_list)
    ids = StringAgg(Cast("contact_id", TextField()), Value(","), order_by="contact_id")
    found: str = entries.aggregate(digest=Coalesce(MD5(ids), Value(""), output_field=TextField()))["digest"]
    return found
