from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0010_lean_indexes")]

    operations = [
        migrations.AddField(
            "contact",
            "timezone_source",
            models.CharField(
                blank=True,
                choices=[
                    ("country", "The country's only zone"),
                    ("area_code", "Area code"),
                    ("manual", "Set by hand"),
                    ("import", "Import"),
                ],
                db_default="",
                default="",
                max_length=9,
            ),
        ),
        migrations.AlterField(
            "contact",
            "timezone",
            models.CharField(
                blank=True, default="", help_text="'' while several are possible", max_length=64
            ),
        ),
    ]
