from django.db import models

from tenants.scoping import TenantOwned


class IdempotencyKey(TenantOwned):
    """The answer to a POST with an Idempotency-Key, kept 24 h."""

    org = models.ForeignKey("tenants.Organization", models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=210, help_text="the header; that of a test key begins with a mark")
    body_hash = models.CharField(max_length=64, help_text="of method, address and body")
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField(help_text="a sealed string when it holds a secret")
    expires_at = models.DateTimeField(db_index=True)

    class Meta(TenantOwned.Meta):
        db_table = "messaging_idempotencykey"
        constraints = [models.UniqueConstraint(fields=["org", "key"], name="one_answer_per_key")]
