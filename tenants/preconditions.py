"""ETags of single resources, and the conditions a request may put on them (RFC 9110, sections 8.8.3 and 13).

A tag is a hash of what GET answers, and of what it leaves out though a change may set it (`OrgViewSet.unshown`). GET
with If-None-Match answers 304 while it is the same; PATCH, PUT and DELETE with If-Match are refused with 412 when it is
not.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from rest_framework.utils.encoders import JSONEncoder

from tenants.errors import DomainError, register, unreadable

IF_MATCH, IF_NONE_MATCH = "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"
NAMES = {IF_MATCH: "If-Match", IF_NONE_MATCH: "If-None-Match"}
ANY = "*"
ONE = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
LIST = re.compile(rf"\s*{ONE}(?:\s*,\s*{ONE})*\s*")
_encode = JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def etag_of(representation: Any) -> str:
    """A strong tag, in its quotes."""
    return f'"{hashlib.sha256(_encode(representation).encode()).hexdigest()[:32]}"'


def conditions(meta: Mapping[str, Any]) -> dict[str, list[str]]:
    """{If-Match or If-None-Match: its tags}, of those the request has; 400 that names one that can't be read."""
    return {name: _tags(NAMES[name], meta[name]) for name in NAMES if name in meta}


def _tags(name: str, value: str) -> list[str]:
    if value.strip() == ANY:
        return [ANY]
    if not LIST.fullmatch(value):
        raise unreadable(name, f"{name} needs an ETag as it was sent, in its quotes, or *.")
    return re.findall(ONE, value)


def is_unchanged(asked: Mapping[str, list[str]], etag: str) -> bool:
    """Whether GET answers 304. Weak comparison: W/ is not looked at."""
    return IF_NONE_MATCH in asked and _is_among(asked[IF_NONE_MATCH], etag)


def _is_among(tags: list[str], etag: str) -> bool:
    return tags == [ANY] or etag in [tag.removeprefix("W/") for tag in tags]


def require(asked: Mapping[str, list[str]], etag: str | None) -> None:
    """412 when the resource is not what the request expects; `etag` is None where there is no resource yet.

    Strong comparison for If-Match: a weak tag never matches.
    """
    if IF_MATCH in asked:
        tags = asked[IF_MATCH]
        if etag is None or (tags != [ANY] and etag not in tags):
            raise _failed("It has changed since you read it; read it again and repeat your change.", etag)
    if IF_NONE_MATCH in asked and etag is not None and _is_among(asked[IF_NONE_MATCH], etag):
        raise _failed("It is there already, as If-None-Match says it must not be.", etag)


def _failed(text: str, etag: str | None) -> DomainError:
    headers = {"ETag": etag} if etag else {}
    return DomainError("precondition_failed", text, status=412, headers=headers, etag=etag)


register({"precondition_failed": "The resource is not what If-Match or If-None-Match expects."})
