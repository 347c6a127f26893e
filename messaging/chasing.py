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
from celery.exceptions import SoftTimeLimitExceeded
from django.db import close_old_connections
from django.db.models import F
from django.utils import timezone

from messaging.carriers import open_carrier
from messaging.models import Attempt
from messaging.receipts import take_receipt
from messaging.statuses import Status
from senderid.models import ProviderAccount
from senderid.providers.base import Receipt

log = logging.getLogger(__name__)
FIRST_AFTER = timedelta(minutes=15)
LAST_AFTER = timedelta(days=3)
AGAIN_WHEN_AGED = 4  # times its age when it was asked for last
AT_ONCE = 16  # calls to one account
MOST = 1000  # texts of one run
LONGEST = 60.0  # seconds, for one account


@shared_task
def chase() -> int:
    """How many texts moved."""
    close_old_connections()
    return ask_for_the_lost()


def ask_for_the_lost() -> int:
    by_account: dict[UUID, list[Attempt]] = defaultdict(list)
    for attempt in due_attempts(timezone.now()):
        by_account[attempt.message.account_id].append(attempt)
    return sum(_ask_account(account_id, attempts) for account_id, attempts in by_account.items())


def _ask_account(account_id: UUID, attempts: list[Attempt]) -> int:
    """What went unanswered, for whatever reason, has had its turn: no account holds up the others."""
    account = ProviderAccount.unscoped.get(pk=account_id)
    answers: dict[UUID, Receipt] = {}
    try:
        asyncio.run(_ask_all(account, attempts, answers))
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        log.warning("account %s was not asked for all its texts: %s", account_id, type(error).__name__)
    return sum(_note(account, attempt, answers.get(attempt.pk)) for attempt in attempts)


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


async def _ask_all(account: ProviderAccount, attempts: list[Attempt], answers: dict[UUID, Receipt]) -> None:
    """Fills `answers` by attempt."""
    carrier = open_carrier(account)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(attempt: Attempt) -> None:
        async with gate:
            try:
                answers[attempt.pk] = await carrier.fetch(attempt.message.provider_sid)
            except SoftTimeLimitExceeded:
                raise
            except Exception as error:
                log.warning("asking for attempt %s failed: %s", attempt.pk, type(error).__name__)

    try:
        async with asyncio.timeout(LONGEST):
            await asyncio.gather(*map(one, attempts))
    finally:
        await carrier.close()


def _note(account: ProviderAccount, attempt: Attempt, receipt: Receipt | None) -> bool:
    """Whether the text moved."""
    Attempt.objects.for_org(attempt.org_id).filter(pk=attempt.pk).update(looked_up_at=timezone.now())
    if receipt is None or receipt.status in ("", attempt.message.status):
        return False
    return take_receipt(account=account, attempt_id=attempt.pk, receipt=receipt)
