"""Serializer fields of messaging."""

from typing import Any

from messaging.segments import read_body
from tenants.rest import fields


class BodyField(fields.CharField):
    """A text's body: spaces at its ends stay, the rest is read as everywhere (`segments.read_body`)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        return read_body(super().to_internal_value(data))
