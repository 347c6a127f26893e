from django.db import models

from messaging.models.contacts import Contact
from senderid.models import SenderId
from tenants.models import Assignable, Assignee, Membership
from tenants.scoping import TenantForeignKey, TenantOwned


class Campaign(Assignable, TenantOwned):
    """One text to many contacts."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        SCHEDULED = "scheduled"
        SENDING = "sending"
        PAUSED = "paused"
        DONE = "done"
        CANCELLED = "cancelled"

    class SenderMode(models.TextChoices):
        DEDICATED = "dedicated", "its own sender"
        CONTACT_OWNER = "contact_owner", "each contact’s owner’s sender"

    class Category(models.TextChoices):
        PROMOTIONAL = "promotional"
        TRANSACTIONAL = "transactional"

    assignee_kind = Assignee.Kind.CAMPAIGN
    name = models.CharField(max_length=120)
    owner = TenantForeignKey(Membership, models.SET_NULL, null=True, blank=True, related_name="campaigns")
    body = models.TextField()
    audience = models.JSONField(default=dict, help_text="{lists, tags, contacts, exclude}: ids and words")
    sender_mode = models.CharField(max_length=14, choices=SenderMode.choices, default=SenderMode.DEDICATED)
    fallback_sender = TenantForeignKey(SenderId, models.SET_NULL, null=True, blank=True, related_name="+")
    category = models.CharField(max_length=14, choices=Category.choices, default=Category.PROMOTIONAL)
    wants_reply = models.BooleanField(default=False)
    send_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    total = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantOwned.Meta):
        indexes = [
            models.Index(
                fields=["status", "send_at"],
                name="campaigns_at_work",
                condition=models.Q(status__in=["scheduled", "sending"]),
            )
        ]

    def __str__(self) -> str:
        return self.name


class CampaignRecipient(TenantOwned):
    """One contact of a frozen audience: at most one text each, or a reason why not."""

    class State(models.TextChoices):
        PENDING = "pending"
        QUEUED = "queued"
        SKIPPED = "skipped"

    campaign = TenantForeignKey(Campaign, models.CASCADE, related_name="recipients")
    contact = TenantForeignKey(Contact, models.CASCADE, related_name="+")
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    code = models.CharField(max_length=40, blank=True)
    text = models.CharField(max_length=300, blank=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["campaign", "contact"], name="once_per_campaign")]
        indexes = [models.Index(fields=["campaign", "state", "id"])]
