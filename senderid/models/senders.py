from django.db import models
from django.utils import timezone

from senderid.models.providers import ProviderAccount
from senderid.phone_numbers import national
from tenants.models import NameField
from tenants.scoping import TenantForeignKey, TenantOwned


class Kind(models.TextChoices):
    LONG_CODE = "long_code", "long code"
    TOLL_FREE = "toll_free", "toll-free"
    SHORT_CODE = "short_code", "short code"
    ALPHANUMERIC = "alphanumeric", "alphanumeric name"


class SenderId(TenantOwned):
    """A number or a name shown on the handset."""

    class Direction(models.TextChoices):
        BOTH = "both"
        OUTGOING = "outgoing"
        INCOMING = "incoming"

    class Status(models.TextChoices):
        DRAFT = "draft"
        ACTIVE = "active"
        SUSPENDED = "suspended"
        RETIRED = "retired"

    label = NameField(max_length=80)
    value = models.CharField(max_length=16, help_text="E.164, short code digits, or the name")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    country = models.CharField(max_length=2)
    direction = models.CharField(max_length=8, choices=Direction.choices, default=Direction.BOTH)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.ACTIVE)
    provider_account = TenantForeignKey(ProviderAccount, models.PROTECT, related_name="senders")
    mps = models.PositiveIntegerField(help_text="segments a second")
    reply_number = TenantForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="replies_for"
    )
    reply_instruction = NameField(max_length=120, blank=True)
    quarantined_until = models.DateTimeField(
        null=True, blank=True, help_text="the provider refused it; not chosen until then"
    )
    quarantine_reason = models.CharField(max_length=200, blank=True)
    refused_code = models.CharField(max_length=10, blank=True, help_text="the provider’s last refusal of it")
    refused_at = models.DateTimeField(null=True, blank=True)
    refusals = models.PositiveSmallIntegerField(default=0, help_text="times in a row, with that code")
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["provider_account", "value"], name="one_sender_of_a_value")
        ]

    def __str__(self) -> str:
        return self.display

    @property
    def display(self) -> str:
        """The value as its readers write it: national format for numbers."""
        return national(self.value)

    @property
    def tag(self) -> str:
        return {"long_code": "LC", "toll_free": "TF", "short_code": "SC", "alphanumeric": "Aa"}[self.kind]

    @property
    def is_numeric(self) -> bool:
        return self.kind != Kind.ALPHANUMERIC

    @property
    def sends(self) -> bool:
        return self.direction != self.Direction.INCOMING

    @property
    def receives(self) -> bool:
        return self.is_numeric and self.direction != self.Direction.OUTGOING

    @property
    def can_be_answered(self) -> bool:
        """Replies reach us: on it, or by its reply number and instruction."""
        return self.receives or bool(self.reply_number_id and self.reply_instruction)

    @property
    def is_quarantined(self) -> bool:
        return self.quarantined_until is not None and self.quarantined_until > timezone.now()

    @property
    def queue_limit(self) -> int:
        """Segments its queue may hold: ten hours of its own rate."""
        return self.mps * 36_000
