"""Contacts: found by number, made on first sight."""

from typing import Any

from django.db import IntegrityError, transaction

from messaging.models import Contact
from senderid.phone_numbers import Number, national, parse, read_number
from tenants.errors import DomainError
from tenants.models import Membership, Organization


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
        timezone=timezone or found.timezone,
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


def contact_for(*, org: Organization, number: Number) -> Contact:
    """The contact of a parsed number, made if new."""
    contact, _ = Contact.objects.for_org(org).get_or_create(
        number=number.e164, defaults={"country": number.country, "timezone": number.timezone}
    )
    return contact


def contact_of_sender(*, org: Organization, value: str) -> Contact:
    """Who texted us: a number, a short code or a name; made as "Unknown …" if new."""
    number = parse(value)
    contact, _ = Contact.objects.for_org(org).get_or_create(
        number=number.e164 if number else value[:16],
        defaults={
            "name": f"Unknown {national(number.e164) if number else value}",
            "country": number.country if number else "",
            "timezone": number.timezone if number else org.timezone,
        },
    )
    return contact


def clean_tags(tags: list[str]) -> list[str]:
    """Trimmed, without repeats, in order."""
    return list(dict.fromkeys(tag for tag in (" ".join(str(t).split())[:40] for t in tags) if tag))
