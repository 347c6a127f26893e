"""One handset was two contacts where a country changed how its mobiles are written (Mexico's 1, Brazil's ninth digit,
Argentina's 9). Numbers are rewritten as they are read now; where that contact exists too, both stay, and opt-outs and
consent count for the one that is texted.
"""

from django.db import migrations
from django.db.models import Q

from senderid.phone_numbers import parse_received

PORTION = 2000
CONCERNED = Q(number__startswith="+52") | Q(number__startswith="+54") | Q(number__startswith="+55")


def rewrite(apps, _editor):
    for name in ("OptOut", "ConsentEntry"):
        for row in _old_spellings(apps.get_model("messaging", name)):
            _rewrite(row, "opted_out_once" if name == "OptOut" else "")
    for row in _old_spellings(apps.get_model("messaging", "Contact")):
        _rewrite(row, "one_contact_per_number")


def _old_spellings(model):
    for row in model._base_manager.filter(CONCERNED).order_by("pk").iterator(PORTION):
        number = parse_received(row.number)
        if number is not None and number.e164 != row.number:
            row.number, row.spelled = number.e164, number
            yield row


def _rewrite(row, unique):
    rows = type(row)._base_manager.filter(org_id=row.org_id, number=row.number)
    if unique == "opted_out_once":
        rows = rows.filter(scope=row.scope, sender_id=row.sender_id, program_id=row.program_id)
    if unique and rows.exists():
        return
    fields = ["number"]
    if unique == "one_contact_per_number" and row.country != row.spelled.country:
        row.country = row.spelled.country
        fields.append("country")
    row.save(update_fields=fields)


class Migration(migrations.Migration):
    dependencies = [("messaging", "0018_seeded_usage")]
    operations = [migrations.RunPython(rewrite, migrations.RunPython.noop)]
