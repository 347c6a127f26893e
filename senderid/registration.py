"""A sender's registration in each country: what `country_rules.with_registration` reads.

Senders of the carrier simulator are registered by themselves: nothing is real there, and they can send at once.
"""

from datetime import datetime

from django.utils import timezone

from senderid.models import CountryRule, Kind, Registration, SenderId
from tenants import audit
from tenants.errors import DomainError, unreadable
from tenants.errors import register as register_codes
from tenants.limits import readable_country

Status = Registration.Status
SIMULATED = "simulator"


def register(
    *, sender: SenderId, country: str, status: str, reference: str = "", expires_at: datetime | None = None
) -> Registration:
    """Sets the registration of a sender in a country; `status` is a Registration.Status. 422 for an expiry that does
    not fit the status: `expiry_in_past`, `expiry_to_come`."""
    country = readable_country(country)
    if status not in Status.values:
        raise unreadable("status", f"“{status}” is no status; there are: {', '.join(Status.values)}.")
    _check_expiry(status, expires_at)
    values = {"status": status, "reference": reference, "expires_at": expires_at}
    rows = Registration.objects.for_org(sender.org_id)
    before = rows.filter(sender=sender, country=country).first() or Registration()
    changed = [f"registration.{country}.{name}" for name in audit.differing(before, values)]
    row, _ = rows.update_or_create(sender=sender, country=country, defaults=values)
    audit.note(
        org_id=sender.org_id,
        action="registration.changed",
        target=sender,
        text=f"{sender.display} in {country}: {status}",
        reference=reference,
        changed=changed,
    )
    return row


def _check_expiry(status: str, expires_at: datetime | None) -> None:
    if expires_at is None:
        return
    is_past = expires_at <= timezone.now()
    if is_past and status != Status.EXPIRED:
        text = "This date is in the past. Enter a later one, or set the status to expired."
        raise DomainError("expiry_in_past", text, field="expires_at")
    if not is_past and status == Status.EXPIRED:
        text = "An expired registration can’t expire in the future. Enter when it expired, or leave it blank."
        raise DomainError("expiry_to_come", text, field="expires_at")


def register_simulated(sender: SenderId) -> None:
    """Approves a new number of the simulator at home, and wherever else its kind needs a registration."""
    if not sender.is_numeric or not sender.provider_account.is_simulator:
        return
    countries = {sender.country}
    if sender.kind == Kind.TOLL_FREE:  # the only kind that needs one abroad
        countries |= set(CountryRule.objects.exclude(toll_free_registration="").values_list("pk", flat=True))
    rows = [
        Registration(
            org_id=sender.org_id, sender=sender, country=country, status=Status.APPROVED, reference=SIMULATED
        )
        for country in sorted(countries)
    ]
    Registration.objects.for_org(sender.org_id).bulk_create(rows)


register_codes(
    {
        "expiry_in_past": "The registration’s expiry has passed; only an expired registration has one in the past.",
        "expiry_to_come": "An expired registration can’t expire in the future.",
    }
)
