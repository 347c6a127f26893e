"""What the carrier answered, written in bulk by compare-and-set on (state, attempt number).

A receipt may have moved a text already: then the answer only fills gaps. Definite refusals fail, or look for the
next sender; what surely was not taken is queued again; what is uncertain becomes `unknown` and is never repeated
blindly (`resolving`).
"""

import logging
import random
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from messaging import consent, failover
from messaging.claiming import Claimed
from messaging.failpoints import failpoint
from messaging.live_events import tell_conversation
from messaging.models import Conversation, Message, OptOut
from messaging.statuses import Status
from messaging.throttle import Throttle, bucket_of
from senderid import quarantine
from senderid.models import ProviderAccount
from senderid.providers.base import Answer, Outcome

log = logging.getLogger(__name__)
PAUSE = timedelta(minutes=5)

STATUS_AFTER = {
    Outcome.ACCEPTED: Status.ACCEPTED,
    Outcome.RETRY: Status.QUEUED,
    Outcome.SLOW_DOWN: Status.QUEUED,
    Outcome.PAUSE_ACCOUNT: Status.QUEUED,
    Outcome.UNKNOWN: Status.UNKNOWN,
}  # everything else is failed
WRITE = """
UPDATE messaging_message m SET status = v.status, provider_sid = CASE WHEN v.sid <> '' THEN v.sid ELSE m.provider_sid END,
  error_code = v.code, error_text = v.text, due_at = COALESCE(v.due_at, m.due_at), lease_until = NULL,
  accepted_at = CASE WHEN v.status = 'accepted' THEN now() ELSE m.accepted_at END,
  final_at = CASE WHEN v.status = 'failed' THEN now() ELSE NULL END
FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
  AS v(id, no, status, sid, code, text, due_at)
WHERE m.id = v.id AND m.attempt_no = v.no AND m.status IN ('sending', 'unknown')
RETURNING m.id, m.conversation_id, m.status
"""
# A receipt came before the answer: the state stays, only the SID is filled in where it was missing.
FILL_SIDS = """
UPDATE messaging_message m SET provider_sid = v.sid FROM unnest(%s::uuid[], %s::int[], %s::text[]) AS v(id, no, sid)
WHERE m.id = v.id AND m.attempt_no = v.no AND m.provider_sid = '' AND v.sid <> ''
"""
WRITE_ATTEMPTS = """
UPDATE messaging_attempt a SET outcome = v.outcome, http_status = NULLIF(v.http, 0), code = v.code,
  provider_sid = CASE WHEN v.sid <> '' THEN v.sid ELSE a.provider_sid END
FROM unnest(%s::uuid[], %s::text[], %s::int[], %s::text[], %s::text[]) AS v(id, outcome, http, code, sid)
WHERE a.id = v.id
"""


def record(done: list[tuple[Claimed, Answer]]) -> int:
    """Writes the answers; returns how many texts moved. Raises only when the database is away: then again, later."""
    failpoint("recording")
    try:
        return _record(done)
    except (OperationalError, InterfaceError):
        raise
    except (DatabaseError, ObjectDoesNotExist):
        log.exception("recording %s answers failed", len(done))
    if len(done) == 1:
        return 0  # its lease runs out and the carrier is asked
    return sum(record([one]) for one in done)


def _record(done: list[tuple[Claimed, Answer]]) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        _write_attempts(cursor, done)
        moved = _write(cursor, done)
        if len(moved) < len(done):
            _fill_sids(cursor, done)
        for text, answer in done:
            _consequences(text, answer)
        _tell(moved)
    failpoint("recorded")
    return len(moved)


def _write_attempts(cursor: Any, done: list[tuple[Claimed, Answer]]) -> None:
    cursor.execute(
        WRITE_ATTEMPTS,
        [
            [text.attempt_id for text, _ in done],
            [answer.outcome.value for _, answer in done],
            [answer.http_status or 0 for _, answer in done],
            [answer.code[:40] for _, answer in done],
            [answer.sid for _, answer in done],
        ],
    )


