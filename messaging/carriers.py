"""Open provider accounts: a connection and a window each, so that a slow or strict one holds up only its own texts.

The window is how many calls may be under way; it grows with answers and shrinks when the account refuses more.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from uuid import UUID

from django.conf import settings

from messaging import measures
from messaging.claiming import Claimed
from messaging.failpoints import failpoint
from senderid.models import ProviderAccount
from senderid.providers.base import Answer, Credentials, Outcome, Outgoing
from senderid.providers.twilio import TwilioCarrier, announce_account

log = logging.getLogger(__name__)
FIRST_WINDOW = 64
NARROWEST = 16
FEW, MANY = 0.05, 0.25  # shares of answers that ask for a slower pace
SLOW_CALL = 1.0
AHEAD_SECONDS = 0.25
SHORTEST = 0.05  # what came in less time says nothing of a rate
LONGEST_HOLD = 30.0
UNUSABLE = Answer(
    Outcome.PAUSE_ACCOUNT,
    code="credentials",
    text="The provider account’s credentials can’t be used; an admin must renew them.",
)
BROKEN = Answer(Outcome.UNKNOWN, code="call_broke", text="The call broke here; it may have been taken.")
LATE = Answer(Outcome.RETRY, code="waited_too_long", text="It waited for its turn.")
Landed = Callable[[Claimed, Answer], None]
stopping = threading.Event()  # this process is to end: calls under way are the last


def open_carrier(account: ProviderAccount) -> TwilioCarrier:
    """The adapter of an account, with our time limits. Call it inside a running event loop."""
    return TwilioCarrier(
        Credentials(account.account_sid, account.auth_token, account.url),
        total=settings.SEND_TOTAL_SECONDS,
        connect=settings.SEND_CONNECT_SECONDS,
        in_flight=settings.SEND_IN_FLIGHT,
    )


class Window:
    """How many calls to one account may be under way. It learns from as many answers as it is wide.

    It doubles while all is well, after the first refusal it grows by a twentieth. When the account had about as many
    calls as it allows (Twilio-Concurrent-Requests), few refusals say that it is too wide; else they speak of a rate,
    for which the throttle and the texts' backoff are the cure, and it takes many of them.
    """

    def __init__(self) -> None:
        self.size = min(FIRST_WINDOW, settings.SEND_IN_FLIGHT)
        self.closed_until = 0.0  # of time.monotonic()
        self._was_refused = False
        self._answers = self._refusals = self._taken = 0
        self._had = 0.0
        self._rate = 0.0  # texts taken a second, of late
        self._since = time.monotonic()

    @property
    def ahead(self) -> int:
        """How many texts may be claimed and not answered: as much again as may be under way, or what leaves in a
        moment. More would be beyond the reach of a pause, and stand before a person's text."""
        return max(2 * self.size, min(8 * self.size, int(AHEAD_SECONDS * self._rate)))

    def learn(self, answer: Answer) -> None:
        self._answers += 1
        self._taken += answer.outcome == Outcome.ACCEPTED
        if answer.outcome == Outcome.SLOW_DOWN and not answer.of_sender:
            self._refusals += 1
            self._had = max(self._had, answer.concurrent or 0.0)
            if answer.retry_after:
                self.closed_until = time.monotonic() + min(answer.retry_after, LONGEST_HOLD)
        if self._answers >= self.size:
            now = time.monotonic()
            self._rate, self._since = self._taken / max(now - self._since, SHORTEST), now
            self._adapt()
            self._answers, self._refusals, self._taken, self._had = 0, 0, 0, 0.0

    def _adapt(self) -> None:
        bearable = FEW if self._had >= self.size / 2 else MANY
        if self._refusals > bearable * self._answers:
            self.size = max(NARROWEST, int(0.8 * self.size))
        else:
            self.size += max(1, self.size // 20) if self._was_refused else self.size
        self.size = min(self.size, settings.SEND_IN_FLIGHT)
        self._was_refused = self._was_refused or self._refusals > 0


class Lane:
    """The texts of one account on their way: those that wait for the window, and those under way."""

    def __init__(self, account_key: str, carrier: TwilioCarrier, landed: Landed) -> None:
        self.window = Window()
        self.carrier = carrier
        self._callback = f"{settings.PUBLIC_BASE_URL}/webhooks/twilio/{account_key}/status/"
        self._landed = landed
        self._waiting: deque[Claimed] = deque()
        self._callers: dict[asyncio.Task[None], float] = {}  # since when its call is under way
        self._slow = 0

    @property
    def room(self) -> int:
        """How many more texts may be claimed for it."""
        if self._is_closed:
            return 0
        return max(0, self.window.ahead - len(self._waiting) - len(self._callers) + self._slow)

    @property
    def _is_closed(self) -> bool:
        """The account asked for a pause; at the end of the process what waits goes back at once."""
        return self.window.closed_until > time.monotonic() and not stopping.is_set()

    @property
    def _may_call(self) -> bool:
        busy = len(self._callers)
        return not self._is_closed and busy - self._slow < self.window.size and busy < settings.SEND_IN_FLIGHT

    def push(self, texts: list[Claimed]) -> None:
        self._waiting.extend(texts)
        self.call_more()

    def call_more(self) -> None:
        """As many calls as the window allows; one that takes long is no sign of a full account and does not count."""
        long_ago = time.monotonic() - SLOW_CALL
        self._slow = sum(began < long_ago for began in self._callers.values())
        spare = len(self._waiting)
        while spare > 0 and self._may_call:
            caller = asyncio.create_task(self._calls())
            self._callers[caller] = time.monotonic()
            caller.add_done_callback(self._callers.pop)
            spare -= 1

    async def _calls(self) -> None:
        """One call after the other while texts wait and the window is not narrower than the calls under way."""
        caller = asyncio.current_task()
        assert caller is not None
        while self._waiting and not self._is_closed and len(self._callers) - self._slow <= self.window.size:
            text = self._waiting.popleft()
            self._callers[caller] = time.monotonic()
            try:
                answer = await self._call(text)
            except Exception:  # or the drain would wait for its answer for ever
                log.exception("calling for attempt %s broke", text.attempt_id)
                answer = BROKEN
            self.window.learn(answer)
            self._landed(text, answer)

    async def _call(self, text: Claimed) -> Answer:
        if stopping.is_set() or time.monotonic() > text.call_before:
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
                validity=int(text.expires_at - time.time()),
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

    def call_more(self) -> None:
        """Now and then: calls that have become slow make room for others, windows that grew are filled."""
        for lane in self._lanes.values():
            lane.call_more()

    async def close(self) -> None:
        for lane in self._lanes.values():
            await lane.carrier.close()


def read_account(account_id: UUID) -> ProviderAccount:
    account = ProviderAccount.unscoped.get(pk=account_id)
    if account.is_simulator:
        announce_account(account)  # it may have started after the account was made
    return account
