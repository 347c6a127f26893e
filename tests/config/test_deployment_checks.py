"""`check --deploy` says what is wrong with the environment, in words (security F6, security F10)."""

from typing import Any

import pytest

from tenants.auth.checks import check_deployment

GOOD = {
    "PUBLIC_BASE_URL": "https://callsign.example",
    "ALLOWED_HOSTS": ["callsign.example"],
    "TLS_TERMINATION": "proxy",
    "TRUSTED_PROXY_COUNT": 1,
    "SECURE_HSTS_SECONDS": 31536000,
    "METRICS_TOKEN": "t" * 40,
}


@pytest.mark.parametrize(
    ("wrong", "ids"),
    [
        ({}, []),
        ({"PUBLIC_BASE_URL": "callsign.example"}, ["callsign.E001", "callsign.E004"]),
        ({"PUBLIC_BASE_URL": "https://callsign.example/app"}, ["callsign.E002"]),
        ({"TLS_TERMINATION": "nginx"}, ["callsign.E003"]),
        ({"TLS_TERMINATION": "none"}, ["callsign.E004"]),
        ({"PUBLIC_BASE_URL": "http://callsign.example"}, ["callsign.E004"]),
        ({"TLS_TERMINATION": "server", "TRUSTED_PROXY_COUNT": 0}, ["callsign.E005"]),
        ({"PUBLIC_BASE_URL": "http://callsign.example", "TLS_TERMINATION": "none"}, ["callsign.W001"]),
        ({"SECURE_HSTS_SECONDS": 60}, ["callsign.W002"]),
        ({"TRUSTED_PROXY_COUNT": -1}, ["callsign.E006"]),
        ({"TRUSTED_PROXY_COUNT": 0}, ["callsign.E007"]),
        ({"ALLOWED_HOSTS": ["callsign.example", "localhost"]}, ["callsign.E008"]),
        ({"ALLOWED_HOSTS": ["*"]}, ["callsign.E008"]),
        ({"FIELD_KEYS": ["short"]}, ["callsign.E009"]),
        ({"FIELD_KEYS": []}, ["callsign.E010"]),
        ({"METRICS_TOKEN": "short"}, ["callsign.W003"]),
        (
            {"PUBLIC_BASE_URL": "http://127.0.0.1:8000", "TLS_TERMINATION": "none", "TRUSTED_PROXY_COUNT": 0,
             "ALLOWED_HOSTS": ["127.0.0.1", "localhost"], "SECURE_HSTS_SECONDS": 0},
            [],
        ),
    ],
)  # fmt: skip
def test_each_fault_has_its_message(settings: Any, wrong: dict[str, Any], ids: list[str]) -> None:
    for name, value in (GOOD | wrong).items():
        setattr(settings, name, value)
    found = check_deployment(None)
    assert [message.id for message in found] == ids
    assert all(message.msg.endswith(".") for message in found)


def test_logging_in_as_the_owner_is_warned_of(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """security S3"""
    for name, value in GOOD.items():
        setattr(settings, name, value)
    monkeypatch.setenv("DATABASE_ROLE", "owner")
    assert [message.id for message in check_deployment(None)] == ["callsign.W004"]