def _write(cursor: Any, done: list[tuple[Claimed, Answer]]) -> list[tuple[UUID, UUID | None, str]]:
    statuses = [STATUS_AFTER.get(answer.outcome, Status.FAILED) for _, answer in done]
    cursor.execute(
        WRITE,
        [
            [text.message_id for text, _ in done],
            [text.no for text, _ in done],
            [str(status) for status in statuses],
            [answer.sid for _, answer in done],
            [answer.code[:40] for _, answer in done],
            [answer.text[:300] for _, answer in done],
            [
                _due(text, answer) if status == Status.QUEUED else None
                for (text, answer), status in zip(done, statuses, strict=True)
            ],
        ],
    )
    return list(cursor.fetchall())


def _fill_sids(cursor: Any, done: list[tuple[Claimed, Answer]]) -> None:
    sids = [answer.sid for _, answer in done]
    cursor.execute(FILL_SIDS, [[text.message_id for text, _ in done], [text.no for text, _ in done], sids])


def _due(text: Claimed, answer: Answer) -> Any:
    """Backoff with jitter: 1 s doubling to a minute, and never before the carrier asks for it."""
    if answer.outcome == Outcome.PAUSE_ACCOUNT:
        return timezone.now() + PAUSE
    seconds = max(answer.retry_after or 0.0, min(60.0, 0.5 * 2 ** min(text.no, 8)))
    return timezone.now() + timedelta(seconds=seconds * random.uniform(0.75, 1.25))


def _consequences(text: Claimed, answer: Answer) -> None:
    """What a refusal means besides this text."""
    if answer.outcome != Outcome.ACCEPTED:
        ids = {"org": text.org_id, "text": text.message_id, "attempt": text.attempt_id}
        log.info("attempt %s", answer.outcome, extra={**ids, "code": answer.code})
    if answer.outcome == Outcome.OPT_OUT:
        _note_opt_out(text)
    elif answer.outcome == Outcome.PAUSE_ACCOUNT:
        ProviderAccount.objects.for_org(text.org_id).filter(pk=text.account_id).update(
            paused_until=timezone.now() + PAUSE, paused_reason=answer.text[:200]
        )
    elif answer.outcome == Outcome.SLOW_DOWN and answer.of_sender:
        Throttle().hold(bucket_of("sender", text.sender_id), answer.retry_after or 1.0)
    elif answer.outcome == Outcome.QUARANTINE_SENDER:
        quarantine.note_refusal(
            org_id=text.org_id, sender_id=text.sender_id, code=answer.code, text=answer.text
        )
        failover.try_next_sender(org_id=text.org_id, message_id=text.message_id)
    elif answer.outcome == Outcome.NEXT_SENDER:
        failover.try_next_sender(org_id=text.org_id, message_id=text.message_id)


def _note_opt_out(text: Claimed) -> None:
    """The provider knows of an opt-out that we did not: record it, send nothing."""
    rows = Message.objects.for_org(text.org_id).select_related("org", "sender", "program")
    message = rows.get(pk=text.message_id)
    consent.record_stop(
        org=message.org,
        contact_number=text.to,
        sender=message.sender,
        program=message.program,
        source=OptOut.Source.PROVIDER,
        words=message.error_code,
    )


def _tell(moved: list[tuple[UUID, UUID | None, str]]) -> None:
    """Open threads show the new state at once."""
    ids = {conversation_id for _, conversation_id, _ in moved if conversation_id}
    failed = [pk for pk, _, status in moved if status == Status.FAILED]
    if failed:
        rows = Message.unscoped.filter(pk__in=failed, status=Status.FAILED)  # not those queued again
        failed = list(rows.values_list("conversation_id", flat=True))
        Conversation.unscoped.filter(pk__in=failed).update(last_failed=True)
    for conversation in Conversation.unscoped.filter(pk__in=ids).select_related("contact"):
        tell_conversation(conversation)
