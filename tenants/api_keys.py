"""Keys of the REST API: `cs_live_` or `cs_test_`, 32 random bytes in base62, a checksum; SHA-256 at rest."""

import hashlib
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication

from tenants import audit, roles, rows
from tenants.database import WEB
from tenants.errors import DomainError, unreadable
from tenants.kept import Kept, typed
from tenants.models import ApiKey, Membership, Organization
from tenants.names import single_line
from tenants.scoping import as_org, take_org, transaction_of_an_org

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SCOPES = {
    "read": "Read everything in the organization",
    "send": "Send texts, start campaigns, answer conversations",
    "contacts": "Write contacts, lists, opt-outs",
    "set_up": "Write senders, assignments, programs, members, the organization and keys",
    "manage_owners": "Add, change and remove owners; only an owner can give it",
}
USED_EVERY = timedelta(minutes=1)


def base62(number: int, width: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = ALPHABET[rest] + digits
    return digits.rjust(width, "0")


@transaction.atomic
def mint(
    *,
    org: Organization,
    name: str,
    scopes: list[str] | None = None,
    sandbox: bool = False,
    expires_at: datetime | None = None,
    created_by: Membership | None = None,
    made_with: ApiKey | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its text, which is shown once and never kept. No scopes means all (`manage_owners` from an owner).

    A key made with a key belongs to the same person and never may more, or live longer, than that key.
    """
    for scope in scopes or []:
        if scope not in SCOPES:
            raise unreadable("scopes", f"“{scope}” is no scope; there are: {', '.join(SCOPES)}.")
    if expires_at is not None and expires_at <= timezone.now():
        raise unreadable("expires_at", "This time has passed; choose a later one.", "in_the_past")
    grantable = _grantable(*_held_fast(created_by, made_with))
    scopes = scopes or [scope for scope in SCOPES if scope != roles.MANAGE_OWNERS or scope in grantable]
    if not set(scopes) <= set(grantable):
        raise _refused("A key can’t have more scopes than whoever makes it.", "scopes")
    if made_with is not None:
        expires_at = _within(made_with, sandbox, expires_at)
        created_by = made_with.created_by
    body = base62(int.from_bytes(secrets.token_bytes(32), "big"), 43)
    text = f"cs_{'test' if sandbox else 'live'}_{body}"
    text += base62(zlib.crc32(text.encode()), 6)
    key = ApiKey.objects.for_org(org).create(
        name=single_line(name),
        prefix=text[:12],
        digest=digest(text),
        scopes=list(dict.fromkeys(scopes)),
        sandbox=sandbox,
        expires_at=expires_at,
        created_by=created_by,
        made_with=made_with,
    )
    audit.note(org_id=org.pk, action="key.made", target=key, text=f"API key {key.name} made")
    return key, text


def _held_fast(member: Membership | None, key: ApiKey | None) -> tuple[Membership | None, ApiKey | None]:
    """Both as they are now, kept so until the new key is written: who is being demoted can't slip one past."""
    if member is not None:
        member = Membership.objects.for_org(member.org_id).select_for_update(no_key=True).get(pk=member.pk)
        roles.require(member, roles.SET_UP)
    if key is not None:
        key = ApiKey.objects.for_org(key.org_id).select_for_update(no_key=True).get(pk=key.pk)
        if not key.is_live:
            raise _refused("This key has been revoked.", "")
    return member, key


def _grantable(created_by: Membership | None, made_with: ApiKey | None) -> list[str]:
    if made_with is not None:
        return list(made_with.scopes)
    if created_by is not None and not roles.may(created_by, roles.MANAGE_OWNERS):
        return [scope for scope in SCOPES if scope != roles.MANAGE_OWNERS]
    return list(SCOPES)


def _within(key: ApiKey, sandbox: bool, expires_at: datetime | None) -> datetime | None:
    """The end of a key made with `key`: the same unless an earlier one was asked for."""
    if key.sandbox and not sandbox:
        raise _refused("A sandbox key can only make sandbox keys.", "sandbox")
    if key.expires_at and expires_at and expires_at > key.expires_at:
        raise _refused("A key can’t expire later than the key that makes it.", "expires_at")
    return expires_at or key.expires_at


def _refused(text: str, field: str) -> DomainError:
    return DomainError("forbidden", text, status=403, field=field)


def live_keys_of(member: Membership) -> Any:
    """The keys that end when this member is deactivated, or becomes someone who may not set up."""
    return ApiKey.objects.for_org(member.org_id).filter(ApiKey.live(), created_by=member).order_by("name")


def fit_to_maker(*, member: Membership) -> None:
    """After a change of role or state: keys may no more than the person who made them."""
    if not roles.may(member, roles.SET_UP):
        for key in live_keys_of(member):
            revoke(key=key)
    elif not roles.may(member, roles.MANAGE_OWNERS):
        for key in live_keys_of(member).filter(scopes__contains=[roles.MANAGE_OWNERS]):
            key.scopes = [scope for scope in key.scopes if scope != roles.MANAGE_OWNERS]
            key.save(update_fields=["scopes"])
            text = f"API key {key.name} no longer manages owners"
            audit.note(org_id=key.org_id, action="key.narrowed", target=key, text=text)


def revoke_with(*, key: ApiKey, by: ApiKey) -> None:
    """`revoke`, asked for with a key; 422 `own_key` when that would end the asking key: who tidies up stays inside."""
    maker: ApiKey | None = by
    while maker is not None:
        if maker.pk == key.pk:
            what = "itself" if key.pk == by.pk else "the key it was made with, which would end it too"
            raise DomainError("own_key", f"A key can’t revoke {what}. Use another key or the console.")
        maker = maker.made_with
    revoke(key=key)


def revoke(*, key: ApiKey) -> None:
    """Ends a key at once, and those that were made with it."""
    if key.revoked_at is not None:
        return
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])
    audit.note(org_id=key.org_id, action="key.revoked", target=key, text=f"API key {key.name} revoked")
    for made in ApiKey.objects.for_org(key.org_id).filter(made_with=key, revoked_at__isnull=True):
        revoke(key=made)


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

    Finding the key and taking its org is one statement: every request of the API begins with it.
    """
    asked = _digest_of(header)
    with transaction_of_an_org() as cursor:
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
    across_orgs=[WEB],
)


def _look_up(cursor: Any, asked: str) -> ApiKey:
    taking = f"SELECT f.*, {take_org('f.o_id')} FROM {FIND.call} f"  # noqa: S608 - our own names
    cursor.execute(taking, {"digest": asked, "now": timezone.now()})
    found = cursor.fetchone()
    if found is None:
        raise _unknown()
    middle = rows.width(ApiKey)
    key = rows.build(ApiKey, found[:middle])
    key.org = rows.build(Organization, found[middle:-1])
    return key


def _unknown() -> DomainError:
    return DomainError(
        "unauthenticated", "Send “Authorization: Bearer <key>” with a key of your organization.", status=401
    )


def _mark_used(key: ApiKey) -> None:
    """Notes when the key was last used, once a minute at most; outside the request's transaction, so nobody waits."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > USED_EVERY:
        with as_org(key.org_id):
            ApiKey.objects.for_org(key.org_id).filter(pk=key.pk).update(last_used_at=now)


class BearerKey(BaseAuthentication):
    """DRF's view of it: the middleware has found the key already."""

    def authenticate(self, request: HttpRequest) -> tuple[None, ApiKey] | None:
        key = getattr(request, "api_key", None)
        return (None, key) if key else None

    def authenticate_header(self, request: HttpRequest) -> str:
        return "Bearer"
