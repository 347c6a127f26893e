"""Who would be told if a contact texted a sender now: the real decision, on rows that are rolled back."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone

from messaging.contacts import contact_for
from messaging.conversations import open_conversation
from messaging.models import Message
from messaging.statuses import Status
from notifications.decisions import Decision
from notifications.recipients import decide
from senderid.models import SenderId
from senderid.phone_numbers import read_number


def would_be_told(
    *, sender: SenderId, number: str, prepare: Callable[[], Any] | None = None
) -> list[Decision]:
    """All decisions for a text from `number` to `sender`; `prepare` may change rules first. Nothing is kept.

    400 `invalid_number` when no number can be read.
    """
    found = read_number(number, country=sender.org.country)
    with transaction.atomic():
        if prepare is not None:
            prepare()
        contact = contact_for(org=sender.org, number=found)
        conversation = open_conversation(org=sender.org, sender=sender, contact=contact)
        message = Message.objects.for_org(sender.org_id).create(
            sender=sender,
            account_id=sender.provider_account_id,
            contact=contact,
            conversation=conversation,
            direction=Message.Direction.INBOUND,
            origin=Message.Origin.CONTACT,
            status=Status.RECEIVED,
            to=sender.value,
            from_value=contact.number,
            body="…",
            encoding="GSM-7",
            segments=1,
            campaign=conversation.campaign,
            program=conversation.program,
            announced_at=timezone.now(),
        )
        decisions = decide(message)
        transaction.set_rollback(True)
    return decisions
