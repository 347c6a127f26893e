"""Numbers and names: E.164 in storage, national on screens; parsing by libphonenumber."""

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from senderid import typed_numbers
from senderid.time_zones import zones_of_number
from tenants.errors import DomainError, unreadable

SHORT_CODE = re.compile(r"[0-9]{3,8}")
NAME = re.compile(r"[A-Za-z0-9 \-_+&]{2,11}")
SAFE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{2,10}")
MOST_CHARACTERS, MOST_SHOWN = 80, 40
PREMIUM = {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST}


@dataclass(frozen=True)
class Number:
    """A parsed number: E.164, ISO country ('' when it belongs to none), the zones it may lie in, toll-free or not."""

    e164: str
    country: str
    zones: tuple[str, ...]
    toll_free: bool
    premium: bool

    @property
    def timezone(self) -> str:
        """The only zone it may lie in; '' when there are several."""
        return self.zones[0] if len(self.zones) == 1 else ""


def read_number(text: str, *, country: str | None = None, field: str = "number") -> Number:
    """Reads an international number, or a national one of `country`.

    The entrance of every number that forms, the API, imports and webhooks bring. 400 otherwise: `required` when it is
    empty, else `invalid_number` with the reason.
    """
    number = parse(text, country)
    if number is None:
        raise _refused(text, field)
    return number


def _refused(text: str, field: str) -> DomainError:
    cleaned = typed_numbers.clean(text)
    if not cleaned:
        return unreadable(field, "Enter a phone number.", "required")
    reason = typed_numbers.fault_of(cleaned) or "unknown"
    cause, fix = typed_numbers.REASONS[reason]
    shown = text.strip()[:MOST_SHOWN]
    sentence = f"“{shown}” isn’t a valid phone number{': ' if cause else ''}{cause}. {fix}"
    return DomainError("invalid_number", sentence, field=field, status=400, reason=reason)


def parse(text: str, country: str | None = None) -> Number | None:
    """The number in `text`, or None: short codes and names are not numbers, nor is anything that only resembles one."""
    return _parse(text, country) if len(text) <= MOST_CHARACTERS else None


@lru_cache(maxsize=50_000)
def _parse(text: str, country: str | None) -> Number | None:
    if not typed_numbers.E164.fullmatch(text):
        text = typed_numbers.clean(text)
        if not text or not (text.startswith(("+", "(+")) or country) or typed_numbers.fault_of(text):
            return None
    try:
        number = phonenumbers.parse(text, country)
    except NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number) or ""
    # As is_valid_number, which would look the region up anew.
    if not phonenumbers.is_valid_number_for_region(number, region):
        return None
    kind = phonenumbers.number_type(number)
    return Number(
        e164=phonenumbers.format_number(number, PhoneNumberFormat.E164),
        country=region,
        zones=zones_of_number(number, region),
        toll_free=kind == PhoneNumberType.TOLL_FREE,
        premium=kind in PREMIUM,
    )


@lru_cache(maxsize=50_000)
def national(value: str) -> str:
    """As people of its country write it; a short code or a name as it is."""
    if not value.startswith("+"):
        return value
    try:
        number = phonenumbers.parse(value)
    except NumberParseException:
        return value
    if number.country_code == 1:
        return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def read_short_code(given: str) -> str:
    """3 to 8 digits; 400 otherwise."""
    value = str(given or "").strip()
    if not SHORT_CODE.fullmatch(value):
        raise unreadable("value", "A short code is 3 to 8 digits, without + or spaces.", "invalid_short_code")
    return value


def read_name(given: str) -> str:
    """2 to 11 characters out of A-Z a-z 0-9 space - + _ &, at least one letter; 400 otherwise."""
    value = str(given or "").strip()
    if len(value) > 11:
        raise unreadable(
            "value", f"A name has at most 11 characters; this has {len(value)}.", "name_too_long"
        )
    if not NAME.fullmatch(value):
        raise unreadable("value", "A name is 2 to 11 of A-Z a-z 0-9, space and - + _ &.", "invalid_name")
    if not re.search("[A-Za-z]", value):
        raise unreadable(
            "value", "A name needs at least one letter; digits alone look like a number.", "name_of_digits"
        )
    return value


def is_safe_name(value: str) -> bool:
    """3 to 11 letters and digits, starting with a letter: what every country takes."""
    return bool(SAFE_NAME.fullmatch(value))
