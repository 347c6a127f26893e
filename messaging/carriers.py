"""Open provider accounts: a connection and a window each, so that a slow or strict one holds up only its own texts.

The window is how many calls may be under way. It grows by one with each answer and shrinks by a fifth when the
account says that it had too many, at most to what the account had then (Twilio-Concurrent-Requests).
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from messaging import measures
from messaging.claiming import Claimed
from messaging.failpoints import failpoint
from senderid.models import ProviderAccount
from senderid.providers.base import Answer, Credentials, Outcome, Outgoing
from senderid.providers.twilio import TwilioCarrier, announce_account

log = logging.getLogger(__name__)
FIRST_WINDOW = 64
SHRINKS_AT_MOST_EVERY = 0.5
LONGEST_HOLD = 30.0
UNUSABLE = Answer(
    Outcome.PAUSE_ACCOUNT,
    code="credentials",
    text="The provider account’s credentials can’t be used; an admin must renew them.",
)
LATE = Answer(Outcome.RETRY, code="waited_too_long", text="It waited for its turn.")
Landed = Callable[[Claimed, Answer], None]


def open_carrier(account: ProviderAccount) -> TwilioCarrier:
    """The adapter of an account, with our time limits. Call it inside a running event loop."""
    return TwilioCarrier(
        Credentials(account.account_sid, account.auth_token, account.url),
        total=settings.SEND_TOTAL_SECONDS,
        connect=settings.SEND_CONNECT_SECONDS,
        in_flight=settings.SEND_IN_FLIGHT,
    )


class Window:
    """How many calls to one account may be under way; times of time.monotonic()."""

    def __init__(self) -> None:
        self.size = min(FIRST_WINDOW, settings.SEND_IN_FLIGHT)
        self.closed_until = 0.0
        self._shrunk_at = 0.0

    def learn(self, answer: Answer) -> None:
        if answer.outcome == Outcome.ACCEPTED:
            self.size = min(settings.SEND_IN_FLIGHT, self.size + 1)
        elif answer.outcome == Outcome.SLOW_DOWN and not answer.of_sender:
            self._shrink(answer)

    def _shrink(self, answer: Answer) -> None:
        now = time.monotonic()
        if answer.retry_after:
            self.closed_until = now + min(answer.retry_after, LONGEST_HOLD)
        if now - self._shrunk_at >= SHRINKS_AT_MOST_EVERY:
            had = answer.concurrent or self.size
            self.size, self._shrunk_at = max(1, int(0.8 * min(self.size, had))), now


class Lane:
    """The texts of one account on their way: those that wait for the window, and those under way."""

    def __init__(self, account_key: str, carrier: TwilioCarrier, landed: Landed) -> None:
        self.window = Window()
        self.carrier = carrier
        self._callback = f"{settings.PUBLIC_BASE_URL}/webhooks/twilio/{account_key}/status/"
        self._landed = landed
        self._waiting: deque[Claimed] = deque()
        self._callers: set[asyncio.Task[None]] = set()

    @property
    def room(self) -> int:
        """How many more texts may be claimed for it: as much again as may be under way."""
        if self.window.closed_until > time.monotonic():
            return 0
        return max(0, 2 * self.window.size - len(self._waiting) - len(self._callers))

    def push(self, texts: list[Claimed]) -> None:
        self._waiting.extend(texts)
        self._call_more()

    def _call_more(self) -> None:
        while len(self._callers) < min(self.window.size, len(self._callers) + len(self._waiting)):
            caller = asyncio.create_task(self._calls())
            self._callers.add(caller)
            caller.add_done_callback(self._callers.discard)

    async def _calls(self) -> None:
        """One call after the other while texts wait and the window allows as many callers as there are."""
        while self._waiting and len(self._callers) <= self.window.size:
            text = self._waiting.popleft()
            answer = await self._call(text)
            self.window.learn(answer)
            self._landed(text, answer)
            if self.window.closed_until:
                await asyncio.sleep(max(0.0, self.window.closed_until - time.monotonic()))
            self._call_more()

    async def _call(self, text: Claimed) -> Answer:
        if time.monotonic() > text.call_before:
            # Its lease may run out during the call; then someone else could send it too. It goes back unsent.
            return LATE
        failpoint("calling")
        began = time.monotonic()
        answer = await self.carrier.send(  # it never raises
            Outgoing(
                to=text.to,
                sender=text.sender,
                body=text.body,
                status_callback=f"{self._callback}{text.attempt_id}",
                validity=int((text.expires_at - timezone.now()).total_seconds()),
            )
        )
        measures.observe("call", time.monotonic() - began)
        failpoint("answered")
        return answer


class Carriers:
    """The lanes of a drain, one per account."""

    def __init__(self, landed: Landed) -> None:
        self._lanes: dict[UUID, Lane] = {}
        self._landed = landed

    def room(self, account_id: UUID) -> int:
        lane = self._lanes.get(account_id)
        return lane.room if lane else 2 * FIRST_WINDOW

    def knows(self, account_id: UUID) -> bool:
        return account_id in self._lanes

    def add(self, account: ProviderAccount) -> None:
        """Opens an account; one that can't be opened holds up only its own texts."""
        try:
            self._lanes[account.pk] = Lane(account.account_key, open_carrier(account), self._landed)
        except Exception:
            log.exception("account %s can't be opened", account.pk)

    def push(self, account_id: UUID, texts: list[Claimed]) -> None:
        lane = self._lanes.get(account_id)
        if lane is not None:
            lane.push(texts)
            return
        for text in texts:
            self._landed(text, UNUSABLE)

    async def close(self) -> None:
        for lane in self._lanes.values():
            await lane.carrier.close()


def read_account(account_id: UUID) -> ProviderAccount:
    account = ProviderAccount.unscoped.get(pk=account_id)
    if account.is_simulator:
        announce_account(account)  # it may have started after the account was made
    return account
