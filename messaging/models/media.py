from django.db import models
from django.db.models import Q
from django.utils import timezone

from messaging.content_types import INLINE, noun_of
from messaging.models.messages import Message
from tenants.scoping import OrgOfParent, TenantForeignKey, TenantOwned


class MessageMedia(TenantOwned):
    """A picture or other file of a message. The row is the queue of what must be fetched from the provider."""

    class State(models.TextChoices):
        WAITING = "waiting"
        LOADED = "loaded"
        FAILED = "failed"

    org = OrgOfParent()
    message = TenantForeignKey(Message, models.CASCADE, related_name="media", db_index=False)
    position = models.PositiveSmallIntegerField()
    source_url = models.CharField(max_length=1000)
    declared_type = models.CharField(max_length=100, blank=True, help_text="as the provider says")
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    content_type = models.CharField(max_length=100, blank=True, help_text="by its content")
    size = models.PositiveIntegerField(null=True, help_text="bytes")
    file = models.CharField(max_length=200, blank=True, help_text="name in the storage")
    error = models.CharField(max_length=200, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(
        default=timezone.now, help_text="not before: backoff, or the end of a lease"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    loaded_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["message", "position"], name="one_media_per_position")]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="waiting"), name="media_due")]

    @property
    def is_inline(self) -> bool:
        """Whether pages show it as a picture."""
        return self.content_type in INLINE

    @property
    def noun(self) -> str:
        """`Photo`, `Video`, `Audio` or `File`."""
        return noun_of(self.content_type or self.declared_type)
