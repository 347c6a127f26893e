"""Keys of the REST API: `cs_live_` or `cs_test_`, 32 random bytes in base62, a checksum; SHA-256 at rest."""

import hashlib
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication

from tenants import audit, rows
from tenants.errors import DomainError, unreadable
from tenants.kept import Kept, typed
from tenants.models import ApiKey, Membership, Organization
from tenants.scoping import TAKE_ROLE, as_owner

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SCOPES = {
    "read": "Read everything in the organization",
    "send": "Send texts, start campaigns, answer conversations",
    "contacts": "Write contacts, lists, opt-outs",
    "set_up": "Write senders, assignments, programs, members, the organization and keys",
}
USED_EVERY = timedelta(minutes=1)


def base62(number: int, width: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = ALPHABET[rest] + digits
    return digits.rjust(width, "0")


def mint(
    *,
    org: Organization,
    name: str,
    scopes: list[str] | None = None,
    sandbox: bool = False,
    expires_at: datetime | None = None,
    created_by: Membership | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its text, which is shown once and never kept. No scopes means all of them."""
    for scope in scopes or []:
        if scope not in SCOPES:
            raise unreadable("scopes", f"“{scope}” is no scope; there are: {', '.join(SCOPES)}.")
    body = base62(int.from_bytes(secrets.token_bytes(32), "big"), 43)
    text = f"cs_{'test' if sandbox else 'live'}_{body}"
    text += base62(zlib.crc32(text.encode()), 6)
    key = ApiKey.objects.for_org(org).create(
        name=name,
        prefix=text[:12],
        digest=digest(text),
        scopes=scopes or list(SCOPES),
        sandbox=sandbox,
        expires_at=expires_at,
        created_by=created_by,
    )
    audit.note(org_id=org.pk, action="key.made", target=key, text=f"API key {name} made")
    return key, text


def revoke(*, key: ApiKey) -> None:
    """Ends a key at once."""
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        audit.note(org_id=key.org_id, action="key.revoked", target=key, text=f"API key {key.name} revoked")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def looks_like_a_key(text: str) -> bool:
    """The checksum tells a mistyped key from an unknown one without a query."""
    return (
        text.isascii()
        and text.startswith(("cs_live_", "cs_test_"))
        and base62(zlib.crc32(text[:-6].encode()), 6) == text[-6:]
    )


@contextmanager
def entered(header: str) -> Iterator[ApiKey]:
    """One transaction in the org of the live key of an Authorization header; 401 `unauthenticated` otherwise.

    Finding the key and taking its org's role is one statement: every request of the API begins with it.
    """
    asked = _digest_of(header)
    with as_owner() as cursor:
        key = _look_up(cursor, asked)
        yield key
    _mark_used(key)


def _digest_of(header: str) -> str:
    """What to look for; what can't be a key is refused without a query."""
    scheme, _, text = header.partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not looks_like_a_key(text):
        raise _unknown()
    return digest(text)


FIND = Kept(
    "find_key",
    f"""
    SELECT {rows.columns(ApiKey, "k")}, {rows.columns(Organization, "o")}
    FROM tenants_apikey k JOIN tenants_organization o ON o.id = k.org_id
    WHERE k.digest = %(digest)s AND o.is_active AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > %(now)s)
    """,  # noqa: S608 - only our own names are put in
    takes={"digest": "text", "now": "timestamptz"},
    gives=typed(ApiKey) | typed(Organization, "o_"),
)


def _look_up(cursor: Any, asked: str) -> ApiKey:
    taking = f"SELECT f.*, {TAKE_ROLE.format('f.o_id')} FROM {FIND.call} f"  # noqa: S608 - our own names
    cursor.execute(taking, {"digest": asked, "now": timezone.now()})
    found = cursor.fetchone()
    if found is None:
        raise _unknown()
    middle = rows.width(ApiKey)
    key = rows.build(ApiKey, found[:middle])
    key.org = rows.build(Organization, found[middle:-2])
    return key


def _unknown() -> DomainError:
    return DomainError(
        "unauthenticated", "Send “Authorization: Bearer <key>” with a key of your organization.", status=401
    )


def _mark_used(key: ApiKey) -> None:
    """Notes when the key was last used, once a minute at most; outside the request's transaction, so nobody waits."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > USED_EVERY:
        ApiKey.unscoped.filter(pk=key.pk).update(last_used_at=now)


class BearerKey(BaseAuthentication):
    """DRF's view of it: the middleware has found the key already."""

    def authenticate(self, request: HttpRequest) -> tuple[None, ApiKey] | None:
        key = getattr(request, "api_key", None)
        return (None, key) if key else None

    def authenticate_header(self, request: HttpRequest) -> str:
        return "Bearer"
