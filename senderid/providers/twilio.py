"""Twilio: sends, lists, reads webhooks; also speaks to the simulator, which talks like it.

The library's own `timeout` does not time out (9.13.0), so the client gets its own session. 5xx, a time-out or a
broken connection is UNKNOWN: whether the text was taken can't be told. A refused connection surely was not.
"""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from senderid.providers import errors
from senderid.providers.base import Answer, Credentials, Inbound, Outcome, Outgoing, Receipt, Seen

log = logging.getLogger(__name__)

STATUSES = {
    "accepted": "accepted",
    "queued": "accepted",
    "scheduled": "accepted",
    "sending": "accepted",
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "failed": "failed",
    "canceled": "failed",
}


class TwilioCarrier:
    """One account, many calls in flight. Times in seconds."""

    def __init__(self, credentials: Credentials, *, total: float, connect: float, in_flight: int) -> None:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=total, sock_connect=connect),
            connector=aiohttp.TCPConnector(limit=in_flight, keepalive_timeout=30),
        )
        self._total = total
        http = AsyncTwilioHttpClient(pool_connections=False)
        http.session = self._session
        http.logger.setLevel(logging.WARNING)
        self._client = Client(credentials.account_sid, credentials.auth_token, http_client=http)
        if credentials.base_url:
            self._client.api.base_url = credentials.base_url
        self._messages = self._client.api.v2010.account.messages

    async def send(self, text: Outgoing) -> Answer:
        """Hands one text over; never raises for what the carrier or the network does."""
        try:
            async with asyncio.timeout(self._total):
                message = await self._messages.create_async(
                    to=text.to,
                    from_=text.sender,
                    body=text.body,
                    status_callback=text.status_callback,
                    validity_period=max(1, min(text.validity, 36_000)),
                )
        except TwilioRestException as error:
            return _refused(error)
        except aiohttp.ClientConnectorError:
            return Answer(Outcome.RETRY, code="refused_connection", text="The provider could not be reached.")
        except Exception as error:
            return Answer(
                Outcome.UNKNOWN, code=type(error).__name__, text="No answer came; it may have been taken."
            )
        return Answer(Outcome.ACCEPTED, sid=message.sid or "", http_status=201)

    async def find(self, *, to: str, sender: str, since: datetime) -> list[Seen]:
        """Texts to `to` from `sender` since the day of `since`: all that Twilio can be asked."""
        found = await self._messages.list_async(to=to, from_=sender, page_size=100, limit=200)
        return [_seen(message) for message in found]

    async def inbound_since(self, *, numbers: list[str], since: datetime) -> list[Seen]:
        """Texts that came in to these numbers on or after the day of `since`: asked per number, or ours drown them."""
        found: list[Seen] = []
        for number in numbers:
            listed = await self._messages.list_async(to=number, date_sent_after=since, page_size=1000)
            found.extend(map(_seen, listed))
        return [seen for seen in found if seen.direction == "inbound" and seen.created_at >= since]

    async def close(self) -> None:
        await self._session.close()


def _refused(error: TwilioRestException) -> Answer:
    code = str(error.code or "")
    if error.status >= 500:
        return Answer(
            Outcome.UNKNOWN,
            code=code or str(error.status),
            text="The provider failed.",
            http_status=error.status,
        )
    outcome, text = errors.meaning(code, error.status)
    return Answer(outcome, code=code or str(error.status), text=text, http_status=error.status)


def _seen(message: Any) -> Seen:
    created = message.date_created or datetime.now(UTC)
    return Seen(
        sid=message.sid,
        to=message.to or "",
        sender=message.from_ or "",
        body=message.body or "",
        status=STATUSES.get(str(message.status), "accepted"),
        direction="inbound" if str(message.direction) == "inbound" else "outbound",
        created_at=created if created.tzinfo else created.replace(tzinfo=UTC),
        error_code=str(message.error_code or ""),
    )


def is_signed(*, tokens: list[str], url: str, params: Any, signature: str | None) -> bool:
    """Whether X-Twilio-Signature fits the configured URL and the form, by any of the account's tokens."""
    return bool(signature) and any(
        RequestValidator(token).validate(url, params, signature) for token in tokens
    )


def read_inbound(form: Any) -> Inbound:
    """The form of an inbound webhook; missing fields are empty."""
    return Inbound(
        sid=form.get("MessageSid") or form.get("SmsSid") or "",
        account_sid=form.get("AccountSid", ""),
        to=form.get("To", ""),
        sender=form.get("From", ""),
        body=form.get("Body", ""),
    )


def read_receipt(form: Any) -> Receipt:
    """The form of a status callback."""
    raw = form.get("MessageStatus") or form.get("SmsStatus") or ""
    return Receipt(
        sid=form.get("MessageSid") or form.get("SmsSid") or "",
        status=STATUSES.get(raw, ""),
        raw_status=raw,
        code=form.get("ErrorCode", "") or "",
        payload={key: str(form[key]) for key in form},
    )


def announce_account(account: Any) -> None:
    """Tells the simulator of an account, as if it had been opened there. Best effort."""
    _post(
        account,
        "/_sim/accounts",
        json={
            "account_sid": account.account_sid,
            "auth_token": account.auth_token,
            "inbound_url": account.inbound_url,
        },
    )


def announce_number(account: Any, value: str) -> bool:
    """Tells the simulator of a sender and the webhook its replies go to; whether it was there to hear."""
    announce_account(account)
    number = {"account_sid": account.account_sid, "number": value, "sms_url": account.inbound_url}
    return _post(account, "/_sim/numbers", json=number)


def _post(account: Any, path: str, **body: Any) -> bool:
    assert urlsplit(account.url).scheme in ("http", "https")
    try:
        requests.post(account.url + path, timeout=2, **body)
    except requests.RequestException as error:
        log.info("the simulator was not told of account %s: %s", account.pk, type(error).__name__)
        return False
    return True
