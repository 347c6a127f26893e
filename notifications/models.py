from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from messaging.models import Conversation, Message
from senderid.models import Assignment, SenderId
from tenants.models import Membership, NameField
from tenants.scoping import TenantForeignKey, TenantOneToOne, TenantOwned


class Rule(models.TextChoices):
    """Who gets the mail when a text comes in on an assignment's sender."""

    ASSIGNED_MEMBER = "assigned_member", "the member"
    ALL = "all", "everyone it is assigned to"
    LAST_SENDER = "last_sender", "whoever texted last"
    CONVERSATION_ASSIGNEE = "conversation_assignee", "whoever has the conversation"
    CONTACT_OWNER = "contact_owner", "the contact’s owner"
    SPECIFIC = "specific", "chosen people"
    ROUND_ROBIN = "round_robin", "the next in turn, who then has the conversation"
    NONE = "none", "nobody"


class EmailTemplate(TenantOwned):
    """Subject, HTML and text of a mail, in Liquid."""

    class Kind(models.TextChoices):
        NEW_MESSAGE = "new_message", "new message"
        ASSIGNED = "assigned_to_you", "assigned to you"
        MENTIONED = "mentioned", "mentioned"
        ESCALATION = "escalation", "escalation"
        CAMPAIGN_FINISHED = "campaign_finished", "campaign finished"
        TEMPLATE_BROKEN = "template_broken", "template can’t be used"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    name = NameField(max_length=80)
    subject = NameField(max_length=300)
    html = models.TextField()
    text = models.TextField()
    is_org_default = models.BooleanField(default=False)
    changed_at = models.DateTimeField(auto_now=True)
    # It failed when an email was made; the default wording was sent. Saving it again clears this.
    broken_at = models.DateTimeField(null=True, blank=True)
    broken_code = models.CharField(max_length=40, blank=True)
    broken_text = models.CharField(max_length=300, blank=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["org", "kind", "name"], name="one_template_of_a_name"),
            models.UniqueConstraint(
                fields=["org", "kind"], condition=Q(is_org_default=True), name="one_org_template"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class NotificationRule(TenantOwned):
    """Who is told of texts on one assignment."""

    assignment = TenantOneToOne(Assignment, models.CASCADE, related_name="notification_rule")
    rule = models.CharField(max_length=21, choices=Rule.choices, default=Rule.LAST_SENDER)
    fallback = models.CharField(max_length=21, choices=Rule.choices, blank=True)
    members = models.ManyToManyField(Membership, blank=True, related_name="+", through="RuleMember")
    emails = ArrayField(models.EmailField(), default=list, blank=True)
    template = TenantForeignKey(EmailTemplate, models.SET_NULL, null=True, blank=True, related_name="+")
    throttle_minutes = models.PositiveIntegerField(default=10)
    escalate_after_minutes = models.PositiveIntegerField(null=True, blank=True)
    escalate_to = TenantForeignKey(Membership, models.SET_NULL, null=True, blank=True, related_name="+")
    mandatory = models.BooleanField(default=False)
    hide_body = models.BooleanField(default=False)
    # Whose turn it was last (round_robin).
    last_turn = TenantForeignKey(Membership, models.SET_NULL, null=True, blank=True, related_name="+")


class RuleMember(TenantOwned):
    """A chosen person of rule `specific`."""

    notification_rule = TenantForeignKey(NotificationRule, models.CASCADE, related_name="chosen")
    member = TenantForeignKey(Membership, models.CASCADE, related_name="+")

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["notification_rule", "member"], name="chosen_once")]


class Notification(TenantOwned):
    """One decision: who was, or was not, told of what, by which rule and why."""

    class Outcome(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        FAILED = "failed"
        SKIPPED = "skipped"
        THROTTLED = "throttled"
        DIGESTED = "digested"

    kind = models.CharField(max_length=20, choices=EmailTemplate.Kind.choices)
    message = TenantForeignKey(Message, models.CASCADE, null=True, related_name="notifications")
    conversation = TenantForeignKey(Conversation, models.CASCADE, null=True, related_name="notifications")
    assignment = TenantForeignKey(Assignment, models.SET_NULL, null=True, related_name="+")
    member = TenantForeignKey(Membership, models.CASCADE, null=True, related_name="notifications")
    email = models.EmailField(blank=True)
    rule = models.CharField(max_length=24)
    reason = models.CharField(max_length=300)
    outcome = models.CharField(max_length=9, choices=Outcome.choices)
    template = TenantForeignKey(EmailTemplate, models.SET_NULL, null=True, related_name="+")
    hide_body = models.BooleanField(default=False)
    extra = models.JSONField(
        default=dict, help_text="what the mail needs besides: who assigned, what was written"
    )
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["message", "kind", "email"],
                condition=Q(message__isnull=False),
                name="one_mail_per_person",
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(outcome="pending"), name="mails_due"),
            models.Index(fields=["conversation", "member", "-created_at"]),
            models.Index(fields=["org", "-id"], name="why_log"),
        ]


class Preference(TenantOwned):
    """How a member wants to be told; it only reduces, unless the rule is mandatory. Empty sender is all."""

    class How(models.TextChoices):
        AT_ONCE = "at_once", "at once"
        OFF = "off", "no mail"

    member = TenantForeignKey(Membership, models.CASCADE, related_name="preferences")
    sender = TenantForeignKey(SenderId, models.CASCADE, null=True, blank=True, related_name="+")
    how = models.CharField(max_length=8, choices=How.choices, default=How.AT_ONCE)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["member", "sender"], name="one_preference", nulls_distinct=False)
        ]


class Escalation(TenantOwned):
    """A clock that runs from the first unanswered text of a conversation; a reply or a close stops it."""

    conversation = TenantForeignKey(Conversation, models.CASCADE, related_name="escalations")
    assignment = TenantForeignKey(Assignment, models.CASCADE, related_name="+")
    message = TenantForeignKey(Message, models.CASCADE, related_name="+")
    escalate_to = TenantForeignKey(Membership, models.CASCADE, related_name="+")
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, blank=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "assignment"],
                condition=Q(ended_at__isnull=True),
                name="one_clock_at_a_time",
            )
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(ended_at__isnull=True), name="clocks_running")]
