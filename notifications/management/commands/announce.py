"""Tells the carrier simulator of its accounts and active senders: it may have been away when they were made."""

from typing import Any

from django.core.management.base import BaseCommand

from senderid.models import SenderId
from senderid.providers.twilio import announce_number


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        senders = SenderId.unscoped.filter(status="active", provider_account__is_simulator=True)
        for sender in senders.select_related("provider_account"):
            announce_number(sender.provider_account, sender.value)
