"""What an org says about where and how much it sends."""

from typing import Any

import phonenumbers
from django.utils import timezone

from tenants import audit
from tenants.errors import DomainError, unreadable
from tenants.models import Organization
from tenants.models.organizations import EVERY_COUNTRY
from tenants.names import single_line
from tenants.times import is_zone

CAPS = ("daily_cap", "monthly_cap")
MOST_SEGMENTS = 2_000_000_000
COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)


def readable_country(given: str, field: str = "country") -> str:
    """An ISO 3166-1 alpha-2 code in capitals; 400 otherwise."""
    code = (given or "").strip().upper()
    if code not in COUNTRIES:
        raise unreadable(
            field, f"“{given}” is no country; give two letters as in US, GB, DE.", "unknown_country"
        )
    return code


def change_organization(*, org: Organization, **changes: Any) -> Organization:
    """Changes settings; `allowed_countries` is a list of ISO codes or "all"; quiet hours off needs a reason."""
    if "country" in changes:
        changes["country"] = readable_country(changes["country"])
    if "timezone" in changes and not is_zone(changes["timezone"]):
        raise unreadable(
            "timezone", f"“{changes['timezone']}” is no time zone; give one as in Europe/Berlin."
        )
    if "allowed_countries" in changes:
        changes["allowed_countries"] = _countries(changes["allowed_countries"])
    if "name" in changes:
        changes["name"] = single_line(changes["name"])
    if "quiet_hours_reason" in changes:
        changes["quiet_hours_reason"] = single_line(changes["quiet_hours_reason"])
    changed = audit.differing(org, changes)
    cap_changes = _changes_a_cap(org, changes)
    for field, value in changes.items():
        setattr(org, field, value)
    if org.quiet_hours == Organization.QuietHours.OFF and not org.quiet_hours_reason.strip():
        raise DomainError(
            "reason_needed",
            "Say why quiet hours are off; it is kept in the audit.",
            field="quiet_hours_reason",
        )
    if cap_changes:
        org.caps_since = timezone.now()
    org.save(update_fields=[*changes, "caps_since"] if cap_changes else list(changes))
    audit.note(
        org_id=org.pk,
        action="organization.changed",
        target=org,
        text=f"Changed {', '.join(changed)}" if changed else "Saved without changes",
        changed=changed,
        **_plain(changes),
    )
    return org


def _changes_a_cap(org: Organization, changes: dict[str, Any]) -> bool:
    """Whether a cap gets a value it does not have in the database now."""
    caps = {name: changes[name] for name in CAPS if changes.get(name) is not None}
    return bool(caps) and not Organization.objects.filter(pk=org.pk, **caps).exists()


def _countries(given: Any) -> list[str]:
    if given == "all" or given == [EVERY_COUNTRY]:
        return [EVERY_COUNTRY]
    return sorted({readable_country(code, "allowed_countries") for code in given})


def _plain(changes: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, int | bool | list | None) else str(value)
        for name, value in changes.items()
    }
