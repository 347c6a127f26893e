from django.db import models

from messaging.models.conversations import Conversation
from senderid.models import SenderId
from tenants.models import Membership
from tenants.scoping import TenantForeignKey, TenantOwned


class Draft(TenantOwned):
    """What a member typed and did not send. `client_ref` names the intended message, before and after it is sent."""

    class Mode(models.TextChoices):
        MESSAGE = "message"
        NOTE = "note"

    member = TenantForeignKey(Membership, models.CASCADE, related_name="+", db_index=False)
    # Null: a new message, whose conversation is not known yet.
    conversation = TenantForeignKey(
        Conversation, models.CASCADE, null=True, blank=True, related_name="drafts"
    )
    client_ref = models.CharField(max_length=100)
    tab = models.CharField(max_length=40, blank=True, help_text="the browser tab that saved it last")
    edited = models.BigIntegerField(default=0, help_text="milliseconds, by that tab's clock")
    revision = models.PositiveIntegerField(default=1)
    mode = models.CharField(max_length=7, choices=Mode.choices, default=Mode.MESSAGE)
    body = models.TextField(blank=True)
    later = models.BooleanField(default=False)
    send_at = models.CharField(max_length=32, blank=True, help_text="as typed, in the organization's zone")
    to = models.CharField(max_length=40, blank=True)
    sender = TenantForeignKey(SenderId, models.SET_NULL, null=True, blank=True, related_name="+")
    saved_at = models.DateTimeField(auto_now=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["member", "client_ref"], name="one_draft_per_intended_message")
        ]
