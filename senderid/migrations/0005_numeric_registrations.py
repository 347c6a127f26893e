"""First step: the registration that a country requires of each numeric kind."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("senderid", "0004_refusals")]

    operations = [
        migrations.AddField(
            model_name="countryrule",
            name="long_code_registration",
            field=models.CharField(
                blank=True,
                default="",
                help_text="what a long code needs before it may send there; empty: nothing",
                max_length=80,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="countryrule",
            name="toll_free_registration",
            field=models.CharField(blank=True, default="", max_length=80),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="countryrule",
            name="short_code_registration",
            field=models.CharField(blank=True, default="", max_length=80),
            preserve_default=False,
        ),
    ]
