"""What a form was drawn from: a digest of each field, signed, in a hidden input.

A digest, not the value: it is small, and a hidden input repeats nothing that the page does not show.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2s

from django.core import signing

SALT = "callsign.edit-version"
Digests = str | list[str]  # one for a value, one per element for a set


@dataclass(frozen=True)
class Version:
    """When a form was drawn, and the digests of its fields then."""

    at: datetime
    fields: dict[str, Digests]


def digest(text: str) -> str:
    return blake2s(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def seal(version: Version, *, subject: str) -> str:
    """The signed text; it counts only for the same subject (form and row)."""
    body = [version.at.timestamp(), version.fields]
    return signing.dumps(body, salt=f"{SALT}:{subject}", compress=True)


def unseal(text: str, *, subject: str) -> Version | None:
    """The version, or None when it is missing, altered, or of another form or row."""
    try:
        at, fields = signing.loads(text, salt=f"{SALT}:{subject}")
    except (signing.BadSignature, UnicodeError, ValueError, TypeError):
        return None
    return Version(datetime.fromtimestamp(at, UTC), fields)
