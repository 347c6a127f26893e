from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from messaging.models.campaigns import Campaign
from messaging.models.contacts import Contact
from messaging.models.programs import Program
from senderid.models import SenderId
from tenants.models import Membership
from tenants.scoping import OrgOfParent, TenantForeignKey, TenantOwned


class Conversation(TenantOwned):
    """All that passed between one Sender ID and one contact; carries what a list shows, so a list reads one row each."""

    class Status(models.TextChoices):
        OPEN = "open"
        PENDING = "pending"
        SNOOZED = "snoozed"
        CLOSED = "closed"

    # Each text writes its row anew, and its indexes with it: keys that others begin with have none, rare ones partial.
    org = OrgOfParent()
    sender = TenantForeignKey(SenderId, models.PROTECT, related_name="conversations", db_index=False)
    contact = TenantForeignKey(Contact, models.CASCADE, related_name="conversations")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    assignee = TenantForeignKey(
        Membership, models.SET_NULL, null=True, blank=True, related_name="conversations", db_index=False
    )
    campaign = TenantForeignKey(
        Campaign, models.SET_NULL, null=True, blank=True, related_name="conversations", db_index=False
    )
    program = TenantForeignKey(
        Program, models.SET_NULL, null=True, blank=True, related_name="conversations", db_index=False
    )
    # The last person who texted here; automation never counts (rule last_sender).
    last_human = TenantForeignKey(
        Membership, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    inbound_count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(null=True, blank=True)
    last_body = models.CharField(max_length=160, blank=True)
    last_direction = models.CharField(max_length=8, blank=True)
    last_failed = models.BooleanField(default=False)
    waiting_since = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["org", "sender", "contact"], name="one_conversation_each")
        ]
        indexes = [
            models.Index(fields=["org", "-last_at", "-id"]),
            models.Index(fields=["org", "sender", "-last_at"]),
            models.Index(fields=["org", "assignee", "-last_at"]),
            models.Index(
                fields=["org", "campaign", "-last_at"],
                condition=Q(campaign__isnull=False),
                name="by_campaign",
            ),
            models.Index(
                fields=["org", "program", "-last_at"], condition=Q(program__isnull=False), name="by_program"
            ),
            models.Index(
                fields=["org", "waiting_since"], condition=Q(waiting_since__isnull=False), name="waiting"
            ),
            models.Index(fields=["snoozed_until"], condition=Q(status="snoozed"), name="snoozed"),
            models.Index(fields=["assignee"], condition=Q(assignee__isnull=False), name="has_assignee"),
            models.Index(fields=["campaign"], condition=Q(campaign__isnull=False), name="has_campaign"),
            models.Index(fields=["program"], condition=Q(program__isnull=False), name="has_program"),
            models.Index(fields=["last_human"], condition=Q(last_human__isnull=False), name="has_last_human"),
        ]

    def __str__(self) -> str:
        return f"{self.contact} ↔ {self.sender}"


CLOSED = "set to closed"
STATUS_CHANGES = {
    CLOSED: "closed this",
    "set to open": "reopened this",
    "set to snoozed": "snoozed this",
    "set to pending": "set this to pending",
}


class ConversationRead(TenantOwned):
    """How many inbound texts of a conversation a member has read."""

    conversation = TenantForeignKey(Conversation, models.CASCADE, related_name="reads")
    member = TenantForeignKey(Membership, models.CASCADE, related_name="+")
    read_count = models.PositiveIntegerField(default=0)
    read_at = models.DateTimeField(auto_now=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["conversation", "member"], name="read_once")]


class TimelineEntry(TenantOwned):
    """What happened in a conversation besides messages: notes, assignments, closing, opt-outs, changes of sender."""

    class Kind(models.TextChoices):
        NOTE = "note"
        ASSIGNED = "assigned"
        STATUS = "status"
        OPT_OUT = "opt_out"
        OPT_IN = "opt_in"
        FLAG = "flag"
        SENDER = "sender"
        DECIDED = "decided"  # about a possible opt-out

    conversation = TenantForeignKey(Conversation, models.CASCADE, related_name="timeline")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    member = TenantForeignKey(Membership, models.SET_NULL, null=True, related_name="+")
    text = models.CharField(max_length=2000)
    client_ref = models.CharField(max_length=100, blank=True, default="", db_default="")
    at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["member", "client_ref"], condition=~Q(client_ref=""), name="one_note_per_client_ref"
            )
        ]
        indexes = [models.Index(fields=["conversation", "at"])]

    @property
    def sentence(self) -> str:
        """As people read it: who did what."""
        who = self.member.name if self.member else ""
        match self.kind:
            case self.Kind.STATUS:
                return f"{who or 'Callsign'} {STATUS_CHANGES.get(self.text, self.text)}"
            case self.Kind.OPT_OUT | self.Kind.OPT_IN:
                return f"{self.conversation.contact} {self.text}"
            case self.Kind.DECIDED:
                return f"{who} {self.text}".strip()
            case self.Kind.ASSIGNED if who and self.text.startswith(("assigned", "claimed", "unassigned")):
                return f"{who} {self.text}"
        return f"{who}: {self.text}" if who and who not in self.text else self.text
