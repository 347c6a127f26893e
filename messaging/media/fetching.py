"""Fetches the media of inbound messages from the provider and stores them: at least once, the same in the end.

A worker claims rows by a lease, so one that is killed leaves them due again; what fails is tried again with backoff.
"""

import asyncio
import logging
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from messaging.content_types import type_of
from messaging.failpoints import failpoint
from messaging.live_events import tell_conversation
from messaging.media.files import save_file
from messaging.models import MessageMedia
from senderid.providers.base import Credentials
from senderid.providers.media import MediaError, Source, download
from tenants import hints

log = logging.getLogger(__name__)
FETCH = "messaging.media.fetching.fetch"
MAX_BYTES = 5 * 2**20
AT_ONCE = 5
LEASE = timedelta(seconds=60)  # longer than a download may take
BACKOFF = [timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600, 6 * 3600)]
State = MessageMedia.State


@shared_task
def fetch() -> int:
    """Fetches what is due."""
    return fetch_due()


def fetch_due(limit: int = 100) -> int:
    """How many files were tried; safe to run many times at once."""
    done = 0
    while done < limit and (rows := _claim(AT_ONCE)):
        for row, result in zip(rows, asyncio.run(_download_all(rows)), strict=True):
            _record(row, result)
        done += len(rows)
    return done


def _claim(limit: int) -> list[MessageMedia]:
    now = timezone.now()
    with transaction.atomic():
        due = MessageMedia.unscoped.filter(state=State.WAITING, due_at__lte=now, message__org__is_active=True)
        due = due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at")
        ids = list(due.values_list("pk", flat=True)[:limit])
        MessageMedia.unscoped.filter(pk__in=ids).update(due_at=now + LEASE, tries=F("tries") + 1)
    rows = MessageMedia.unscoped.filter(pk__in=ids)
    return list(rows.select_related("message__account", "message__conversation__contact"))


async def _download_all(rows: list[MessageMedia]) -> list[Any]:
    return await asyncio.gather(*(_download(row) for row in rows))


async def _download(row: MessageMedia) -> bytes | MediaError:
    account = row.message.account
    credentials = Credentials(account.account_sid, account.auth_token, account.url)
    try:
        source = Source(credentials, is_local=account.is_simulator)
        return await download(source, row.source_url, max_bytes=MAX_BYTES)
    except MediaError as error:
        return error


def _record(row: MessageMedia, result: bytes | MediaError) -> None:
    failpoint("fetched_media")
    if isinstance(result, MediaError):
        _record_failure(row, result.text, permanent=result.permanent)
        return
    try:
        name = save_file(row, result)
    except Exception as error:
        log.exception("media %s could not be stored", row.pk)
        _record_failure(row, f"It could not be stored ({type(error).__name__}).", permanent=False)
        return
    failpoint("stored_media")
    kind, size, now = type_of(result), len(result), timezone.now()
    _move(row, state=State.LOADED, content_type=kind, size=size, file=name, error="", loaded_at=now)


def _record_failure(row: MessageMedia, text: str, *, permanent: bool) -> None:
    log.info("media %s was not fetched: %s", row.pk, text)
    if permanent or row.tries > len(BACKOFF):
        _move(row, state=State.FAILED, error=text[:200])
    else:
        _move(row, error=text[:200], due_at=timezone.now() + BACKOFF[row.tries - 1])


@transaction.atomic
def _move(row: MessageMedia, **changes: Any) -> None:
    """Only while it waits: another worker may have had it after our lease."""
    waiting = MessageMedia.unscoped.filter(pk=row.pk, state=State.WAITING)
    conversation = row.message.conversation
    if waiting.update(**changes) and conversation is not None:
        tell_conversation(conversation)


def sweep() -> int:
    """Files that are due (their hint was lost, or the worker died): fetched here when overdue for 5 s."""
    due = MessageMedia.unscoped.filter(state=State.WAITING, due_at__lte=timezone.now())
    if not due.exists():
        return 0
    hints.send_now(FETCH)
    if due.filter(due_at__lt=timezone.now() - timedelta(seconds=5)).exists():
        return fetch_due(limit=AT_ONCE)
    return 1
