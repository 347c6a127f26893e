"""What every response says to browsers and caches (security F10, security F16, security F19)."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.office import Office
from tests.visiting import visit
from tests.world import make_member, make_org

pytestmark = pytest.mark.django_db
POLICY = "Content-Security-Policy"


def paths(patterns: Any = None, prefix: str = "/") -> Iterator[str]:
    """Every address that takes no argument."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        route = prefix + str(pattern.pattern).lstrip("^").rstrip("$").replace(r"\.", ".")
        if isinstance(pattern, URLResolver):
            yield from paths(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and not any(sign in route for sign in "<(?["):
            yield route


def stranger_and_owner() -> list[Client]:
    """Their pages may break: the response that says so is one, too."""
    clients = [Client(), visit(make_member(make_org(), "Ana", "owner"))]
    for client in clients:
        client.raise_request_exception = False
    return clients


FIXED = [
    *sorted(set(paths())),
    "/healthz",
    "/readyz",
    "/metrics",
    "/static/css/app.css",
    "/nowhere",
    "/api/v1/nowhere",
]


@pytest.mark.parametrize("path", FIXED)
def test_every_response_carries_a_policy(path: str) -> None:
    """security F19: /admin/ and /api/docs/ had none."""
    for client in stranger_and_owner():
        for answer in (client.get(path), client.post(path)):
            policy = answer.headers.get(POLICY, "")
            assert "default-src" in policy, (path, answer.status_code)
            assert "frame-ancestors 'none'" in policy


def test_only_the_operators_console_may_evaluate(client: Client) -> None:
    """security F19: Alpine's exception holds nowhere else."""
    for path in FIXED:
        policy = client.get(path).headers[POLICY]
        assert ("unsafe-eval" in policy) is path.startswith("/admin/"), path
        loose = path.startswith(("/admin/", "/api/docs/"))
        assert ("unsafe-inline" in policy) is loose, path
        script = next((part for part in policy.split("; ") if part.startswith("script-src")), "")
        assert "unsafe-inline" not in script, path


@pytest.mark.parametrize("path", [p for p in FIXED if not p.startswith("/static/")])
def test_nothing_but_static_files_may_be_kept(path: str) -> None:
    """security F16: pages of a signed-in person, account pages, and what the API answers."""
    for client in stranger_and_owner():
        answer = client.get(path)
        assert "no-store" in answer.headers["Cache-Control"], path


def test_the_page_that_shows_a_new_key_may_not_be_kept() -> None:
    """security F16: the key stands there in clear."""
    admin = visit(make_member(make_org(), "Ana", "owner"))
    answer = admin.post("/developers/", {"name": "CRM", "scopes": ["read"]})
    assert "cs_live_" in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_conversation_may_not_be_kept() -> None:
    office = Office()
    answer = visit(office.people["Ada"]).get("/inbox/")
    assert "no-store" in answer.headers["Cache-Control"]


def test_static_files_may_be_kept(client: Client) -> None:
    assert "no-store" not in client.get("/static/css/app.css").headers.get("Cache-Control", "")


@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/api/v1/messages", "/healthz", "/nowhere", "/static/css/app.css"]
)
def test_over_https_browsers_are_told_to_stay_there(client: Client, settings: Any, path: str) -> None:
    """security F10: whatever the proxy says of the scheme."""
    assert "Strict-Transport-Security" not in client.get(path).headers
    settings.HSTS = "max-age=31536000; includeSubDomains"
    assert client.get(path).headers["Strict-Transport-Security"] == settings.HSTS
