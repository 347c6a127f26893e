import secrets

from django.conf import settings
from django.db import models

from tenants.models import NameField
from tenants.scoping import TenantOwned
from tenants.sealing import open_cached, seal


def new_account_key() -> str:
    """Unguessable; stands in the webhook's URL."""
    return secrets.token_urlsafe(24)


class ProviderAccount(TenantOwned):
    """An account with a carrier. Its token is kept encrypted and never shown."""

    label = NameField(max_length=80)
    provider = models.CharField(max_length=16, default="twilio")
    account_sid = models.CharField(max_length=64)
    sealed_token = models.TextField()
    sealed_previous_token = models.TextField(
        blank=True, help_text="still accepted for signatures while rotating"
    )
    base_url = models.CharField(max_length=200, blank=True, help_text="empty is the provider's own")
    is_simulator = models.BooleanField(default=False)
    account_key = models.CharField(max_length=48, unique=True, default=new_account_key)
    mps = models.PositiveIntegerField(
        null=True, blank=True, help_text="segments a second of all its senders together; empty is no limit"
    )
    paused_until = models.DateTimeField(null=True, blank=True)
    paused_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "account_sid"], name="one_account_of_a_sid")]

    def __str__(self) -> str:
        return self.label

    @property
    def auth_token(self) -> str:
        return open_cached(self.sealed_token)

    @property
    def tokens(self) -> list[str]:
        """The tokens whose signatures count: the new one, and the old one while rotating."""
        return [open_cached(t) for t in (self.sealed_token, self.sealed_previous_token) if t]

    @property
    def url(self) -> str:
        """Where its API answers; the simulator's address is read from SIMULATOR_PORT, never stored."""
        return settings.SIMULATOR_BASE_URL if self.is_simulator else self.base_url

    def set_token(self, token: str) -> None:
        if self.sealed_token:
            self.sealed_previous_token = self.sealed_token
        self.sealed_token = seal(token)

    @property
    def inbound_url(self) -> str:
        return f"{settings.PUBLIC_BASE_URL}/webhooks/twilio/{self.account_key}/inbound"
