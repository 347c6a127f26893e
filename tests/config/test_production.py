"""The server as it runs under an https address, with nothing but the environment set (security F10, security F19)."""

from collections.abc import Iterator

import pytest
from serving import Caller, running_web

pytestmark = pytest.mark.django_db
HOST = "callsign.example"
PROXY = [
    ("X-Forwarded-For", "198.51.100.7"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Host", "evil.example"),
]


@pytest.fixture(scope="module")
def port(django_db_setup: None) -> Iterator[int]:
    with running_web(PUBLIC_BASE_URL=f"https://{HOST}", TRUSTED_PROXY_COUNT="1") as number:
        yield number


def test_only_the_public_host_is_answered(port: int) -> None:
    """security F10: loopback hosts were always allowed, and went into links of mails."""
    assert Caller(port, HOST).ask("GET", "/accounts/login/", PROXY)[0] == 200
    for host in ("localhost", "localhost:6666", "127.0.0.1", "[::1]", "evil.example", f"{HOST}.evil.example"):
        status, headers, _ = Caller(port, host).ask("GET", "/accounts/login/", PROXY)
        assert status == 400, host
        assert "Content-Security-Policy" in headers and "no-store" in headers["Cache-Control"]
        assert Caller(port, host).ask("GET", "/healthz", [])[0] == 200, "a probe names no host of ours"


def test_browsers_are_told_to_stay_with_https(port: int) -> None:
    """security F10: whatever scheme the proxy named."""
    for path in ("/accounts/login/", "/api/v1/contacts", "/nowhere", "/healthz", "/static/css/app.css"):
        _, headers, _ = Caller(port, HOST).ask("GET", path, PROXY)
        assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains", path
        cookies = headers.get_all("Set-Cookie") or []
        assert all("Secure" in cookie and "SameSite=Lax" in cookie for cookie in cookies), cookies
        if path == "/accounts/login/":
            assert cookies


def test_neither_links_nor_redirects_follow_what_the_proxy_passes_on(port: int) -> None:
    """security F10: Host, scheme and X-Forwarded-Host of the request."""
    _, headers, _ = Caller(port, HOST).ask("GET", "/inbox/", PROXY)
    assert headers["Location"].startswith("/accounts/login/")
    _, _, document = Caller(port, f"{HOST}:6666").ask("GET", "/api/v1/openapi.json", PROXY)
    assert "evil.example" not in document and ":6666" not in document and f"http://{HOST}" not in document


def test_figures_are_not_for_who_comes_through_the_proxy(port: int) -> None:
    """security F17."""
    assert Caller(port, HOST).ask("GET", "/metrics", PROXY)[0] == 404
    assert Caller(port, "10.0.0.9:8000").ask("GET", "/metrics", [])[0] == 200
