from django.db import models

from messaging.models.messages import Message
from tenants.scoping import OrgOfParent, TenantForeignKey, TenantOneToOne, TenantOwned


class Reaction(TenantOwned):
    """What a tapback said: `message` is the text as it came in, `target` the message it quotes. A contact has one
    reaction to a message, the newest; a removal leaves none."""

    org = OrgOfParent()
    message = TenantOneToOne(Message, models.CASCADE, related_name="reaction")
    target = TenantForeignKey(Message, models.CASCADE, related_name="reactions")
    emoji = models.CharField(max_length=32)
    is_removed = models.BooleanField(default=False)
