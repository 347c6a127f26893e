"""A phone number as a query parameter."""

from dataclasses import dataclass
from typing import Any

from senderid.phone_numbers import SHORT_CODE, is_safe_name, read_number
from tenants.rest.filters import Filter


@dataclass(frozen=True)
class NumberFilter(Filter):
    """As people write it. A + that was not escaped arrives as a space. `codes`: short codes and names, too."""

    codes: bool = False

    def read(self, name: str, text: str, view: Any) -> str:
        if self.codes and (SHORT_CODE.fullmatch(text) or is_safe_name(text)):
            return text
        written = f"+{text[1:]}" if text[:1] == " " and text[1:2].isdigit() else text
        return read_number(written, country=view.org.country, field=name).e164
