"""Inbound texts: stored raw first, then in one transaction: sender → STOP/HELP/START → program keyword → contact →
conversation → campaign or program → unread. After commit the layer above is told who is to hear of it.

`webhooks` calls `store_event`; a worker or the dispatcher runs `process_waiting`. Nothing is ever dropped: an event
that fits no sender waits in quarantine.
"""

import asyncio
import logging
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from django.db import OperationalError, close_old_connections, transaction
from django.db.models import F
from django.utils import timezone

from messaging import consent, conversations, keywords, programs, reactions, segments
from messaging.auto_replies import looks_automatic
from messaging.carriers import open_carrier
from messaging.contacts import contact_of_sender
from messaging.failpoints import failpoint
from messaging.live_events import tell_conversation
from messaging.media import files
from messaging.media.fetching import FETCH
from messaging.models import Campaign, Conversation, InboundEvent, Message, MessageMedia, TimelineEntry
from messaging.possible_opt_outs import hold_for
from messaging.signals import text_received
from messaging.statuses import WAITING, Status
from messaging.tapbacks import Tapback, tapback_in
from senderid.models import ProviderAccount, SenderId
from senderid.phone_numbers import parse
from senderid.providers.base import Inbound
from tenants import hints, rows
from tenants.errors import DomainError

log = logging.getLogger(__name__)
PROCESS = "messaging.receiving.process"
CAMPAIGN_WINDOW = timedelta(days=7)
MOST_TRIES = 5
LOOK_BACK = timedelta(hours=24)
State = InboundEvent.State
HOSTILE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
# A campaign's text in one of these states has not reached the contact: a reply is no answer to it.
NOT_TEXTED = WAITING | {Status.BLOCKED, Status.CANCELLED, Status.EXPIRED, Status.FAILED}

KEEP_EVENT = rows.Insert(InboundEvent, conflict="ON CONFLICT (account_id, provider_sid) DO NOTHING")


def store_event(*, account: ProviderAccount, inbound: Inbound, payload: dict[str, str]) -> bool:
    """Keeps the raw event, once per provider message id; whether it is new."""
    event = InboundEvent(
        org_id=account.org_id,
        account=account,
        provider_sid=clean(inbound.sid)[:64],
        to=clean(inbound.to)[:64],
        from_value=clean(inbound.sender)[:64],
        body=clean(segments.read_body(inbound.body)),
        payload={clean(key): clean(value) for key, value in payload.items()},
    )
    is_new = KEEP_EVENT(event)
    if is_new:
        hints.after_commit(PROCESS)
    return is_new


def clean(text: str) -> str:
    """Without what could reorder or break a page: NUL, C0 and bidi controls. Line breaks stay."""
    return HOSTILE.sub("", text)


@shared_task
def process() -> int:
    """Works through what waits."""
    return process_waiting()


def process_waiting(most: int = 500) -> int:
    """Handles waiting events, oldest first; safe to run many times at once."""
    done = 0
    waiting = InboundEvent.unscoped.filter(state=State.WAITING).order_by("received_at")
    for pk in list(waiting.values_list("pk", flat=True)[:most]):
        done += process_event(pk)
    return done


def process_event(pk: UUID) -> bool:
    """One event in one transaction; after too many failures it goes to quarantine instead of blocking others."""
    failpoint("receiving")
    try:
        with transaction.atomic():
            event = (
                InboundEvent.unscoped.select_for_update(skip_locked=True, of=("self",))
                .filter(pk=pk, state=State.WAITING)
                .select_related("org", "account")
                .first()
            )
            if event is None:
                return False
            message = _take_in(event)
    except OperationalError:
        log.exception("inbound event %s waits for the database", pk)
        return False
    except Exception:
        log.exception("inbound event %s failed", pk)
        _count_failure(pk)
        return False
    failpoint("received")
    if message is not None:
        text_received.send_robust(Message, message_id=message.pk)
    return True


def _count_failure(pk: UUID) -> None:
    """Only while it waits: another worker may have done it meanwhile."""
    waiting = InboundEvent.unscoped.filter(pk=pk, state=State.WAITING)
    waiting.update(tries=F("tries") + 1)
    waiting.filter(tries__gte=MOST_TRIES).update(
        state=State.QUARANTINED, reason="It could not be processed; replay it when the cause is mended."
    )


