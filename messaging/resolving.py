"""Texts whose fate is not known: settled by a receipt, or by asking the carrier what it has (To, From; text and time).

Queued again only after two empty look-ups, the last at least SETTLE_SECONDS after the call; more than one match, or
no usable answer, leaves it `unknown` for a person. The simulator's ledger is never asked: a carrier has none.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from messaging.carriers import open_carrier
from messaging.draining import close_connection
from messaging.failpoints import failpoint
from messaging.models import Attempt, Message
from messaging.receipts import tell
from messaging.statuses import FINAL, Status, may_move
from senderid.models import ProviderAccount
from senderid.providers import errors
from senderid.providers.base import Seen

log = logging.getLogger(__name__)
# Our clock against the carrier’s: a text that is found wrongly can’t be (its SID is owned), one missed is sent twice.
CLOCK_SLACK = timedelta(minutes=2)


def sweep() -> int:
    """Ends leases that ran out, then looks up every unknown text whose turn it is."""
    now = timezone.now()
    lost = Message.unscoped.filter(status=Status.SENDING, lease_until__lte=now)
    ended = lost.update(
        status=Status.UNKNOWN, error_code="lease_ended", error_text="It is not known whether it left."
    )
    failpoint("leases_ended")
    by_account: dict[UUID, list[Attempt]] = {}
    for attempt in _due_attempts():
        by_account.setdefault(attempt.message.account_id, []).append(attempt)
    for account_id, attempts in by_account.items():
        account = ProviderAccount.unscoped.get(pk=account_id)
        asyncio.run(_settle_all(account, attempts))
    return ended + sum(map(len, by_account.values()))


def _due_attempts() -> list[Attempt]:
    """The last attempt of each unknown text, looked up first after 5 s, then not more often than the setting says."""
    now = timezone.now()
    pause = timedelta(seconds=settings.RESOLVE_PAUSE_SECONDS)
    settled = now - _settle()
    rows = Attempt.unscoped.filter(
        Q(looked_up_at__isnull=True) | Q(looked_up_at__lte=now - pause),
        Q(looked_up=0) | Q(started_at__lte=settled),
        message__status=Status.UNKNOWN,
        no=F("message__attempt_no"),
        started_at__lte=now - timedelta(seconds=5),
    ).exclude(message__error_code="ambiguous")
    return list(rows.select_related("message").order_by(F("looked_up_at").asc(nulls_first=True))[:500])


def _settle() -> timedelta:
    """From the claim: a call may begin as late as its lease allows."""
    return timedelta(seconds=settings.SETTLE_SECONDS + settings.LEASE_SECONDS)


async def _settle_all(account: ProviderAccount, attempts: list[Attempt]) -> None:
    """Each is settled as its answer comes, by one thread with a database connection of its own."""
    carrier = open_carrier(account)
    gate = asyncio.Semaphore(16)
    writes = ThreadPoolExecutor(1, thread_name_prefix="settle")
    write = partial(asyncio.get_running_loop().run_in_executor, writes)

    async def one(attempt: Attempt) -> None:
        async with gate:
            try:
                seen = await carrier.find(
                    to=attempt.message.to, sender=attempt.sender_value, since=attempt.started_at
                )
            except Exception as error:
                log.warning("look-up of attempt %s failed: %s", attempt.pk, type(error).__name__)
                await write(_put_off, attempt)
                return
        failpoint("looked_up")
        await write(settle, attempt, seen)
        failpoint("settled")

    try:
        await asyncio.gather(*(one(attempt) for attempt in attempts))
    finally:
        await carrier.close()
        await write(close_connection)
        writes.shutdown()


def _put_off(attempt: Attempt) -> None:
    """A look-up that failed says nothing; the others have their turn first."""
    Attempt.unscoped.filter(pk=attempt.pk).update(looked_up_at=timezone.now())


@transaction.atomic
def settle(attempt: Attempt, seen: list[Seen]) -> str:
    """Decides from what the carrier shows; returns the text's state."""
    attempt = Attempt.objects.for_org(attempt.org_id).select_for_update(of=("self",)).get(pk=attempt.pk)
    message = Message.objects.for_org(attempt.org_id).select_for_update().get(pk=attempt.message_id)
    if message.status != Status.UNKNOWN or message.attempt_no != attempt.no:
        return message.status
    matches = [one for one in seen if _fits(one, message, attempt)]
    owned = set(
        Message.objects.for_org(attempt.org_id)
        .filter(account_id=message.account_id, provider_sid__in=[one.sid for one in matches])
        .exclude(pk=message.pk)
        .values_list("provider_sid", flat=True)
    )
    free = [one for one in matches if one.sid not in owned]
    if len(free) == 1:
        _accept(message, attempt, free[0])
    elif free:
        message.error_code, message.error_text = (
            "ambiguous",
            "The carrier shows several texts like it; please decide.",
        )
        message.save(update_fields=["error_code", "error_text"])
    else:
        _count_empty(message, attempt)
    failpoint("settling")
    return message.status


def _fits(one: Seen, message: Message, attempt: Attempt) -> bool:
    return (
        one.direction == "outbound"
        and one.to == message.to
        and one.sender == attempt.sender_value
        and one.body == message.body
        and one.created_at >= (attempt.started_at - CLOCK_SLACK).replace(microsecond=0)
    )


def _accept(message: Message, attempt: Attempt, one: Seen) -> None:
    to = one.status if may_move(message.status, one.status) else Status.ACCEPTED
    now = timezone.now()
    message.status, message.provider_sid, message.lease_until = to, one.sid, None
    message.accepted_at = message.accepted_at or now
    failed = to in (Status.FAILED, Status.UNDELIVERED)
    message.error_code = one.error_code if failed else ""
    message.error_text = (errors.sentence(one.error_code) or "The carrier gave no reason.") if failed else ""
    message.final_at = now if to in FINAL else None
    message.save()
    tell(message, failed=failed)
    attempt.provider_sid, attempt.outcome = one.sid, "found"
    attempt.save(update_fields=["provider_sid", "outcome"])


def _count_empty(message: Message, attempt: Attempt) -> None:
    """Two empty look-ups, the last late enough, and it surely was not taken: queued again."""
    now = timezone.now()
    attempt.looked_up, attempt.looked_up_at = attempt.looked_up + 1, now
    late_enough = now - attempt.started_at >= _settle()
    if attempt.looked_up >= 2 and late_enough:
        attempt.outcome = "absent"
        message.status, message.due_at, message.lease_until = Status.QUEUED, now, None
        message.error_code = message.error_text = ""
        message.save(update_fields=["status", "due_at", "lease_until", "error_code", "error_text"])
    attempt.save(update_fields=["looked_up", "looked_up_at", "outcome"])
