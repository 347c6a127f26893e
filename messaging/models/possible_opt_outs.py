from django.db import models
from django.db.models import Q

from messaging.models.consent import OptOut
from messaging.models.conversations import Conversation
from tenants.models import Membership
from tenants.scoping import OrgOfParent, TenantForeignKey, TenantOwned


class PossibleOptOut(TenantOwned):
    """A wish to stop in a contact's own words: promotional messages to the number are held until it is decided."""

    class Decision(models.TextChoices):
        OPTED_OUT = "opted_out"
        DISMISSED = "dismissed"
        WITHDRAWN = "withdrawn"  # by the contact, who wants messages again

    org = OrgOfParent()
    conversation = TenantForeignKey(Conversation, models.CASCADE, related_name="possible_opt_outs")
    number = models.CharField(max_length=64)
    words = models.CharField(max_length=200)
    language = models.CharField(max_length=8, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    decision = models.CharField(max_length=10, choices=Decision.choices, blank=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = TenantForeignKey(Membership, models.SET_NULL, null=True, related_name="+")
    opt_out = TenantForeignKey(
        OptOut, models.SET_NULL, null=True, related_name="+", help_text="what the decision recorded, if new"
    )

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["org", "number", "conversation"],
                condition=Q(decided_at__isnull=True),
                name="possible_opt_out_once",
            )
        ]
