"""What an org calls a person becomes the membership's own; an invitation is a row. First step: add."""

import django.db.models.deletion
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models

import tenants.scoping


class Migration(migrations.Migration):
    dependencies = [("tenants", "0004_seal_second_factors")]

    operations = [
        migrations.AddField("membership", "email", models.EmailField(default="", max_length=254), preserve_default=False),
        migrations.AddField("membership", "name", models.CharField(default="", max_length=120), preserve_default=False),
        migrations.AddField("membership", "title", models.CharField(blank=True, max_length=120)),
        migrations.AddField("membership", "accepted_at", models.DateTimeField(blank=True, null=True)),
        migrations.AlterField(
            "membership",
            "user",
            models.ForeignKey(
                blank=True,
                help_text="empty until accepted",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="memberships",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            "apikey",
            "made_with",
            tenants.scoping.TenantForeignKey(
                blank=True,
                db_constraint=False,
                help_text="the key that made it",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="made",
                to="tenants.apikey",
            ),
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.UUIDField(default=tenants.scoping.new_id, editable=False, primary_key=True, serialize=False)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, help_text="when the mail server took it", null=True)),
                (
                    "invited_by",
                    tenants.scoping.TenantForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="tenants.membership",
                    ),
                ),
                (
                    "member",
                    tenants.scoping.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="invitations",
                        to="tenants.membership",
                    ),
                ),
                (
                    "org",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.organization"
                    ),
                ),
            ],
            options={"abstract": False, "base_manager_name": "unscoped", "default_manager_name": "unscoped"},
            managers=[("unscoped", django.db.models.manager.Manager())],
        ),
    ]
