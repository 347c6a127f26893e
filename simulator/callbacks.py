"""Tells the product what became of a text: status callbacks, so many at once, tried again a few times."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from simulator.accounts import Accounts
from simulator.ledger import Ledger, Message
from simulator.webhooks import WebhookCaller

IN_FLIGHT = 50
RETRY_AFTER_S = (0.2, 0.5, 1.0)


@dataclass(slots=True, eq=False)
class Callback:
    message: Message
    params: dict[str, str]
    tries: int = 0


class Callbacks:
    def __init__(self, accounts: Accounts, ledger: Ledger, webhooks: WebhookCaller) -> None:
        self._accounts = accounts
        self._ledger = ledger
        self._webhooks = webhooks
        self._queue: asyncio.Queue[Callback] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []
        self.clear()

    def start(self) -> None:
        self._workers = [asyncio.create_task(self._work()) for _ in range(IN_FLIGHT)]

    async def stop(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    def tell(self, message: Message, after_s: float = 0) -> None:
        """Send the message's status, as it is now, to its callback URL."""
        callback = Callback(message, callback_params(message))
        self.waiting += 1
        self._put(callback, after_s)

    def _put(self, callback: Callback, after_s: float) -> None:
        if after_s > 0:
            asyncio.get_running_loop().call_later(after_s, self._queue.put_nowait, callback)
        else:
            self._queue.put_nowait(callback)

    async def _work(self) -> None:
        while True:
            callback = await self._queue.get()
            if self._ledger.is_current(callback.message):
                await self._try(callback)

    async def _try(self, callback: Callback) -> None:
        message = callback.message
        account = self._accounts.find(message.account_sid)
        token = account.auth_token if account else ""
        status = await self._webhooks.call(message.status_callback, callback.params, token)
        if not self._ledger.is_current(message):
            return
        if status is not None and 200 <= status < 300:
            self._finish(delivered=True)
            return
        self.last_failure = f"{status or 'no answer'} from {message.status_callback}"
        if callback.tries < len(RETRY_AFTER_S):
            self._put(callback, RETRY_AFTER_S[callback.tries])
            callback.tries += 1
        else:
            self._finish(delivered=False)

    def _finish(self, *, delivered: bool) -> None:
        self.waiting -= 1
        self.delivered += delivered
        self.given_up += not delivered

    def clear(self) -> None:
        """Forget the counts; callbacks of messages that are gone are dropped when their turn comes."""
        self.waiting = self.delivered = self.given_up = 0
        self.last_failure = ""

    def counts(self) -> dict[str, int | str]:
        return {
            "waiting": self.waiting,
            "delivered": self.delivered,
            "given_up": self.given_up,
            "last_failure": self.last_failure,
        }


def callback_params(message: Message) -> dict[str, str]:
    params = {
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "MessageStatus": message.status,
        "SmsStatus": message.status,
        "To": message.to,
        "From": message.sender,
        "AccountSid": message.account_sid,
        "ApiVersion": "2010-04-01",
    }
    if message.service_sid:
        params["MessagingServiceSid"] = message.service_sid
    if message.error_code is not None:
        params["ErrorCode"] = str(message.error_code)
    if message.status in ("delivered", "undelivered"):
        params["RawDlrDoneDate"] = datetime.fromtimestamp(message.updated, UTC).strftime("%y%m%d%H%M")
    return params
