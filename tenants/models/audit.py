from django.db import models

from tenants.models.api_keys import ApiKey
from tenants.models.people import Membership
from tenants.scoping import TenantForeignKey, TenantOwned


class AuditEntry(TenantOwned):
    """Who did what to what, and on whose behalf. Never changed, never deleted."""

    at = models.DateTimeField(auto_now_add=True)
    action = models.CharField(max_length=64)
    target_kind = models.CharField(max_length=32)
    target_id = models.UUIDField(null=True)
    actor = TenantForeignKey(Membership, models.SET_NULL, null=True, related_name="+")
    on_behalf_of = TenantForeignKey(Membership, models.SET_NULL, null=True, related_name="+")
    api_key = TenantForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+")
    text = models.CharField(max_length=500)
    details = models.JSONField(default=dict)

    class Meta(TenantOwned.Meta):
        indexes = [models.Index(fields=["org", "target_id", "-at"]), models.Index(fields=["org", "-at"])]
