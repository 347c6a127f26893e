"""Where a request came from, and under which name this deployment is public.

`client_address` is the only reader of X-Forwarded-For. Absolute links never follow the request: `PublicAddress`
replaces its Host and scheme by those of PUBLIC_BASE_URL before a view sees them.
"""

import logging
from collections.abc import Callable
from functools import cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

log = logging.getLogger(__name__)
Handler = Callable[[HttpRequest], HttpResponse]
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")
IPV6_PREFIX = 64  # what one customer of a network has at least
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


class PublicAddress:
    """Makes every absolute link of a request start with PUBLIC_BASE_URL, whatever its Host and scheme were.

    The Host is replaced only before the view: by then it was compared with ALLOWED_HOSTS and with the Origin.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.META["wsgi.url_scheme"] = urlsplit(settings.PUBLIC_BASE_URL).scheme
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> None:
        request.META["HTTP_HOST"] = urlsplit(settings.PUBLIC_BASE_URL).netloc


def client_address(request: HttpRequest) -> str:
    """The address of the client, as the outermost of TRUSTED_PROXY_COUNT proxies saw it.

    Each proxy appends the address it was called from; entries further left are the client's own words. A request
    with fewer entries than proxies did not pass all of them: then it is the address of the peer.
    """
    count = settings.TRUSTED_PROXY_COUNT
    entries = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if count else []
    if count and len(entries) >= count and (address := _readable(entries[-count])):
        return address
    if count:
        _warn_once(count)
    return _readable(request.META.get("REMOTE_ADDR", "")) or "unknown"


def network_of(address: str) -> str:
    """What is limited together: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, IPV6_PREFIX), strict=False))
    return str(parsed)


def is_internal(request: HttpRequest) -> bool:
    """True for a probe from a loopback or private address that came neither through a proxy nor by the public name."""
    if any(request.META.get(name) for name in FORWARDED):
        return False
    public = urlsplit(settings.PUBLIC_BASE_URL).hostname
    asked = urlsplit(f"//{request.META.get('HTTP_HOST', '')}").hostname
    if asked == public and public not in LOOPBACK_HOSTS:
        return False
    try:
        peer = ip_address(_readable(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return False
    return peer.is_loopback or peer.is_private


def _readable(text: str) -> str:
    """An address without port, brackets or IPv4-in-IPv6 clothing; "" for anything else."""
    text = text.strip().strip('"')
    if text.count(":") == 1 or text.startswith("["):
        text = urlsplit(f"//{text}").hostname or ""
    try:
        parsed = ip_address(text)
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(parsed)


@cache
def _warn_once(count: int) -> None:
    log.warning(
        "requests arrive without the X-Forwarded-For entries of %s proxies (TRUSTED_PROXY_COUNT)", count
    )
