"""Errors that rules raise and doors translate: a stable code, a sentence, the field, the mend.

`CODES` is the catalogue served at /api/v1/error-codes; each app adds its own with `register`.
"""

from collections.abc import Mapping
from typing import Any

CODES: dict[str, str] = {}


def register(codes: Mapping[str, str]) -> None:
    """Adds codes with the sentence that explains each."""
    CODES.update(codes)


class DomainError(Exception):
    """A rule refuses. `status` is HTTP's: 422 unless said otherwise; `template` is the console's page of it."""

    template = "refused.html"

    def __init__(
        self,
        code: str,
        text: str,
        *,
        field: str = "",
        status: int = 422,
        retryable: bool = False,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(text)
        self.code, self.text, self.field = code, text, field
        self.status, self.retryable, self.headers, self.extra = status, retryable, headers, extra


class NotFound(DomainError):
    """Missing, or another org's: both look the same."""

    def __init__(self, what: str, field: str = "") -> None:
        super().__init__("not_found", f"There is no such {what}.", field=field, status=404)


def unreadable(field: str, text: str, code: str = "invalid") -> DomainError:
    """A field that can't be read: 400."""
    return DomainError(code, text, field=field, status=400)


register(
    {
        "invalid": "A field or parameter can’t be read; `errors` names each, what is wrong and the fix.",
        "unknown_field": "A field that does not exist here.",
        "unknown_parameter": "A query parameter that does not exist here.",
        "malformed_json": "The body is not JSON.",
        "not_found": "There is no such address, or nothing with this id in your organization.",
        "unauthenticated": "No key, an unknown key, or one that was revoked or has expired.",
        "missing_scope": "The key lacks the scope this call needs.",
        "rate_limited": "Too many requests with this key; wait for Retry-After seconds.",
        "method_not_allowed": "This address does not take that method.",
        "idempotency_mismatch": "This Idempotency-Key was used with another request: method, address and body are compared.",
        "idempotency_in_flight": "A request with this Idempotency-Key is still being worked on.",
        "bad_request": "The address, the host or a header of the request can't be read.",
        "server_error": "Something failed on our side; nothing was saved.",
        "unavailable": "The database can't be reached; nothing was accepted, try again.",
        "forbidden": "Your role does not allow this.",
        "not_invited": "The invitation was accepted, withdrawn or replaced, or has expired.",
        "too_soon": "An invitation was sent less than a minute ago.",
        "other_address": "The invitation is for another address than that of this login.",
        "login_exists": "The invited address has a login; log in to accept.",
        "in_the_past": "The time has passed.",
        "in_the_future": "The time is still to come.",
        "too_many": "The list is too long.",
        "own_key": "A key can’t revoke itself, nor the key it was made with.",
        "last_owner": "An organization keeps at least one active owner.",
        "collision": "Somebody else saved or deleted something of this at the same moment. Nothing was saved; try again.",
        "duplicate": "There is one already.",
        "in_use": "It has history; retire it instead of deleting it.",
    }
)
