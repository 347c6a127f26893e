"""Health and figures: anybody learns whether we are ready; the figures are for inside (security F17)."""

from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
TOKEN = "t" * 40
OUTSIDE = {"REMOTE_ADDR": "8.8.4.4"}
THROUGH_PROXY = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}
BY_PUBLIC_NAME = {"REMOTE_ADDR": "10.0.0.2", "HTTP_HOST": "callsign.example"}


@pytest.fixture(autouse=True)
def in_production(settings: Any) -> None:
    settings.PUBLIC_BASE_URL, settings.ALLOWED_HOSTS = "https://callsign.example", ["callsign.example"]
    settings.METRICS_TOKEN = TOKEN


@pytest.mark.parametrize("caller", [OUTSIDE, THROUGH_PROXY, BY_PUBLIC_NAME])
@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_from_outside_the_figures_are_not_there(settings: Any, caller: dict[str, str], proxies: int) -> None:
    """security F17: the state of the platform was open to all."""
    settings.TRUSTED_PROXY_COUNT = proxies
    assert Client().get("/metrics", **caller).status_code == 404
    answer = Client().get("/readyz", **caller)
    assert (answer.status_code, answer.json()) == (200, {"ready": True})


@pytest.mark.parametrize("caller", [OUTSIDE, THROUGH_PROXY, BY_PUBLIC_NAME])
def test_with_the_token_they_are(caller: dict[str, str]) -> None:
    bearer = caller | {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}
    assert b"callsign_oldest_due_seconds" in Client().get("/metrics", **bearer).content
    assert "oldest_due_seconds" in Client().get("/readyz", **bearer).json()


@pytest.mark.parametrize("value", ["", "Bearer ", f"Bearer {TOKEN}x", TOKEN[:-1], "Bearer é"])
def test_another_token_opens_nothing(settings: Any, value: str) -> None:
    assert Client().get("/metrics", **OUTSIDE, HTTP_AUTHORIZATION=value).status_code == 404
    settings.METRICS_TOKEN = ""
    assert Client().get("/metrics", **OUTSIDE, HTTP_AUTHORIZATION=value).status_code == 404


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.1.2.3", "172.18.0.4", "::1"])
def test_a_probe_from_inside_needs_no_token_and_no_host_of_ours(peer: str) -> None:
    """security F17, security F10: containers and Prometheus call us by an address of ours."""
    inside = {"REMOTE_ADDR": peer, "HTTP_HOST": "web:8000"}
    assert Client().get("/healthz", **inside).content == b"ok"
    assert "oldest_due_seconds" in Client().get("/readyz", **inside).json()
    assert Client().get("/metrics", **inside).status_code == 200
