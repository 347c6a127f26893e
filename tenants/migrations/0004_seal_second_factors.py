from django.db import migrations

from tenants.sealing import InvalidToken, open_secret, seal

SECRETS = ("secret", "seed")


def seal_all(apps, schema_editor):
    _rewrite(apps, _sealed)


def open_all(apps, schema_editor):
    _rewrite(apps, _opened)


def _rewrite(apps, change):
    for row in apps.get_model("mfa", "Authenticator").objects.iterator():
        row.data |= {name: change(row.data[name]) for name in SECRETS if row.data.get(name)}
        if codes := row.data.get("migrated_codes"):
            row.data["migrated_codes"] = [change(code) for code in codes]
        row.save(update_fields=["data"])


def _sealed(text):
    """Sealed once, however often this runs."""
    return text if _opened(text) != text else seal(text)


def _opened(text):
    try:
        return open_secret(text)
    except InvalidToken:
        return text


class Migration(migrations.Migration):
    dependencies = [("tenants", "0003_session"), ("mfa", "0003_authenticator_type_uniq")]

    operations = [migrations.RunPython(seal_all, open_all)]