def _take_in(event: InboundEvent) -> Message | None:
    org = event.org
    sender = _sender_texted(event)
    if sender is None:
        _quarantine(event, f"No sender of this account has the number {event.to}.")
        return None
    contact = contact_of_sender(org=org, value=event.from_value)
    conversation = conversations.open_conversation(org=org, sender=sender, contact=contact)
    conversation = (
        Conversation.objects.for_org(org)
        .select_for_update(of=("self",))  # two texts of one contact are taken in one after the other
        .select_related("sender", "contact__owner")
        .get(pk=conversation.pk)
    )
    conversation.org = org
    message = _inbound_message(event, conversation)
    tapback = tapback_in(event.body)
    target = reactions.target_of(conversation=conversation, tapback=tapback) if tapback else None
    if tapback is not None and target is not None:
        _react(message, conversation, target, tapback)
        _keep_media(event, message)
        return _finish(event, message, conversation)
    outcome = keywords.act_on(conversation=conversation, event=event)
    message.hushed, message.program = outcome.hushed, outcome.program
    automatic = not outcome.is_keyword and looks_automatic(event.body)
    if not outcome.is_keyword:
        _attribute(message, conversation)
    if automatic:
        message.hushed = "Automatic reply: nobody is notified"
    message.save(force_insert=True)
    media = _keep_media(event, message)
    if (
        not outcome.is_keyword
        and not automatic
        and tapback is None
        and not hold_for(conversation=conversation, body=event.body)
    ):
        _flag(conversation, event.body)
    conversations.record_inbound(
        conversation=conversation,
        message=message,
        waits=not outcome.is_keyword and not automatic,
        reopens=not automatic,
        shown=files.words_of(message, media),
    )
    return _finish(event, message, conversation)


def _keep_media(event: InboundEvent, message: Message) -> list[MessageMedia]:
    """The rows of its pictures and files, which a job then fetches."""
    media = files.rows_for(message, event.payload)
    if media:
        MessageMedia.objects.for_org(event.org_id).bulk_create(media)
        hints.after_commit(FETCH)
    return media


def _react(message: Message, conversation: Conversation, target: Message, tapback: Tapback) -> None:
    """A reaction is shown on the message it quotes: it waits for no reply, and neither opens nor reopens anything."""
    message.hushed = reactions.HUSHED
    message.save(force_insert=True)
    reaction = reactions.record(message=message, target=target, tapback=tapback)
    if conversation.last_at is None:  # to a campaign's message nobody replied to
        conversations.close_quietly(conversation=conversation)
        if target.campaign is not None or target.program is not None:
            conversations.attribute(
                conversation=conversation, campaign=target.campaign, program=target.program
            )
    shown = reactions.in_words(reaction, str(conversation.contact))
    conversations.record_inbound(
        conversation=conversation, message=message, waits=False, reopens=False, shown=shown
    )


def _finish(event: InboundEvent, message: Message, conversation: Conversation) -> Message:
    event.state, event.done_at, event.message = State.DONE, timezone.now(), message
    event.save(update_fields=["state", "done_at", "message"])
    tell_conversation(conversation, message=message.pk)
    return message


def _sender_texted(event: InboundEvent) -> SenderId | None:
    """By number within the account: only numbers are parsed as numbers. A retired one no longer receives."""
    number = parse(event.to, line=True)
    rows = SenderId.objects.for_org(event.org_id).filter(provider_account_id=event.account_id)
    rows = rows.exclude(status__in=[SenderId.Status.RETIRED, SenderId.Status.DRAFT])
    return rows.filter(value=number.e164 if number else event.to).select_related("provider_account").first()


def _quarantine(event: InboundEvent, reason: str) -> None:
    event.state, event.reason = State.QUARANTINED, reason
    event.save(update_fields=["state", "reason"])


def replay(*, event: InboundEvent) -> bool:
    """Tries a quarantined event again, for example after its number was set up."""
    if event.state != State.QUARANTINED:
        raise DomainError("not_quarantined", "Only an event in quarantine can be replayed.")
    InboundEvent.objects.for_org(event.org_id).filter(pk=event.pk).update(
        state=State.WAITING, tries=0, reason=""
    )
    hints.after_commit(PROCESS)
    return True


