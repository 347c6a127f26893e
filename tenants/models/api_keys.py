from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from tenants.models.fields import NameField
from tenants.models.people import Membership
from tenants.scoping import TenantForeignKey, TenantOwned


class ApiKey(TenantOwned):
    """A key of the REST API; only its SHA-256 is kept."""

    name = NameField(max_length=120)
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=32), default=list)
    sandbox = models.BooleanField(default=False, help_text="reaches only the carrier simulator")
    created_by = TenantForeignKey(Membership, models.SET_NULL, null=True, blank=True)
    made_with = TenantForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="made", help_text="the key that made it"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    @staticmethod
    def live() -> Q:
        return Q(revoked_at__isnull=True) & (Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()))
