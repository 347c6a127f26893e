"""Serializer fields that take JSON types strictly: DRF's own accept 5 for "5" and "yes" for true.

Every serializer of the API uses these (a guard test says so). Lists stop at the first hundred faults, so that a small
bad body costs little.
"""

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.serializers import DecimalField, Field, Serializer, ValidationError

from tenants.times import OUT_OF_RANGE, can_be_kept

__all__ = ["DecimalField", "Field", "Serializer", "ValidationError"]
MOST_ERRORS = 100
MOST_ENTRIES = 1000  # of a list that does not say more or less
TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?(?P<offset>[Zz]|[+-]\d\d(:?\d\d)?)?", re.ASCII
)
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
NEEDS_OFFSET = "The time needs an offset from UTC, as in 2026-12-01T10:00:00-05:00 or …Z."
DATE_ALONE = "A time is needed, not only a date, as in 2026-12-01T10:00:00-05:00."


class CharField(serializers.CharField):
    """A JSON string."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class EmailField(serializers.EmailField):
    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class IntegerField(serializers.IntegerField):
    """A JSON number without a fraction."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class BooleanField(serializers.BooleanField):
    """true or false."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class DateTimeField(serializers.DateTimeField):
    """An RFC 3339 time with its offset; nobody guesses a zone."""

    default_error_messages = {"needs_offset": NEEDS_OFFSET, "date": DATE_ALONE, "out_of_range": OUT_OF_RANGE}

    def to_internal_value(self, value: Any) -> Any:
        if isinstance(value, str) and DATE.fullmatch(value):
            self.fail("date")
        found = TIME.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            self.fail("invalid", format="2026-12-01T10:00:00-05:00")
        if not found["offset"]:
            self.fail("needs_offset")
        at = super().to_internal_value(value)
        if not can_be_kept(at):
            self.fail("out_of_range")
        return at


class UUIDField(serializers.UUIDField):
    """An id as a JSON string."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str) or len(data) > 45:
            self.fail("invalid", value=str(data)[:45])
        return super().to_internal_value(data)


class ChoiceField(serializers.ChoiceField):
    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=str(data)[:40])
        return super().to_internal_value(data)


class ListField(serializers.ListField):
    """A JSON list; its length is looked at first, and the first hundred faults are enough."""

    def __init__(self, **options: Any) -> None:
        if not options.get("read_only"):
            options.setdefault("max_length", MOST_ENTRIES)
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        if self.max_length is not None and len(data) > self.max_length:
            text = f"At most {self.max_length:,} entries; there are {len(data):,}."
            raise ValidationError(text, "max_length")
        return super().to_internal_value(data)

    def run_child_validation(self, data: Any) -> list[Any]:
        result: list[Any] = []
        errors: dict[Any, Any] = {}
        child: Any = self.child
        for index, item in enumerate(data):
            try:
                result.append(child.run_validation(item))
            except ValidationError as error:
                errors[index] = error.detail
                if len(errors) > MOST_ERRORS:
                    break
        if errors:
            raise ValidationError(errors)
        return result


class DictField(serializers.DictField):
    """An object; only in answers. For what comes in there is ObjectField."""


class ObjectField(serializers.DictField):
    """A free-form JSON object with limits: the number of its keys, their length, the size and depth of each value."""

    default_error_messages = {
        "too_many_keys": "At most {most} keys.",
        "key_too_long": "A key has at most {most} characters.",
        "value_too_long": "A value has at most {most} characters.",
        "too_deep": "A value is nested at most {most} levels deep.",
    }

    def __init__(self, *, keys: int = 50, value: int = 500, depth: int = 3, **options: Any) -> None:
        self.keys, self.value, self.depth = keys, value, depth
        text = f"At most {keys} keys of 80 characters; a value has at most {value} characters and {depth} levels."
        options.setdefault("help_text", text)
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("not_a_dict", input_type=type(data).__name__)
        if len(data) > self.keys:
            self.fail("too_many_keys", most=self.keys)
        errors = {}
        for name, value in data.items():
            if fault := self._fault(name, value):
                errors[name[:80]] = [serializers.ErrorDetail(*fault)]
        if errors:
            raise ValidationError(errors)
        return data

    def _fault(self, name: str, value: Any) -> tuple[str, str] | None:
        messages = self.error_messages
        if len(name) > 80:
            return messages["key_too_long"].format(most=80), "key_too_long"
        if is_deeper(value, self.depth):
            return messages["too_deep"].format(most=self.depth), "too_deep"
        if size_of(value) > self.value:
            return messages["value_too_long"].format(most=self.value), "value_too_long"
        return None


def is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects lie deeper in it; looks no further than that."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(is_deeper(one, levels - 1) for one in inner)


def size_of(value: Any) -> int:
    """Characters of its texts, keys included; a number or constant counts as written."""
    if isinstance(value, dict):
        return sum(len(name) + size_of(one) for name, one in value.items())
    if isinstance(value, list):
        return sum(1 + size_of(one) for one in value)
    return len(value) if isinstance(value, str) else 8


def first_unknown(data: Mapping[str, Any], fields: Any) -> list[str]:
    """The first hundred names that are no fields, and one more if there are more."""
    return list(islice((name for name in data if name not in fields), MOST_ERRORS + 1))
