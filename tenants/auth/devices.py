"""Devices from which a person has logged in before: a signed cookie names the logins it knows.

A known device has attempts of its own, so that nobody can lock its owner out by guessing from elsewhere.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import salted_hmac

COOKIE = "device"
SALT = "tenants.known-device"
MAX_AGE = 180 * 24 * 3600
MAX_LOGINS = 10


@dataclass
class Device:
    """One browser: a random id and the digests of the logins that succeeded there."""

    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    logins: list[str] = field(default_factory=list)


def known_device(request: HttpRequest, login: str) -> str | None:
    """The id of this device if `login` has succeeded on it before; None otherwise."""
    device = _read(request)
    return device.id if device and _digest(login) in device.logins else None


def remember_device(request: HttpRequest, response: HttpResponseBase, login: str) -> None:
    """Sets the cookie after a complete login."""
    device = _read(request) or Device()
    logins = [entry for entry in device.logins if entry != _digest(login)]
    device.logins = [*logins, _digest(login)][-MAX_LOGINS:]
    response.set_cookie(
        COOKIE,
        signing.dumps([device.id, device.logins], salt=SALT),
        max_age=MAX_AGE,
        path="/accounts/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def account_key(login: str) -> str:
    """The same for every spelling that finds the same login: PostgreSQL compares by upper case."""
    return login.strip().upper().casefold()


def _digest(login: str) -> str:
    return salted_hmac(SALT, account_key(login), algorithm="sha256").hexdigest()[:32]


def _read(request: HttpRequest) -> Device | None:
    try:
        value: Any = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=MAX_AGE)
    except signing.BadSignature:
        return None
    return Device(*value)
