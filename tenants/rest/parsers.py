"""How a body of the API is read."""

import codecs
import json
from typing import Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.serializers import ErrorDetail, ValidationError

from tenants.rest.fields import MOST_ERRORS


class JSONParser(parsers.JSONParser):
    """JSON in which each name of an object stands once: of two values nobody knows which was meant."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        context = parser_context or {}
        coding = context["request"].META.get("HTTP_CONTENT_ENCODING", "") if "request" in context else ""
        if coding.strip().lower() not in ("", "identity"):
            raise UnsupportedMediaType(
                media_type, f"Content-Encoding {coding[:40]} is not taken; send it plain."
            )
        try:
            text = codecs.getreader(context.get("encoding") or "utf-8")(stream)
            return json.load(text, parse_constant=_no_number, object_pairs_hook=_each_once)
        except ValidationError:
            raise
        except ValueError as error:
            raise ParseError(f"JSON parse error - {error}")


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    twice = [name for name in found if names.count(name) > 1] if len(names) <= MOST_ERRORS else [""]
    error = ErrorDetail("A name stands twice in one object; say it once.", "duplicate_field")
    raise ValidationError({name[:80]: [error] for name in twice})
