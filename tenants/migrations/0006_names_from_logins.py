"""Second step: each membership takes over what its login was called, on one line; addresses nobody proved go."""

from typing import Any

from django.db import migrations

TAKE_OVER = r"""
UPDATE tenants_membership m SET email = u.email, accepted_at = m.created_at,
  name = left(coalesce(nullif(btrim(regexp_replace(u.name, '\s+', ' ', 'g')), ''), u.email), 120)
FROM tenants_user u WHERE u.id = m.user_id
"""


def forget_unproved_addresses(apps: Any, schema_editor: Any) -> None:
    """Anybody could claim any address here; none of those that were not confirmed is a person's."""
    apps.get_model("account", "EmailAddress").objects.filter(verified=False).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0005_members_of_their_own_org"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]

    operations = [
        migrations.RunSQL(TAKE_OVER, migrations.RunSQL.noop),
        migrations.RunPython(forget_unproved_addresses, migrations.RunPython.noop),
    ]
