"""Contacts' zones were the first of libphonenumber's list, by the alphabet: a Moscow mobile lay in Almaty.

A zone that the number could not have been given by that rule was set by hand and stays.
"""

from django.db import migrations
from phonenumbers import NumberParseException, parse, timezone

from senderid.time_zones import zones_of_country, zones_of_number

PORTION = 2000


def former_zone(number):
    zones = timezone.time_zones_for_number(number)
    return zones[0] if zones and zones[0] != "Etc/Unknown" else "UTC"


def zone_of(contact):
    """(zone, source) of a contact as it is now known."""
    try:
        number = parse(contact.number)
    except NumberParseException:
        return contact.timezone, ""
    if contact.timezone != former_zone(number):
        return contact.timezone, "manual"
    zones = zones_of_number(number, contact.country)
    if len(zones) > 1:
        return "", ""
    return zones[0], "country" if len(zones_of_country(contact.country)) == 1 else "area_code"


def recompute(apps, _editor):
    Contact = apps.get_model("messaging", "Contact")
    rows = Contact._base_manager.filter(number__startswith="+").only("number", "country", "timezone")
    last = None
    while True:
        portion = list((rows.filter(pk__gt=last) if last else rows).order_by("pk")[:PORTION])
        if not portion:
            return
        for contact in portion:
            contact.timezone, contact.timezone_source = zone_of(contact)
        Contact._base_manager.bulk_update(portion, ["timezone", "timezone_source"])
        last = portion[-1].pk


class Migration(migrations.Migration):
    dependencies = [("messaging", "0011_contact_zone_sources")]
    operations = [migrations.RunPython(recompute, migrations.RunPython.noop)]
