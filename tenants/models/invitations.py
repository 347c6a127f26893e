from django.db import models
from django.utils import timezone

from tenants.models.people import Membership
from tenants.scoping import TenantForeignKey, TenantOwned


class Invitation(TenantOwned):
    """One invitation email. The link holds a secret of which only the SHA-256 is kept; the newest one counts."""

    member = TenantForeignKey(Membership, models.CASCADE, related_name="invitations")
    digest = models.CharField(max_length=64, unique=True)
    invited_by = TenantForeignKey(Membership, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True, help_text="when the mail server took it")

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()
