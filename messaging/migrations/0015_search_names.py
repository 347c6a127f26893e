"""Names of contacts on one line and in NFC; a column that holds them as they are searched."""

from django.db import migrations, models

import tenants.names

FLATTEN = r"""
UPDATE messaging_contact SET name = btrim(regexp_replace(normalize(name, NFC), '\s+', ' ', 'g'))
WHERE name ~ '[\t\n\v\f\r]|  |^ | $' OR name IS NOT NFC NORMALIZED
"""


class Migration(migrations.Migration):
    dependencies = [("messaging", "0014_idempotency_keys_move")]

    operations = [
        migrations.RunSQL(FLATTEN, migrations.RunSQL.noop),
        migrations.AddField(
            model_name="contact",
            name="search_name",
            field=models.GeneratedField(
                db_persist=True,
                expression=tenants.names.Folded(models.F("name")),
                output_field=models.TextField(),
            ),
        ),
    ]
