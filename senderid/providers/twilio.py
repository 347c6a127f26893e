"""Twilio: sends, lists, reads webhooks; also speaks to the simulator, which talks like it.

The library's own `timeout` does not time out (9.13.0), so the client gets our own session. 5xx, a time-out or a
broken connection is UNKNOWN: whether the text was taken can't be told. A refused connection surely was not. Texts go
through the SDK's HTTP client with the SDK's headers, made once: its `messages.create_async` spends half as much again,
on an answer of which we need the SID (docs/decisions).
"""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import requests
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from yarl import URL

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


class Http(AsyncTwilioHttpClient):
    """The SDK's client over our session: each form encoded once, no lines about every request, the headers kept."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        super().__init__(pool_connections=False)
        self.session = session

    async def request(
        self,
        method: str,
        url: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | bytes | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        body = _encoded(data) if isinstance(data, dict) else data
        if auth is not None:
            headers = {**(headers or {}), "Authorization": _basic(*auth)}
        async with self.session.request(
            method, url, params=params, data=body, headers=headers, allow_redirects=allow_redirects
        ) as answer:
            return Response(answer.status, (await answer.read()).decode(), answer.headers)


def _encoded(form: dict[str, Any]) -> bytes:
    """As a form is posted; yarl's C code does it in a quarter of the time of urllib."""
    return URL.build(query=form).raw_query_string.encode()


@lru_cache(maxsize=1000)
def _basic(user: str, password: str) -> str:
    return aiohttp.encode_basic_auth(user, password)


class TwilioCarrier:
    """One account, many calls in flight. Times in seconds."""

    def __init__(self, credentials: Credentials, *, total: float, connect: float, in_flight: int) -> None:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=total, sock_connect=connect),
            connector=aiohttp.TCPConnector(limit=in_flight, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._http = Http(self._session)
        self._client = Client(credentials.account_sid, credentials.auth_token, http_client=self._http)
        if credentials.base_url:
            self._client.api.base_url = credentials.base_url
        self._messages = self._client.api.v2010.account.messages
        self._headers = self._client.get_headers("POST", {"Authorization": _basic(*self._client.auth)})
        self._url = f"{self._client.api.base_url}/2010-04-01/Accounts/{credentials.account_sid}/Messages.json"

    async def send(self, text: Outgoing) -> Answer:
        """Hands one text over; never raises for what the carrier or the network does."""
        form = {
            "To": text.to,
            "From": text.sender,
            "Body": text.body,
            "StatusCallback": text.status_callback,
            "ValidityPeriod": max(1, min(text.validity, 36_000)),
        }
        try:
            answer = await self._http.request("POST", self._url, data=_encoded(form), headers=self._headers)
            return read_answer(answer)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return Answer(Outcome.RETRY, code="refused_connection", text="The provider could not be reached.")
        except Exception as error:
            return Answer(
                Outcome.UNKNOWN, code=type(error).__name__, text="No answer came; it may have been taken."
            )

    async def find(self, *, to: str, sender: str, since: datetime) -> list[Seen]:
        """Texts to `to` from `sender` since the day of `since`: all that Twilio can be asked."""
        found = await self._messages.list_async(to=to, from_=sender, page_size=100, limit=200)
        return [_seen(message) for message in found]

    async def fetch(self, sid: str) -> Receipt:
        """What became of a text of ours, as a receipt would have said."""
        message = await self._messages(sid).fetch_async()
        raw = str(message.status)
        return Receipt(
            sid=message.sid or "",
            status=STATUSES.get(raw, ""),
            raw_status=raw,
            code=str(message.error_code or ""),
        )

    async def inbound_since(self, *, numbers: list[str], since: datetime) -> list[Seen]:
        """Texts that came in to these numbers on or after the day of `since`: asked per number, or ours drown them."""
        found: list[Seen] = []
        for number in numbers:
            listed = await self._messages.list_async(to=number, date_sent_after=since, page_size=1000)
            found.extend([await self._with_media(message) for message in listed])
        return [seen for seen in found if seen.direction == "inbound" and seen.created_at >= since]

    async def _with_media(self, message: Any) -> Seen:
        """A text with the media that its webhook would have named."""
        seen = _seen(message)
        if seen.direction != "inbound" or str(message.num_media or "0") == "0":
            return seen
        listed = await self._messages(message.sid).media.list_async(limit=10)
        media = {"NumMedia": str(len(listed))}
        for n, one in enumerate(listed):
            media[f"MediaUrl{n}"] = self._client.api.base_url + str(one.uri).removesuffix(".json")
            media[f"MediaContentType{n}"] = one.content_type or ""
        return replace(seen, media=media)

    async def close(self) -> None:
        await self._session.close()


def read_answer(response: Response) -> Answer:
    """What the carrier said to a text. 5xx and what can't be read are UNKNOWN: it may have been taken."""
    status = response.status_code
    try:
        found = json.loads(response.text)
        said = found if isinstance(found, dict) else {}
    except ValueError:
        said = {}
    if 200 <= status < 300 and said.get("sid"):
        return Answer(Outcome.ACCEPTED, sid=said["sid"], http_status=status)
    code = str(said.get("code") or status)
    if not 400 <= status < 500:
        return Answer(Outcome.UNKNOWN, code=code, text="The provider failed.", http_status=status)
    outcome, text = errors.meaning(code, status)
    headers = response.headers or {}
    return Answer(
        outcome,
        code=code,
        text=text,
        http_status=status,
        retry_after=_number(headers.get("Retry-After")) or errors.PAUSES.get(code),
        of_sender=code in errors.OF_SENDER,
        concurrent=_number(headers.get("Twilio-Concurrent-Requests")),
    )


def _number(given: str | None) -> float | None:
    try:
        return max(0.0, float(given)) if given else None
    except ValueError:
        return None


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
    """The form of a status callback; each field without control characters and no longer than its column."""
    raw = form.get("MessageStatus") or form.get("SmsStatus") or ""
    return Receipt(
        sid=_plain(form.get("MessageSid") or form.get("SmsSid") or "", 64),
        status=STATUSES.get(raw, ""),
        raw_status=_plain(raw, 20),
        code=_plain(form.get("ErrorCode", "") or "", 10),
        payload={key: str(form[key]) for key in form},
    )


def _plain(text: str, most: int) -> str:
    return "".join(sign for sign in text if sign.isprintable())[:most]


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