def _inbound_message(event: InboundEvent, conversation: Conversation) -> Message:
    cut = segments.cut(event.body)
    return Message(
        org=event.org,
        sender=conversation.sender,
        account_id=event.account_id,
        contact=conversation.contact,
        conversation=conversation,
        direction=Message.Direction.INBOUND,
        origin=Message.Origin.CONTACT,
        status=Status.RECEIVED,
        to=conversation.sender.value,
        from_value=conversation.contact.number,
        country=conversation.contact.country,
        body=event.body,
        encoding=cut.encoding,
        segments=min(cut.segments, 100),
        provider_sid=event.provider_sid,
        created_at=event.received_at,
        due_at=event.received_at,
        final_at=event.received_at,
    )


def _attribute(message: Message, conversation: Conversation) -> None:
    """To a program (its keyword, a live subscription), else to the campaign that texted this pair in the last 7 days."""
    found = programs.take_text(conversation=conversation, body=message.body)
    if found is not None:
        message.program, message.hushed = found.program, found.hushed
        conversation.program = found.program
        conversations.attribute(conversation=conversation, program=found.program)
        return
    campaign = last_campaign(conversation)
    if campaign is not None:
        message.campaign = campaign
        conversations.attribute(conversation=conversation, campaign=campaign)


def last_campaign(conversation: Conversation) -> Campaign | None:
    """The campaign that last texted this contact from this sender within 7 days."""
    texts = (
        Message.objects.for_org(conversation.org_id)
        .filter(
            sender=conversation.sender_id,
            contact=conversation.contact_id,
            campaign__isnull=False,
            direction=Message.Direction.OUTBOUND,
            created_at__gt=timezone.now() - CAMPAIGN_WINDOW,
        )
        .exclude(status__in=NOT_TEXTED)
    )
    newest = texts.select_related("campaign").order_by("-pk").first()
    return newest.campaign if newest else None


def _flag(conversation: Conversation, body: str) -> None:
    if consent.mentions_stop(body):
        conversations.note(
            conversation=conversation,
            kind=TimelineEntry.Kind.FLAG,
            text="The message mentions “stop”. It doesn’t opt the contact out; please check.",
        )


def sweep() -> int:
    """Inbound events that wait (their hint was lost, or the worker died): done here when older than 2 s."""
    waiting = InboundEvent.unscoped.filter(state=State.WAITING)
    if not waiting.exists():
        return 0
    hints.send_now(PROCESS)
    if waiting.filter(received_at__lt=timezone.now() - timedelta(seconds=2)).exists():
        return process_waiting(most=100)
    return 1


@shared_task
def reconcile() -> int:
    """Asks each account for inbound texts of the last day and stores those no webhook brought."""
    close_old_connections()
    found = 0
    for account in ProviderAccount.unscoped.filter(org__is_active=True):
        try:
            found += reconcile_account(account)
        except Exception as error:
            log.warning("reconciling account %s failed: %s", account.pk, type(error).__name__)
    return found


def reconcile_account(account: ProviderAccount) -> int:
    """How many missing inbound texts were stored."""
    senders = SenderId.objects.for_org(account.org_id).filter(provider_account=account)
    numbers = [sender.value for sender in senders if sender.receives]
    seen = asyncio.run(_list_inbound(account, numbers))
    rows = InboundEvent.objects.for_org(account.org_id).filter(account=account)
    known = set(
        rows.filter(provider_sid__in=[one.sid for one in seen]).values_list("provider_sid", flat=True)
    )
    missing = [one for one in seen if one.sid not in known]
    for one in missing:
        inbound = Inbound(one.sid, account.account_sid, one.to, one.sender, one.body)
        store_event(account=account, inbound=inbound, payload={keywords.RECONCILED: "yes"} | one.media)
    return len(missing)


async def _list_inbound(account: ProviderAccount, numbers: list[str]) -> list[Any]:
    carrier = open_carrier(account)
    try:
        return await carrier.inbound_since(numbers=numbers, since=timezone.now() - LOOK_BACK)
    finally:
        await carrier.close()
