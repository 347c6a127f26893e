"""Delivery receipts: any order, twice, or before the answer to the call was recorded. Ranked, forward only."""

import logging
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from messaging import consent
from messaging.failpoints import failpoint
from messaging.live_events import tell_conversation
from messaging.models import Attempt, Conversation, Message, OptOut, ReceiptEvent
from messaging.statuses import FINAL, Status, movable_to
from messaging.throttle import Throttle, bucket_of
from senderid import quarantine
from senderid.models import ProviderAccount
from senderid.providers import errors
from senderid.providers.base import Outcome, Receipt

log = logging.getLogger(__name__)


@transaction.atomic
def take_receipt(*, account: ProviderAccount, attempt_id: UUID, receipt: Receipt) -> bool:
    """Keeps the receipt and moves the text forward if it may; False when the attempt is none of this account.

    Locks the attempt before the text, as `recording` and `resolving` do.
    """
    rows = Attempt.objects.for_org(account.org_id).select_for_update(of=("self",))
    attempt = rows.filter(pk=attempt_id, message__account=account).first()
    if attempt is None:
        return False
    message = Message.objects.for_org(account.org_id).select_for_update().get(pk=attempt.message_id)
    ReceiptEvent.objects.for_org(account.org_id).create(
        message=message, provider_sid=receipt.sid, raw_status=receipt.raw_status[:20], code=receipt.code[:10]
    )
    if receipt.sid and message.provider_sid and receipt.sid != message.provider_sid:
        log.error("a second SID for message %s: it was sent twice", message.pk)
        return True
    _fill_sid(message, attempt, receipt.sid)
    if receipt.status:
        _move(message, receipt)
    failpoint("taking_receipt")
    return True


def _fill_sid(message: Message, attempt: Attempt, sid: str) -> None:
    """The callback knows the SID before we do when the answer was lost."""
    if sid and not message.provider_sid:
        message.provider_sid = sid
        message.save(update_fields=["provider_sid"])
    if sid and not attempt.provider_sid:
        attempt.provider_sid = sid
        attempt.save(update_fields=["provider_sid"])


def _move(message: Message, receipt: Receipt) -> None:
    now = timezone.now()
    changes: dict[str, Any] = {
        "status": receipt.status,
        "lease_until": None,
        "error_code": "",
        "error_text": "",
    }
    if receipt.status in FINAL:
        changes["final_at"] = now
    if receipt.code or receipt.status in (Status.UNDELIVERED, Status.FAILED):
        text = errors.sentence(receipt.code) or "The carrier gave no reason."
        changes |= {"error_code": receipt.code, "error_text": text}
    if message.accepted_at is None:
        changes["accepted_at"] = now
    rows = Message.objects.for_org(message.org_id).filter(
        pk=message.pk, status__in=movable_to(receipt.status)
    )
    if not rows.update(**changes):
        return
    if errors.meaning(receipt.code)[0] == Outcome.OPT_OUT:
        consent.record_stop(
            org=message.org,
            contact_number=message.to,
            sender=message.sender,
            program=message.program,
            source=OptOut.Source.PROVIDER,
            words=receipt.code,
        )
    _concerns_sender(message, receipt.code)
    tell(message, failed=receipt.status in (Status.UNDELIVERED, Status.FAILED))


def _concerns_sender(message: Message, code: str) -> None:
    """Some codes say something of the sender: it is too fast, or not set up with the carriers."""
    outcome, text = errors.meaning(code)
    if outcome == Outcome.QUARANTINE_SENDER:
        quarantine.note_refusal(org_id=message.org_id, sender_id=message.sender_id, code=code, text=text)
    elif code in errors.OF_SENDER:
        Throttle().hold(bucket_of("sender", message.sender_id), errors.PAUSES[code])


def tell(message: Message, *, failed: bool) -> None:
    """Open threads show the new state; the list marks a conversation whose last text failed."""
    if message.conversation_id is None:
        return
    rows = Conversation.objects.for_org(message.org_id).filter(pk=message.conversation_id)
    if failed:
        rows.update(last_failed=True)
    conversation = rows.select_related("contact").first()
    if conversation is not None:
        tell_conversation(conversation)
