from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from senderid.models.senders import Kind, SenderId
from tenants.models import Membership
from tenants.models.fields import NameField
from tenants.scoping import TenantForeignKey, TenantOwned


class CountryRule(models.Model):
    """What may be sent to one country; loaded from senderid/data/country_rules.csv, corrected by the operator."""

    country = models.CharField(max_length=2, primary_key=True)
    name = models.CharField(max_length=80)
    calling_code = models.CharField(max_length=4)
    alphanumeric = models.CharField(max_length=24)
    alphanumeric_strictest = models.CharField(max_length=24)
    alphanumeric_agreement = models.CharField(max_length=10)
    long_code = models.CharField(max_length=8)
    long_code_two_way = models.CharField(max_length=8)
    short_code = models.CharField(max_length=8)
    short_code_two_way = models.CharField(max_length=8)
    toll_free = models.CharField(max_length=8)
    foreign_numeric = models.CharField(max_length=12)
    long_code_registration = models.CharField(
        max_length=80, blank=True, help_text="what a long code needs before it may send there; empty: nothing"
    )
    toll_free_registration = models.CharField(max_length=80, blank=True)
    short_code_registration = models.CharField(max_length=80, blank=True)
    notes = models.TextField(blank=True)
    sources = ArrayField(models.CharField(max_length=20), default=list)
    dissent = models.CharField(max_length=300, blank=True, help_text="who says otherwise about names")
    corrected = models.BooleanField(default=False, help_text="by the operator: a reload leaves it alone")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Registration(TenantOwned):
    """Where a sender stands with a country's register."""

    class Status(models.TextChoices):
        NOT_NEEDED = "not_needed"
        DRAFT = "draft"
        SUBMITTED = "submitted"
        APPROVED = "approved"
        REJECTED = "rejected"
        EXPIRED = "expired"

    sender = TenantForeignKey(SenderId, models.CASCADE, related_name="registrations")
    country = models.CharField(max_length=2)
    status = models.CharField(max_length=10, choices=Status.choices)
    reference = NameField(max_length=80, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["sender", "country"], name="one_registration_per_country")
        ]

    @property
    def state(self) -> str:
        """The status that counts now: an approved registration past its expiry is expired."""
        return state_of(self.status, self.expires_at)


IN_FORCE = (Registration.Status.APPROVED, Registration.Status.NOT_NEEDED)


def state_of(status: str, expires_at: datetime | None) -> str:
    """The registration status that counts now, of a stored status and expiry."""
    if expires_at is None or status not in IN_FORCE or expires_at > timezone.now():
        return status
    return Registration.Status.EXPIRED.value


class VerdictOverride(TenantOwned):
    """An admin's own word on (kind, country), with the reason."""

    kind = models.CharField(max_length=12, choices=Kind.choices)
    country = models.CharField(max_length=2)
    verdict = models.CharField(max_length=20)
    reason = models.CharField(max_length=300)
    made_by = TenantForeignKey(Membership, models.SET_NULL, null=True)
    made_at = models.DateTimeField(auto_now=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["org", "kind", "country"], name="one_override_per_country")
        ]
