"""Receipts that never came: asks the carrier what became of a text it took, by its SID.

A carrier tells the state of a text once or twice; what it told while we were away is gone. Beat runs `chase` every
five minutes. A text is asked for when it is 15 minutes old and then whenever its age has grown fourfold, for three days.
"""

import asyncio
import logging
from collections import defaultdict
from datetime import datetime, timedelta
from uuid import UUID

from celery import shared_task
from django.db import close_old_connections
from django.db.models import F
from django.utils import timezone

from messaging.carriers import open_carrier
from messaging.models import Attempt
from messaging.receipts import take_receipt
from messaging.statuses import Status
from senderid.models import ProviderAccount
from senderid.providers.base import Carrier, Receipt

log = logging.getLogger(__name__)
FIRST_AFTER = timedelta(minutes=15)
LAST_AFTER = timedelta(days=3)
AGAIN_WHEN_AGED = 4  # times its age when it was asked for last
AT_ONCE = 16  # calls to one account
MOST = 1000  # texts of one run


@shared_task
def chase() -> int:
    """How many texts moved."""
    close_old_connections()
    return ask_for_the_lost()


def ask_for_the_lost() -> int:
    by_account: dict[UUID, list[Attempt]] = defaultdict(list)
    for attempt in due_attempts(timezone.now()):
        by_account[attempt.message.account_id].append(attempt)
    moved = 0
    for account_id, attempts in by_account.items():
        try:
            account = ProviderAccount.unscoped.get(pk=account_id)
            receipts = asyncio.run(_ask_all(account, attempts))
        except Exception as error:
            log.warning("account %s can't be asked for its texts: %s", account_id, type(error).__name__)
            continue
        for attempt, receipt in zip(attempts, receipts, strict=True):
            moved += _note(account, attempt, receipt)
    return moved


def due_attempts(now: datetime) -> list[Attempt]:
    """The last attempts of texts without an end whose turn it is, the oldest first."""
    accepted = F("message__accepted_at")
    rows = Attempt.unscoped.filter(
        message__status__in=[Status.ACCEPTED, Status.SENT],
        message__accepted_at__range=(now - LAST_AFTER, now - FIRST_AFTER),
        message__account__org__is_active=True,
        no=F("message__attempt_no"),
    ).exclude(looked_up_at__gt=accepted + (now - accepted) / AGAIN_WHEN_AGED)
    return list(rows.select_related("message").order_by("message__accepted_at")[:MOST])


async def _ask_all(account: ProviderAccount, attempts: list[Attempt]) -> list[Receipt | None]:
    carrier = open_carrier(account)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(attempt: Attempt) -> Receipt | None:
        async with gate:
            return await _ask(carrier, attempt)

    try:
        return await asyncio.gather(*map(one, attempts))
    finally:
        await carrier.close()


async def _ask(carrier: Carrier, attempt: Attempt) -> Receipt | None:
    """What the carrier says of the text, None when it can't say: then again, later."""
    try:
        return await carrier.fetch(attempt.message.provider_sid)
    except Exception as error:
        log.warning("asking for attempt %s failed: %s", attempt.pk, type(error).__name__)
        return None


def _note(account: ProviderAccount, attempt: Attempt, receipt: Receipt | None) -> bool:
    """Whether the text moved."""
    Attempt.objects.for_org(attempt.org_id).filter(pk=attempt.pk).update(looked_up_at=timezone.now())
    if receipt is None or receipt.status in ("", attempt.message.status):
        return False
    return take_receipt(account=account, attempt_id=attempt.pk, receipt=receipt)
