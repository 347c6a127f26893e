"""Second step: numbers that could send where a registration is required from now on keep sending.

A sender of the carrier simulator is registered as `registration.register_simulated` does for new ones. Any other
active number gets an approved registration whose reference says that nobody proved it. What an admin recorded as
rejected or expired stays: it is known not to be usable.
"""

from typing import Any

from django.db import migrations

# The countries and kinds as at this migration; the table itself is loaded after it.
REQUIRED = {
    "US": {
        "long_code": "10DLC campaign registration",
        "toll_free": "toll-free verification",
        "short_code": "carrier approval",
    },
    "CA": {"toll_free": "toll-free verification", "short_code": "carrier approval"},
    "CN": {"long_code": "message template registration", "short_code": "message template registration"},
}
SIMULATED, CARRIED_OVER = "simulator", "carried over at upgrade, not verified"


def correct_rules(apps: Any, schema_editor: Any) -> None:
    """Also those that the operator corrected, which a reload leaves alone."""
    for country, kinds in REQUIRED.items():
        columns = {f"{kind}_registration": required for kind, required in kinds.items()}
        apps.get_model("senderid", "CountryRule").objects.filter(pk=country).update(**columns)


def carry_over(apps: Any, schema_editor: Any) -> None:
    registrations = apps.get_model("senderid", "Registration")._base_manager
    senders = apps.get_model("senderid", "SenderId")._base_manager.exclude(status="retired")
    fresh = []
    for sender in senders.select_related("provider_account").iterator():
        simulated = sender.provider_account.is_simulator and sender.kind != "alphanumeric"
        if not simulated and sender.status != "active":
            continue
        for country in _countries(sender, simulated):
            if not _carry_over_existing(registrations.filter(sender_id=sender.pk, country=country)):
                fresh.append(
                    registrations.model(
                        org_id=sender.org_id,
                        sender_id=sender.pk,
                        country=country,
                        status="approved",
                        reference=SIMULATED if simulated else CARRIED_OVER,
                    )
                )
    registrations.bulk_create(fresh, batch_size=2000)


def _countries(sender: Any, simulated: bool) -> list[str]:
    """Where it needs a registration; the simulator's at home in any case."""
    reached = [country for country, kinds in REQUIRED.items() if sender.kind in kinds]
    at_home = [country for country in reached if sender.kind == "toll_free" or country == sender.country]
    return sorted({*at_home, sender.country} if simulated else at_home)


def _carry_over_existing(rows: Any) -> bool:
    """Whether there is one already; one that says neither yes nor no is approved, and keeps what it said."""
    row = rows.first()
    if row is not None and row.status in ("draft", "submitted", "not_needed"):
        was = f"{CARRIED_OVER}; was {row.status.replace('_', ' ')} {row.reference}".strip()
        rows.update(status="approved", reference=was[:80])
    return row is not None


def carry_over_not_needed(apps: Any, schema_editor: Any) -> None:
    """“Not needed” counted as approved for names too; from now on only approved does."""
    rules = apps.get_model("senderid", "CountryRule").objects.filter(alphanumeric="registration_required")
    rows = apps.get_model("senderid", "Registration")._base_manager.filter(
        status="not_needed", sender__kind="alphanumeric", sender__status="active", country__in=rules.values("pk")
    )
    for row in rows.iterator():
        row.status, row.reference = "approved", f"{CARRIED_OVER}; was not needed {row.reference}".strip()[:80]
        row.save(update_fields=["status", "reference"])


class Migration(migrations.Migration):
    dependencies = [("senderid", "0005_numeric_registrations")]

    operations = [
        migrations.RunPython(correct_rules, migrations.RunPython.noop),
        migrations.RunPython(carry_over, migrations.RunPython.noop),
        migrations.RunPython(carry_over_not_needed, migrations.RunPython.noop),
    ]
