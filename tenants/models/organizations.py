from django.contrib.postgres.fields import ArrayField
from django.db import models

from tenants.models.assignees import Assignee
from tenants.models.fields import NameField
from tenants.scoping import new_id

EVERY_COUNTRY = "*"


class StopScope(models.TextChoices):
    """How far a STOP reaches; the words of OptOut.Scope."""

    ORG = "org"
    SENDER = "sender"
    PROGRAM = "program"


class Organization(models.Model):
    """The tenant: one customer company."""

    StopScope = StopScope

    class QuietHours(models.TextChoices):
        BY_COUNTRY = "by_country"
        OFF = "off"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = NameField(max_length=120)
    country = models.CharField(max_length=2)
    timezone = models.CharField(max_length=64, default="UTC")
    allowed_countries = ArrayField(models.CharField(max_length=2), default=list, blank=True)
    stop_scope = models.CharField(max_length=8, choices=StopScope.choices, default=StopScope.ORG)
    quiet_hours = models.CharField(max_length=12, choices=QuietHours.choices, default=QuietHours.BY_COUNTRY)
    quiet_hours_reason = NameField(max_length=300, blank=True)
    daily_cap = models.PositiveIntegerField(
        null=True, blank=True, help_text="segments a day; empty is no cap"
    )
    monthly_cap = models.PositiveIntegerField(
        null=True, blank=True, help_text="segments a month; empty is no cap"
    )
    caps_since = models.DateTimeField(
        null=True,
        editable=False,
        help_text="when a cap was last set or changed; what was sent before it counts too",
    )
    mps = models.PositiveIntegerField(
        null=True, blank=True, help_text="segments a second of all its senders together; empty is no limit"
    )
    require_consent = models.BooleanField(default=False)
    business_hours = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    assignee = models.OneToOneField(
        Assignee, models.SET_NULL, null=True, editable=False, related_name="organization"
    )

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        """Also keeps the org's own Assignee row: the whole organization can hold a Sender ID."""
        super().save(*args, **kwargs)  # type: ignore[arg-type]
        Assignee.unscoped.update_or_create(
            id=self.pk, defaults={"org_id": self.pk, "kind": Assignee.Kind.ORGANIZATION, "name": self.name}
        )
        if self.assignee_id is None:
            Organization.objects.filter(pk=self.pk).update(assignee_id=self.pk)
            self.assignee_id = self.pk

    @property
    def reaches_every_country(self) -> bool:
        return EVERY_COUNTRY in self.allowed_countries

    def may_reach(self, country: str) -> bool:
        return self.reaches_every_country or country in self.allowed_countries
