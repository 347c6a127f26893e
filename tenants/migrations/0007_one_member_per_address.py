"""Third step: an address once in an org; a login belongs to a membership exactly when it was accepted."""

import django.db.models.functions.text
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("tenants", "0006_names_from_logins")]

    operations = [
        migrations.AddConstraint(
            "membership",
            models.UniqueConstraint(
                models.F("org"), django.db.models.functions.text.Lower("email"), name="one_member_per_address"
            ),
        ),
        migrations.AddConstraint(
            "membership",
            models.CheckConstraint(
                condition=Q(user__isnull=True, accepted_at__isnull=True)
                | Q(user__isnull=False, accepted_at__isnull=False),
                name="a_login_belongs_to_who_accepted",
            ),
        ),
    ]
