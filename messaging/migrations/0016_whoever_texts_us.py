"""Senders of any length, and contacts that are unknown have no name instead of one that says so."""

from django.db import migrations, models

TEXT = models.CharField(max_length=64)
WIDER = [
    ("contact", "number"), ("message", "to"), ("message", "from_value"), ("inboundevent", "to"),
    ("inboundevent", "from_value"), ("optout", "number"), ("consententry", "number"),
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("messaging", "0015_search_names")]

    operations = [
        *(migrations.AlterField(model, name, TEXT) for model, name in WIDER),
        migrations.RunSQL(
            "UPDATE messaging_contact SET name = '' WHERE name = 'Unknown ' || number", migrations.RunSQL.noop
        ),
    ]
