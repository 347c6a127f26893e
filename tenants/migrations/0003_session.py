from django.db import migrations, models


class Migration(migrations.Migration):
    """Sessions are found by a digest; those that exist hold usable keys and end here."""

    dependencies = [("sessions", "0001_initial"), ("tenants", "0002_rate_of_an_organization")]

    operations = [
        migrations.CreateModel(
            name="Session",
            fields=[
                ("session_key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
            ],
            options={"verbose_name": "session", "verbose_name_plural": "sessions", "abstract": False},
        ),
        migrations.RunSQL("DELETE FROM django_session", migrations.RunSQL.noop),
    ]
