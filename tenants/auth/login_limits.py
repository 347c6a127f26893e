"""How often a password or a code may be wrong. Nobody can lock out a person from elsewhere.

An attempt from an unknown device counts for (account, client address), for the address and for the account; one
from a known device (tenants.auth.devices) only for that device. An attempt is counted before the password is
compared, so that many at once gain nothing, and a success takes its counts back.
"""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from tenants.auth import counters
from tenants.auth.addresses import client_address, network_of
from tenants.auth.devices import account_key, known_device


class TooManyAttempts(Exception):
    """This attempt may not be made now; nothing was compared."""


@dataclass(frozen=True)
class Attempt:
    """What one attempt was counted for."""

    counted: tuple[str, ...]

    def succeeded(self) -> None:
        for name in self.counted:
            counters.decrement(name)


def begin_attempt(request: HttpRequest, *, login: str, step: str = "password") -> Attempt:
    """Counts an attempt to log in as `login`; TooManyAttempts when it may not be made."""
    counted: list[str] = []
    for kind, name in _names(request, login, step):
        limit, seconds = settings.LOGIN_LIMITS[kind]
        counted.append(name)
        if counters.increment(name, seconds=seconds, limit=limit) > limit:
            # A refused attempt must not use up what the account has left elsewhere.
            Attempt(tuple(counted[:-1])).succeeded()
            raise TooManyAttempts
    return Attempt(tuple(counted))


def forget_failures(request: HttpRequest, *, login: str) -> None:
    """After a reset of the password: whoever did it has the mailbox."""
    counters.forget(
        *(name for step in ("password", "code") for _, name in _unknown(request, login, step)[::2])
    )


def _names(request: HttpRequest, login: str, step: str) -> list[tuple[str, str]]:
    if device := known_device(request, login):
        return [("device", f"device:{step}:{device}:{account_key(login)}")]
    return _unknown(request, login, step)


def _unknown(request: HttpRequest, login: str, step: str) -> list[tuple[str, str]]:
    account, network = account_key(login), network_of(client_address(request))
    return [
        ("account_and_address", f"pair:{step}:{account}:{network}"),
        ("address", f"address:{step}:{network}"),
        ("account", f"account:{step}:{account}"),
    ]
