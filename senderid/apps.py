from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class SenderidConfig(AppConfig):
    name = "senderid"
    verbose_name = "Sender IDs"

    def ready(self) -> None:
        from senderid.models import Assignment, DelegatedSender
        from tenants.revocations import revoke_on_change

        revoke_on_change(Assignment, "assignee_id")
        revoke_on_change(DelegatedSender, "delegation_id")
        post_migrate.connect(_load_country_rules, sender=self, dispatch_uid="country rules")


def _load_country_rules(using: str = "default", **_: Any) -> None:
    """The table follows the data file at each migrate; rows the operator corrected stay."""
    from senderid import country_rules

    if using == "default":
        country_rules.load()
