"""Numbers and names: E.164 in storage, national on screens; parsing by libphonenumber."""

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from senderid import typed_numbers
from senderid.time_zones import zones_of_country, zones_of_number
from tenants.errors import DomainError, unreadable

SHORT_CODE = re.compile(r"[0-9]{3,8}")
NAME = re.compile(r"[A-Za-z0-9 \-_+&]{2,11}")
SAFE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{2,10}")
MOST_CHARACTERS, MOST_SHOWN = 80, 40
# Calling code → spellings of a mobile that came before today's, which networks still write, and today's.
OLD_SPELLINGS = {52: (re.compile(r"1(\d{10})"), r"\1"), 55: (re.compile(r"(\d\d)([6-9]\d{7})"), r"\g<1>9\2")}
ARGENTINA, MOBILE_9 = 54, 9 * 10**10
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


def read_number(
    text: str, *, country: str | None = None, field: str = "number", line: bool = False
) -> Number:
    """Reads an international number, or a national one of `country`.

    The entrance of every number that forms, the API, imports and webhooks bring. 400 otherwise: `required` when it is
    empty, else `invalid_number` with the reason. `line`: as in `parse`.
    """
    number = parse(text, country, line=line)
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


def parse(text: str, country: str | None = None, *, line: bool = False) -> Number | None:
    """The number in `text`, or None: short codes and names are not numbers, nor is anything that only resembles one.

    One handset has one spelling: the mobiles of Mexico without 1, those of Brazil with their ninth digit, those of
    Argentina with 9. `line`: a line of ours, where an Argentine number without 9 is another one.
    """
    return _parse(text, country, line) if len(text) <= MOST_CHARACTERS else None


def parse_received(text: str) -> Number | None:
    """The number a text came from: networks know numbers before libphonenumber does, so the form of E.164 is enough."""
    return parse(text) or _unlisted(text)


def other_reading(text: str, number: Number) -> Number | None:
    """The mobile of another country that digits without + would be with it: 4792345678, typed in the US, and Norway."""
    digits = re.sub(r"\D", "", typed_numbers.clean(text))
    other = parse(f"+{digits}") if digits and not typed_numbers.clean(text).startswith(("+", "(+")) else None
    if other is None or other.country == number.country:
        return None
    kind = phonenumbers.number_type(phonenumbers.parse(other.e164))
    return other if kind == PhoneNumberType.MOBILE else None


def _unlisted(text: str) -> Number | None:
    if not typed_numbers.E164.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text)
    except NumberParseException:
        return None
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    country = region if len(region) == 2 and region != "ZZ" else ""
    return Number(text, country, zones_of_country(country), toll_free=False, premium=False)


@lru_cache(maxsize=50_000)
def _parse(text: str, country: str | None, line: bool) -> Number | None:
    if not typed_numbers.E164.fullmatch(text):
        text = typed_numbers.clean(text)
        if not text or not (text.startswith(("+", "(+")) or country) or typed_numbers.fault_of(text):
            return None
    try:
        number = phonenumbers.parse(text, country)
    except NumberParseException:
        return None
    number = _canonical(number, line)
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


def _canonical(number: PhoneNumber, line: bool) -> PhoneNumber:
    """The spelling that one handset has here; the number itself where that would be no valid mobile."""
    code, digits = number.country_code, str(number.national_number)
    other = None
    if code in OLD_SPELLINGS:
        pattern, today = OLD_SPELLINGS[code]
        other = int(pattern.sub(today, digits)) if pattern.fullmatch(digits) else None
    elif code == ARGENTINA and len(digits) == 10 and not line:
        other = MOBILE_9 + int(digits)
    if other is None:
        return number
    mobile = PhoneNumber(country_code=code, national_number=other)
    return mobile if phonenumbers.is_valid_number(mobile) else number


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
