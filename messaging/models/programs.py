from django.db import models

from messaging.models.contacts import Contact
from tenants.models import Assignable, Assignee, Membership, NameField
from tenants.scoping import TenantForeignKey, TenantOwned


class Program(Assignable, TenantOwned):
    """A standing service: contacts join by keyword, or it only sends and says so."""

    class OptIn(models.TextChoices):
        SINGLE = "single", "joining is enough"
        DOUBLE = "double", "confirmed by YES within 24 hours"
        NONE = "none", "nobody joins; it only sends"

    class Mode(models.TextChoices):
        REPLY_ONLY = "reply_only", "answer, tell nobody"
        REPLY_AND_NOTIFY = "reply_and_notify", "answer and tell"
        REPLY_THEN_NOTIFY = "reply_then_notify", "answer; tell on the next text"
        NOTIFY_ONLY = "notify_only", "tell, do not answer"

    assignee_kind = Assignee.Kind.PROGRAM
    TEXTS = ("welcome", "confirm", "already_joined", "help", "stop", "auto_reply")

    name = NameField(max_length=120)
    owner = TenantForeignKey(Membership, models.SET_NULL, null=True, blank=True, related_name="programs")
    opt_in = models.CharField(max_length=6, choices=OptIn.choices, default=OptIn.SINGLE)
    mode = models.CharField(max_length=18, choices=Mode.choices, default=Mode.REPLY_AND_NOTIFY)
    texts = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "name"], name="one_program_of_a_name")]

    def __str__(self) -> str:
        return self.name

    def says(self, which: str) -> str:
        """One of TEXTS, '' when it has none."""
        return str(self.texts.get(which) or "")


class ProgramKeyword(TenantOwned):
    """A word that joins; `folded` is what is compared."""

    program = TenantForeignKey(Program, models.CASCADE, related_name="keywords")
    word = models.CharField(max_length=40)
    folded = models.CharField(max_length=40)
    language = models.CharField(max_length=8, default="en")

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["program", "folded"], name="keyword_once")]
        indexes = [models.Index(fields=["org", "folded"])]


class Subscription(TenantOwned):
    """A contact in a program."""

    class State(models.TextChoices):
        PENDING = "pending"
        ACTIVE = "active"
        ENDED = "ended"

    program = TenantForeignKey(Program, models.CASCADE, related_name="subscriptions")
    contact = TenantForeignKey(Contact, models.CASCADE, related_name="subscriptions")
    state = models.CharField(max_length=7, choices=State.choices)
    keyword = models.CharField(max_length=40, blank=True)
    asked_at = models.DateTimeField(auto_now_add=True)
    joined_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["program", "contact"], name="subscribed_once")]
