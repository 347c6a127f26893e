"""Calls the product's webhooks the way Twilio does: form-encoded and signed."""

import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from simulator.signing import sign

TIMEOUT = ClientTimeout(total=15, sock_connect=5)
MAX_CONNECTIONS = 64
HEADERS = {
    "User-Agent": "TwilioProxy/1.1",
    "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
}


class WebhookCaller:
    def __init__(self) -> None:
        self._session = ClientSession(
            timeout=TIMEOUT,
            headers=HEADERS,
            cookie_jar=DummyCookieJar(),
            connector=TCPConnector(limit=MAX_CONNECTIONS),
        )

    async def call(
        self, url: str, params: Mapping[str, str], token: str, signature: str = "right"
    ) -> int | None:
        """POST the parameters; the HTTP status, or None without answer. `signature`: right, wrong, none."""
        headers = {"I-Twilio-Idempotency-Token": secrets.token_hex(16)}
        if signature != "none":
            signed_with = token if signature == "right" else token + "-wrong"
            headers["X-Twilio-Signature"] = sign(signed_with, url, params)
        try:
            target = URL(url.partition("#")[0], encoded=True)
            body = urlencode(params).encode()
            async with self._session.post(
                target, data=body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                return answer.status
        except (ClientError, TimeoutError, ValueError, OSError):
            return None

    async def fetch(self, url: str, max_bytes: int) -> tuple[str, bytes] | None:
        """(media type, content) of what we attach to a text; None when it can't be had or is too large."""
        try:
            async with self._session.get(url) as answer:
                content = await answer.content.read(max_bytes + 1)
                while len(content) <= max_bytes and (more := await answer.content.read(max_bytes + 1)):
                    content += more
                is_fine = answer.status == 200 and 0 < len(content) <= max_bytes
                return (answer.content_type, content) if is_fine else None
        except (ClientError, TimeoutError, ValueError, OSError):
            return None

    async def close(self) -> None:
        await self._session.close()
