"""When a cap was last set: counts are seeded once with what was sent before. Existing caps are seeded anew."""

from django.db import migrations, models
from django.db.models import Q
from django.utils import timezone


def seed_existing_caps(apps, schema_editor):
    organizations = apps.get_model("tenants", "Organization").objects
    organizations.filter(Q(daily_cap__isnull=False) | Q(monthly_cap__isnull=False)).update(
        caps_since=timezone.now()
    )


class Migration(migrations.Migration):
    dependencies = [("tenants", "0008_idempotency_keys")]

    operations = [
        migrations.AddField(
            "organization",
            "caps_since",
            models.DateTimeField(
                editable=False,
                help_text="when a cap was last set or changed; what was sent before it counts too",
                null=True,
            ),
        ),
        migrations.RunPython(seed_existing_caps, migrations.RunPython.noop),
    ]
