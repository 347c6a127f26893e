from django.db import models
from django.db.models import Q
from django.utils import timezone

from senderid.models.senders import SenderId
from tenants.models import Assignee, Delegation
from tenants.scoping import TenantForeignKey, TenantOwned

ALL_COUNTRIES = ""


class Assignment(TenantOwned):
    """One Sender ID given to one assignee, with its rules."""

    sender = TenantForeignKey(SenderId, models.CASCADE, related_name="assignments")
    assignee = TenantForeignKey(Assignee, models.CASCADE, related_name="assignments")
    is_default = models.BooleanField(default=False)
    priority = models.PositiveSmallIntegerField(default=100)
    can_send = models.BooleanField(default=True)
    can_read = models.BooleanField(default=True)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["sender", "assignee"], name="assigned_once")]
        indexes = [models.Index(fields=["org", "assignee"])]

    @staticmethod
    def live(at: object = None, prefix: str = "") -> Q:
        """Those that count at `at` (default now)."""
        at = at or timezone.now()
        return (Q(**{f"{prefix}valid_from__isnull": True}) | Q(**{f"{prefix}valid_from__lte": at})) & (
            Q(**{f"{prefix}valid_until__isnull": True}) | Q(**{f"{prefix}valid_until__gt": at})
        )

    @property
    def is_live(self) -> bool:
        now = timezone.now()
        return (self.valid_from is None or self.valid_from <= now) and (
            self.valid_until is None or self.valid_until > now
        )

    @property
    def country_codes(self) -> list[str]:
        """ISO codes it is limited to; empty is all."""
        return sorted(row.country for row in self.countries.all() if row.country)


class AssignmentCountry(TenantOwned):
    """A country of an assignment; '' for all. Rows, so that "one default per assignee and country" is a constraint."""

    assignment = TenantForeignKey(Assignment, models.CASCADE, related_name="countries")
    assignee = TenantForeignKey(Assignee, models.CASCADE, related_name="+")
    country = models.CharField(max_length=2, blank=True)
    is_default = models.BooleanField(default=False)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["assignment", "country"], name="country_once"),
            models.UniqueConstraint(
                fields=["assignee", "country"], condition=Q(is_default=True), name="one_default"
            ),
        ]


class DelegatedSender(TenantOwned):
    """A sender that a delegation covers, when it does not cover all."""

    delegation = TenantForeignKey(Delegation, models.CASCADE, related_name="chosen_senders")
    sender = TenantForeignKey(SenderId, models.CASCADE, related_name="+")

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["delegation", "sender"], name="delegated_once")]
