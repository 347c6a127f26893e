from django.db import models
from django.db.models import Q

from messaging.models.programs import Program
from senderid.models import SenderId
from tenants.models import Membership
from tenants.scoping import TenantForeignKey, TenantOwned


class OptOut(TenantOwned):
    """A number that may not be texted, within a scope."""

    class Scope(models.TextChoices):
        ORG = "org"
        SENDER = "sender"
        PROGRAM = "program"

    class Source(models.TextChoices):
        TEXT = "text"
        MANUAL = "manual"
        API = "api"
        PROVIDER = "provider"

    number = models.CharField(max_length=64)
    scope = models.CharField(max_length=7, choices=Scope.choices)
    sender = TenantForeignKey(SenderId, models.CASCADE, null=True, blank=True, related_name="+")
    program = TenantForeignKey(Program, models.CASCADE, null=True, blank=True, related_name="+")
    source = models.CharField(max_length=8, choices=Source.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["org", "number", "scope", "sender", "program"],
                name="opted_out_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(scope="org", sender__isnull=True, program__isnull=True)
                | Q(scope="sender", sender__isnull=False, program__isnull=True)
                | Q(scope="program", program__isnull=False),
                name="opt_out_says_its_scope",
            ),
        ]


class ConsentEntry(TenantOwned):
    """The consent log: append-only, exportable per number."""

    class What(models.TextChoices):
        OPT_OUT = "opt_out"
        OPT_IN = "opt_in"
        CONSENT = "consent"

    number = models.CharField(max_length=64)
    what = models.CharField(max_length=8, choices=What.choices)
    scope = models.CharField(max_length=7)
    sender = TenantForeignKey(SenderId, models.SET_NULL, null=True, related_name="+")
    program = TenantForeignKey(Program, models.SET_NULL, null=True, related_name="+")
    source = models.CharField(max_length=40)
    words = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=8, blank=True)
    member = TenantForeignKey(Membership, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        indexes = [models.Index(fields=["org", "number", "-at"])]


class Usage(TenantOwned):
    """Segments counted against a cap: one row per org and period ("day 2026-11-22", "month 2026-11")."""

    period = models.CharField(max_length=20)
    segments = models.PositiveIntegerField(default=0)
    seeded_at = models.DateTimeField(
        null=True, help_text="when it was set to the sum of what was sent before"
    )

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "period"], name="one_count_per_period")]
