"""Takes over the table of idempotency keys from messaging: every POST of the API reads it. The table keeps its name."""

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

import tenants.scoping

MODEL = migrations.CreateModel(
    name="IdempotencyKey",
    fields=[
        (
            "id",
            models.UUIDField(
                default=tenants.scoping.new_id, editable=False, primary_key=True, serialize=False
            ),
        ),
        ("key", models.CharField(max_length=200)),
        ("body_hash", models.CharField(help_text="of method, address and body", max_length=64)),
        ("status", models.PositiveSmallIntegerField()),
        ("answer", models.JSONField(help_text="a sealed string when it holds a secret")),
        ("expires_at", models.DateTimeField(db_index=True)),
        (
            "org",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="tenants.organization",
            ),
        ),
    ],
    options={
        "db_table": "messaging_idempotencykey",
        "abstract": False,
        "base_manager_name": "unscoped",
        "default_manager_name": "unscoped",
        "constraints": [models.UniqueConstraint(fields=("org", "key"), name="one_answer_per_key")],
    },
    managers=[("unscoped", django.db.models.manager.Manager())],
)


class Migration(migrations.Migration):
    dependencies = [("tenants", "0007_one_member_per_address"), ("messaging", "0013_drafts")]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[MODEL]),
        migrations.AlterField(
            "idempotencykey",
            "key",
            models.CharField(
                help_text="the header; that of a test key begins with a mark", max_length=210
            ),
        ),
    ]
