"""When a count against a cap was set to the sum of what was sent before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0017_sender_changes"), ("tenants", "0009_caps_since")]

    operations = [
        migrations.AddField(
            "usage",
            "seeded_at",
            models.DateTimeField(null=True, help_text="when it was set to the sum of what was sent before"),
        ),
    ]
