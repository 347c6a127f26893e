"""Downloads what a provider keeps for us (pictures of inbound messages): from the account's own API and the provider's
media hosts only, never from an address of a private network, within limits of size and time. No database.
"""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver

from senderid.providers.base import Credentials

API = "https://api.twilio.com"
# Where Twilio's API redirects to (docs: "Media resource", 2026); the shared host only below Twilio's own folder.
MEDIA_HOSTS = {
    "mms.twiliocdn.com": "/",
    "media.twiliocdn.com": "/",
    "s3-external-1.amazonaws.com": "/media.twiliocdn.com/",
}
MAX_REDIRECTS = 2
TOTAL_SECONDS, CONNECT_SECONDS = 30, 5
CHUNK = 64 * 1024


class MediaError(Exception):
    """Why a file could not be loaded, in words; `permanent` when asking again can't help."""

    def __init__(self, text: str, *, permanent: bool) -> None:
        super().__init__(text)
        self.text, self.permanent = text, permanent


@dataclass(frozen=True)
class Source:
    """The account a file belongs to; `is_local` when its API may lie at a private address (the simulator)."""

    credentials: Credentials
    is_local: bool = False

    @property
    def base(self) -> str:
        return self.credentials.base_url or API


class PublicResolver(ThreadedResolver):
    """Resolves a name to public addresses only; the connection goes to what was checked."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        results = [one for one in await super().resolve(host, port, family) if is_public(one["host"])]
        if not results:
            raise OSError("The host has no public address.")
        return results


def is_public(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_global


async def download(source: Source, url: str, *, max_bytes: int) -> bytes:
    """The file at `url`. Raises MediaError, whatever the provider or the network does."""
    try:
        async with asyncio.timeout(TOTAL_SECONDS), _session(source) as session:
            return await _follow(session, source, url, max_bytes)
    except MediaError:
        raise
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise MediaError(
            f"The provider could not be reached ({type(error).__name__}).", permanent=False
        ) from None


def _session(source: Source) -> aiohttp.ClientSession:
    resolver = ThreadedResolver() if source.is_local else PublicResolver()
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS, sock_connect=CONNECT_SECONDS),
        connector=aiohttp.TCPConnector(resolver=resolver),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


async def _follow(session: aiohttp.ClientSession, source: Source, url: str, max_bytes: int) -> bytes:
    """The credentials go to the account's API alone."""
    if not is_of_account(source, url):
        raise MediaError("It lies outside the provider’s account.", permanent=True)
    auth: Any = aiohttp.BasicAuth(source.credentials.account_sid, source.credentials.auth_token)
    for _ in range(MAX_REDIRECTS + 1):
        headers = {"Accept-Encoding": "identity"}
        async with session.get(url, auth=auth, headers=headers, allow_redirects=False) as response:
            if response.status not in (301, 302, 303, 307, 308):
                return await _read(response, max_bytes)
            url, auth = urljoin(url, response.headers.get("Location", "")), None
        if not is_media_host(url):
            raise MediaError("The provider sent us elsewhere.", permanent=True)
    raise MediaError("The provider sent us around in circles.", permanent=True)


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    if response.status != 200:
        permanent = response.status in (400, 403, 404, 410)
        raise MediaError(f"The provider answered {response.status}.", permanent=permanent)
    content = bytearray()
    if (response.content_length or 0) <= max_bytes:
        async for chunk in response.content.iter_chunked(CHUNK):
            content += chunk
            if len(content) > max_bytes:
                break
    if len(content) > max_bytes or (response.content_length or 0) > max_bytes:
        raise MediaError(f"It is larger than {max_bytes // 2**20} MB.", permanent=True)
    if not content:
        raise MediaError("The provider answered with an empty file.", permanent=False)
    return bytes(content)


def is_of_account(source: Source, url: str) -> bool:
    """Below the account's own address of the API, scheme and port included."""
    asked, base = urlsplit(url), urlsplit(source.base)
    own = f"{base.path.rstrip('/')}/2010-04-01/Accounts/{source.credentials.account_sid}/"
    is_same = (asked.scheme, asked.netloc.lower()) == (base.scheme, base.netloc.lower())
    return is_same and asked.path.startswith(own) and "/." not in asked.path and "%" not in asked.path


def is_media_host(url: str) -> bool:
    asked = urlsplit(url)
    folder = MEDIA_HOSTS.get(asked.netloc.lower())
    return (
        asked.scheme == "https"
        and folder is not None
        and asked.path.startswith(folder)
        and "/." not in asked.path
    )
