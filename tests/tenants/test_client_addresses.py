"""Whose address counts, with 0, 1 and 2 trusted proxies, and what links begin with (security F6, security F10)."""

from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.http import HttpRequest
from django.test import Client, RequestFactory

from tenants.auth.addresses import client_address, is_internal, network_of
from tests.visiting import visit
from tests.world import make_member, make_org

PEER = "10.0.0.5"


def request(
    forwarded: str | None = None, peer: str = PEER, host: str = "10.0.0.9:8000", **meta: str
) -> HttpRequest:
    if forwarded is not None:
        meta["HTTP_X_FORWARDED_FOR"] = forwarded
    return RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_HOST=host, **meta)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, None, PEER),
        (0, "6.6.6.6", PEER),
        (0, "6.6.6.6, 7.7.7.7", PEER),
        (1, None, PEER),
        (1, "8.8.4.4", "8.8.4.4"),
        (1, "6.6.6.6, 8.8.4.4", "8.8.4.4"),
        (1, "6.6.6.6, 7.7.7.7,8.8.4.4", "8.8.4.4"),
        (1, "garbage", PEER),
        (1, "6.6.6.6, garbage", PEER),
        (1, "", PEER),
        (2, "8.8.4.4, 10.0.0.7", "8.8.4.4"),
        (2, "6.6.6.6, 8.8.4.4, 10.0.0.7", "8.8.4.4"),
        (2, "10.0.0.7", PEER),
        (2, None, PEER),
        (1, "8.8.4.4:51234", "8.8.4.4"),
        (1, "[2001:db8::1]:443", "2001:db8::1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "::ffff:8.8.4.4", "8.8.4.4"),
    ],
)
def test_the_outermost_trusted_proxy_says_who_called(
    settings: Any, proxies: int, forwarded: str | None, expected: str
) -> None:
    """security F6 (b): what a client wrote into X-Forwarded-For itself never counts."""
    settings.TRUSTED_PROXY_COUNT = proxies
    assert client_address(request(forwarded)) == expected


def test_addresses_are_grouped_by_what_one_customer_has() -> None:
    assert network_of("198.51.100.7") == "198.51.100.7"
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2::") != network_of("2001:db8:1:3::")
    assert network_of("unknown") == "unknown"


@pytest.mark.parametrize(
    ("made", "internal"),
    [
        (request(), True),
        (request(peer="127.0.0.1"), True),
        (request(peer="::1"), True),
        (request(peer="8.8.4.4"), False),
        (request(forwarded="127.0.0.1"), False),
        (request(HTTP_FORWARDED="for=127.0.0.1"), False),
        (request(HTTP_X_REAL_IP="127.0.0.1"), False),
        (request(host="callsign.example"), False),
        (request(peer=""), False),
    ],
)
def test_only_a_probe_from_inside_is_internal(settings: Any, made: HttpRequest, internal: bool) -> None:
    """security F17: nothing that came through a proxy, and nothing that called us by our public name."""
    settings.PUBLIC_BASE_URL = "https://callsign.example"
    assert is_internal(made) is internal


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["callsign.example", "callsign.example:6666", "callsign.example:80"])
@pytest.mark.parametrize("proto", ["http", "https", "gopher"])
def test_a_link_in_a_mail_begins_with_the_public_address(settings: Any, host: str, proto: str) -> None:
    """security F10: neither Host nor scheme of the request reach a mail."""
    cache.clear()  # it limits how often one address asks
    settings.PUBLIC_BASE_URL, settings.ALLOWED_HOSTS = "https://callsign.example", ["callsign.example"]
    ana = make_member(make_org(), "Ana")
    Client().post(
        "/accounts/password/reset/", {"email": ana.email},
        headers={"host": host, "x-forwarded-proto": proto, "x-forwarded-host": "evil.example"},
    )  # fmt: skip
    [sent] = mail.outbox
    links = [word for word in sent.body.split() if "://" in word]
    assert links
    assert all(link.startswith("https://callsign.example/") for link in links)
    assert ":6666" not in sent.subject + sent.body


@pytest.mark.django_db
def test_pages_and_the_authenticator_app_name_no_host(settings: Any) -> None:
    """security F10, where else the kind lies: the issuer in the QR code, redirects, the API's document."""
    settings.PUBLIC_BASE_URL, settings.ALLOWED_HOSTS = "https://callsign.example", ["callsign.example"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://callsign.example"]
    visitor = visit(make_member(make_org(), "Ana"))
    for path in ("/accounts/2fa/", "/people/me/", "/accounts/login/", "/api/docs/", "/api/v1/openapi.json"):
        answer = visitor.get(path, headers={"host": "callsign.example:6666"}, follow=True)
        assert b":6666" not in answer.content, path
        assert ":6666" not in answer.headers.get("Location", "")


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.1:8000", "[::1]", "evil.example"])
def test_in_production_only_the_public_host_is_answered(settings: Any, host: str) -> None:
    """security F10: a loopback Host is nobody's but a forger's."""
    settings.PUBLIC_BASE_URL, settings.ALLOWED_HOSTS = "https://callsign.example", ["callsign.example"]
    assert Client().get("/accounts/login/", headers={"host": host}).status_code == 400
    assert Client().get("/healthz", headers={"host": host}).status_code == 200, (
        "a probe names no host of ours"
    )
