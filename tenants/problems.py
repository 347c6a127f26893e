"""RFC 9457 problem+json: what every error of the REST API looks like."""

import json
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as ModelError
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from rest_framework import exceptions

from tenants.errors import CODES, DomainError, register

MOST_ERRORS = 100
MOST_IN_DETAIL = 5
MOST_CHARACTERS = 1000


def problem(
    code: str,
    detail: str,
    *,
    status: int,
    errors: list[dict[str, str]] | None = None,
    retryable: bool = False,
    headers: dict[str, str] | None = None,
    **extra: Any,
) -> HttpResponse:
    """{type, title, status, code, detail, errors[{field, code, message}], retryable, …}."""
    body = {
        "type": f"{settings.PUBLIC_BASE_URL.rstrip('/')}/api/v1/error-codes#{code}",
        "title": CODES.get(code, code.replace("_", " ")),
        "status": status,
        "code": code,
        "detail": detail,
        "errors": errors or [],
        "retryable": retryable,
        **extra,
    }
    return HttpResponse(
        json.dumps(body, default=str), status=status, content_type="application/problem+json", headers=headers
    )


def of(error: DomainError) -> HttpResponse:
    """The problem of a rule's refusal."""
    errors = [{"field": error.field, "code": error.code, "message": error.text}] if error.field else []
    return problem(
        error.code,
        error.text,
        status=error.status,
        errors=errors,
        retryable=error.retryable,
        headers=error.headers,
        **error.extra,
    )


def answer(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's exception handler."""
    if isinstance(error, DomainError):
        return of(error)
    if isinstance(error, exceptions.ValidationError):
        return _invalid(list(islice(_flatten(error.get_full_details()), MOST_ERRORS + 1)))
    if isinstance(error, ModelError):
        pairs = error.message_dict.items() if hasattr(error, "message_dict") else [("", error.messages)]
        return _invalid([{"field": f, "code": "invalid", "message": m} for f, texts in pairs for m in texts])
    if isinstance(error, Http404 | exceptions.NotFound):
        return problem("not_found", "There is nothing here.", status=404)
    if isinstance(error, IntegrityError):
        return problem("collision", CODES["collision"], status=409, retryable=True)
    if isinstance(error, OperationalError | InterfaceError):
        return problem(
            "unavailable", CODES["unavailable"], status=503, retryable=True, headers={"Retry-After": "5"}
        )
    return _of_framework(error)


def _of_framework(error: Exception) -> HttpResponse | None:
    if isinstance(error, exceptions.ParseError | RecursionError):
        return problem("malformed_json", "The body is not JSON that can be read.", status=400)
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return problem(
            "unauthenticated", CODES["unauthenticated"], status=401, headers={"WWW-Authenticate": "Bearer"}
        )
    if isinstance(error, exceptions.PermissionDenied | PermissionDenied):
        return problem("missing_scope", str(getattr(error, "detail", error)), status=403)
    if isinstance(error, exceptions.Throttled):
        wait = str(max(1, round(getattr(error, "wait", None) or 1)))
        text = f"Too many requests with this key; wait {wait} s."
        return problem("rate_limited", text, status=429, retryable=True, headers={"Retry-After": wait})
    if isinstance(error, exceptions.APIException):
        return problem(str(error.default_code), str(error.detail), status=error.status_code)
    return None


def _invalid(errors: list[dict[str, str]]) -> HttpResponse:
    """What can't be read: always `invalid`, whatever the number of fields; each error has its own code."""
    texts = [f"{e['field']}: {e['message']}" if e["field"] else e["message"] for e in errors[:MOST_IN_DETAIL]]
    detail = "; ".join(texts)[:MOST_CHARACTERS] + (" …" if len(errors) > MOST_IN_DETAIL else "")
    left_out = len(errors) > MOST_ERRORS
    return problem("invalid", detail, status=400, errors=errors[:MOST_ERRORS], errors_left_out=left_out)


def _flatten(detail: Any, path: str = "") -> Any:
    if isinstance(detail, dict) and set(detail) == {"message", "code"}:
        message = str(detail["message"])[:MOST_CHARACTERS]
        yield {"field": path[:MOST_CHARACTERS], "code": str(detail["code"]), "message": message}
    elif isinstance(detail, dict):
        for key, inner in detail.items():
            name = "" if key == "non_field_errors" else str(key)
            yield from _flatten(inner, f"{path}.{name}".strip(".") if name else path)
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            is_leaf = isinstance(inner, dict) and set(inner) == {"message", "code"}
            yield from _flatten(inner, path if is_leaf or not inner else f"{path}.{index}")


# What `errors[].code` may say of one field; the whole problem is then `invalid`.
FIELD_CODES = {
    "blank": "The field may not be empty.",
    "null": "The field may not be null.",
    "empty": "The list may not be empty.",
    "invalid_choice": "The value is none of those there are.",
    "invalid_image": "No image can be read from it.",
    "max_length": "The value is too long.",
    "min_length": "The value is too short.",
    "max_value": "The number is too large.",
    "min_value": "The number is too small.",
    "max_string_length": "The text is too long.",
    "overflow": "The number or date is out of range.",
    "not_a_list": "A list is needed.",
    "not_a_dict": "An object is needed.",
    "needs_offset": "The time needs an offset from UTC.",
    "too_many_keys": "The object has too many keys.",
    "key_too_long": "A key of the object is too long.",
    "value_too_long": "A value of the object is too long.",
    "too_deep": "A value is nested too deep.",
    "date": "A time is needed, not only a date.",
    "make_aware": "The time does not exist in its zone.",
    "null_characters_not_allowed": "The text has a NUL character.",
    "surrogate_characters_not_allowed": "The text has half a pair of characters.",
}
register(FIELD_CODES)
register(
    {
        "too_large": "The body is over the limit.",
        "unsupported_media_type": "Bodies are JSON: Content-Type is application/json.",
        "not_acceptable": "Answers are JSON.",
    }
)
