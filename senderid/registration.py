"""Where a sender stands with each country's register."""

from datetime import datetime

from django.utils import timezone

from senderid.models import Registration, SenderId
from tenants import audit
from tenants.errors import unreadable
from tenants.limits import readable_country

Status = Registration.Status


def register(
    *, sender: SenderId, country: str, status: str, reference: str = "", expires_at: datetime | None = None
) -> Registration:
    """Sets the registration of a sender in a country; `status` is a Registration.Status."""
    country = readable_country(country)
    if status not in Status.values:
        raise unreadable("status", f"“{status}” is no status; there are: {', '.join(Status.values)}.")
    row, _ = Registration.objects.for_org(sender.org_id).update_or_create(
        sender=sender,
        country=country,
        defaults={"status": status, "reference": reference, "expires_at": expires_at},
    )
    audit.note(
        org_id=sender.org_id,
        action="registration.changed",
        target=sender,
        text=f"{sender.display} in {country}: {status}",
        reference=reference,
    )
    return row


def is_approved(registration: Registration | None) -> bool:
    """Approved, or said to need none, and not run out."""
    if registration is None or registration.status not in (Status.APPROVED, Status.NOT_NEEDED):
        return False
    return registration.expires_at is None or registration.expires_at > timezone.now()
