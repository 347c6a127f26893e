"""The model of idempotency keys is tenants' now; the table stays."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("messaging", "0013_drafts"), ("tenants", "0008_idempotency_keys")]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("IdempotencyKey")])
    ]
