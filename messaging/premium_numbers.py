"""Premium and shared-cost numbers by libphonenumber's own patterns, without parsing: for fan-out's many contacts.

The country of a contact is known already; only its patterns are looked at. `senderid.phone_numbers.parse` says the
same of one number, a hundred times slower.
"""

import re
from functools import lru_cache

from phonenumbers import PhoneMetadata

from senderid.phone_numbers import parse

Patterns = tuple[str, re.Pattern[str], re.Pattern[str], re.Pattern[str]]


def is_premium(*, number: str, country: str) -> bool:
    """Whether an E.164 number of this country costs its owner or its caller extra, and so is never texted."""
    patterns = _patterns(country)
    if patterns is None or not number.startswith(patterns[0]):
        found = parse(number)
        return found is not None and found.premium
    prefix, premium, toll_free, shared_cost = patterns
    national = number[len(prefix) :]
    if premium.fullmatch(national):
        return True
    return bool(shared_cost.fullmatch(national)) and not toll_free.fullmatch(national)


@lru_cache(maxsize=300)
def _patterns(country: str) -> Patterns | None:
    """(calling code with +, premium, toll-free, shared cost) of a country; None for what is no country."""
    found = PhoneMetadata.metadata_for_region(country, None)
    if found is None:
        return None
    return (
        f"+{found.country_code}",
        _pattern(found.premium_rate),
        _pattern(found.toll_free),
        _pattern(found.shared_cost),
    )


def _pattern(kind: object) -> re.Pattern[str]:
    return re.compile(getattr(kind, "national_number_pattern", None) or "(?!)")
