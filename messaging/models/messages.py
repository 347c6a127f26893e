import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from messaging.models.campaigns import Campaign
from messaging.models.contacts import Contact
from messaging.models.conversations import Conversation
from messaging.models.programs import Program
from messaging.statuses import Status
from senderid.models import ProviderAccount, SenderId
from tenants.models import ApiKey, Membership
from tenants.scoping import OrgOfParent, TenantForeignKey, TenantOwned


class Message(TenantOwned):
    """One text, out or in. The row is the queue: nothing else knows that it must be sent."""

    class Direction(models.TextChoices):
        OUTBOUND = "outbound"
        INBOUND = "inbound"

    class Origin(models.TextChoices):
        MANUAL = "manual"
        API = "api"
        CAMPAIGN = "campaign"
        PROGRAM = "program"
        COMPLIANCE = "compliance"  # answers to STOP, START, HELP: allowed to an opted-out number
        CONTACT = "contact"  # inbound

    INTERACTIVE, BULK = 0, 1

    # Every change of state writes each index again: keys that other indexes begin with have none of their own.
    org = OrgOfParent()
    sender = TenantForeignKey(SenderId, models.PROTECT, related_name="messages", db_index=False)
    account = TenantForeignKey(ProviderAccount, models.PROTECT, related_name="+", db_index=False)
    contact = TenantForeignKey(Contact, models.PROTECT, related_name="messages")
    conversation = TenantForeignKey(
        Conversation, models.SET_NULL, null=True, blank=True, related_name="messages", db_index=False
    )
    direction = models.CharField(max_length=8, choices=Direction.choices)
    origin = models.CharField(max_length=10, choices=Origin.choices)
    status = models.CharField(max_length=11, choices=Status.choices)
    lane = models.SmallIntegerField(default=INTERACTIVE, help_text="0 interactive, 1 bulk")
    to = models.CharField(max_length=64)
    from_value = models.CharField(max_length=64)
    country = models.CharField(max_length=2, blank=True)
    body = models.TextField()
    encoding = models.CharField(max_length=5)
    segments = models.PositiveSmallIntegerField()
    rule = models.CharField(max_length=20, blank=True)
    rule_text = models.CharField(max_length=200, blank=True)
    sent_by = TenantForeignKey(
        Membership, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    on_behalf_of = TenantForeignKey(
        Membership, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    api_key = TenantForeignKey(
        ApiKey, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    campaign = TenantForeignKey(
        Campaign, models.SET_NULL, null=True, blank=True, related_name="messages", db_index=False
    )
    program = TenantForeignKey(
        Program, models.SET_NULL, null=True, blank=True, related_name="messages", db_index=False
    )
    client_ref = models.CharField(max_length=100, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    send_at = models.DateTimeField(null=True, blank=True, help_text="as asked for")
    due_at = models.DateTimeField(
        default=timezone.now, help_text="not before: schedule, quiet hours, backoff"
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    attempt_no = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    provider_sid = models.CharField(max_length=64, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_text = models.CharField(max_length=300, blank=True)
    # Null until the layer above was told (inbound) or the conversation has it; a sweep tells again.
    hushed = models.CharField(
        max_length=80, blank=True, help_text="why nobody is told: STOP, a program’s mode …"
    )
    announced_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    accepted_at = models.DateTimeField(null=True, blank=True)
    final_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["account", "provider_sid"], condition=~Q(provider_sid=""), name="one_message_per_sid"
            ),
            models.UniqueConstraint(
                fields=["campaign", "contact"], condition=Q(origin="campaign"), name="one_text_per_campaign"
            ),
        ]
        indexes = [
            models.Index(
                fields=["sender", "lane", "due_at", "id"], condition=Q(status="queued"), name="queue"
            ),
            models.Index(fields=["due_at"], condition=Q(status="queued"), name="queue_due"),
            models.Index(fields=["due_at"], condition=Q(status="scheduled"), name="scheduled_due"),
            models.Index(
                fields=["accepted_at"], condition=Q(status__in=["accepted", "sent"]), name="without_end"
            ),
            models.Index(
                fields=["lease_until"], condition=Q(status__in=["sending", "unknown"]), name="unsettled"
            ),
            models.Index(
                fields=["account", "to"], condition=Q(status__in=["sending", "unknown"]), name="unsettled_to"
            ),
            models.Index(fields=["org", "sender", "contact", "-id"], name="thread"),
            models.Index(
                fields=["campaign", "status"], condition=Q(campaign__isnull=False), name="of_campaign"
            ),
            models.Index(fields=["sender"], condition=Q(status="queued", lane=0), name="queue_interactive"),
            models.Index(
                fields=["conversation"], condition=Q(conversation__isnull=False), name="of_conversation"
            ),
            models.Index(fields=["program"], condition=Q(program__isnull=False), name="of_program"),
            models.Index(fields=["sent_by"], condition=Q(sent_by__isnull=False), name="of_member"),
            models.Index(
                fields=["on_behalf_of"], condition=Q(on_behalf_of__isnull=False), name="of_represented"
            ),
            models.Index(
                fields=["id"], condition=Q(direction="inbound", announced_at__isnull=True), name="untold"
            ),
            models.Index(fields=["org", "client_ref"], condition=~Q(client_ref=""), name="by_client_ref"),
        ]

    @property
    def is_inbound(self) -> bool:
        return self.direction == self.Direction.INBOUND


class Attempt(TenantOwned):
    """One hand-over to the carrier, written before the call; its id stands in the callback URL."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    org = OrgOfParent()
    message = TenantForeignKey(Message, models.CASCADE, related_name="attempts", db_index=False)
    no = models.PositiveSmallIntegerField()
    sender_value = models.CharField(max_length=16)
    started_at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=20, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    code = models.CharField(max_length=40, blank=True)
    provider_sid = models.CharField(max_length=64, blank=True)
    looked_up = models.PositiveSmallIntegerField(default=0, help_text="empty look-ups so far")
    looked_up_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["message", "no"], name="one_attempt_per_number")]


class ReceiptEvent(TenantOwned):
    """A delivery receipt as it came; kept whether or not it changed anything."""

    message = TenantForeignKey(Message, models.CASCADE, null=True, related_name="receipts")
    provider_sid = models.CharField(max_length=64)
    raw_status = models.CharField(max_length=20)
    code = models.CharField(max_length=10, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        indexes = [models.Index(fields=["message"])]


class InboundEvent(TenantOwned):
    """A text that came in, as it came: stored before anything else is done with it."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        QUARANTINED = "quarantined"

    org = OrgOfParent()
    account = TenantForeignKey(ProviderAccount, models.PROTECT, related_name="+", db_index=False)
    provider_sid = models.CharField(max_length=64)
    to = models.CharField(max_length=64)
    from_value = models.CharField(max_length=64)
    body = models.TextField()
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=11, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=200, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    received_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)
    message = TenantForeignKey(Message, models.SET_NULL, null=True, related_name="+", db_index=False)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["account", "provider_sid"], name="one_event_per_sid")]
        indexes = [
            models.Index(fields=["received_at"], condition=Q(state="waiting"), name="inbound_waiting"),
            models.Index(fields=["message"], condition=Q(message__isnull=False), name="event_of_message"),
            models.Index(fields=["org"], condition=Q(state="quarantined"), name="quarantined"),
        ]


def in_a_day() -> object:
    """Named by migration 0001."""
    return timezone.now() + timedelta(hours=24)
