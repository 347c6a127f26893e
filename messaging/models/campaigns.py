from django.contrib.postgres.fields import ArrayField
from django.db import models

from messaging.models.contacts import Contact
from senderid.models import SenderId
from tenants.models import Assignable, Assignee, Membership, NameField
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
    name = NameField(max_length=120)
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
    resumed_at = models.DateTimeField(null=True, blank=True)
    # Texts may not all stand as its status wants yet: parked while paused, due while sending, cancelled.
    is_unsettled = models.BooleanField(default=False)

    class Meta(TenantOwned.Meta):
        indexes = [
            models.Index(fields=["org"], name="campaigns_unsettled", condition=models.Q(is_unsettled=True)),
            models.Index(
                fields=["status", "send_at"],
                name="campaigns_at_work",
                condition=models.Q(status__in=["scheduled", "sending"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CampaignPortion(TenantOwned):
    """Some of a frozen audience that fan-out has not worked on yet: it goes when its texts and skips are written."""

    campaign = TenantForeignKey(Campaign, models.CASCADE, related_name="portions")
    place = models.PositiveIntegerField()
    contacts = ArrayField(models.UUIDField())
    size = models.PositiveIntegerField(help_text="how many contacts")
    look_at = models.DateTimeField(help_text="not before: the queue of their sender is full")


class CampaignSkip(TenantOwned):
    """One contact of a frozen audience who gets no text, and why; `contact` is null when it was deleted meanwhile."""

    campaign = TenantForeignKey(Campaign, models.CASCADE, related_name="skips")
    contact = TenantForeignKey(Contact, models.SET_NULL, null=True, related_name="+")
    code = models.CharField(max_length=40)
    text = models.CharField(max_length=300, blank=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["campaign", "contact"], name="skipped_once")]


class CampaignCount(TenantOwned):
    """A change of a campaign's figures; their sum is the figure. Triggers write them, a sweep folds them together.

    `code` is '' but for the reasons of skips.
    """

    org = models.ForeignKey("tenants.Organization", models.CASCADE, related_name="+", db_index=False)
    campaign = TenantForeignKey(Campaign, models.CASCADE, related_name="counts")
    code = models.CharField(max_length=40, blank=True)
    queued = models.IntegerField(default=0)
    sent = models.IntegerField(default=0)
    delivered = models.IntegerField(default=0)
    undelivered = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    cancelled = models.IntegerField(default=0)
    skipped = models.IntegerField(default=0)
    replies = models.IntegerField(default=0)
    opt_outs = models.IntegerField(default=0)
    is_folded = models.BooleanField(default=False)

    class Meta(TenantOwned.Meta):
        indexes = [
            models.Index(fields=["campaign"], condition=models.Q(is_folded=False), name="counts_to_fold")
        ]
