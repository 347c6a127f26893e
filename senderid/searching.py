"""Search words: names whatever their accents, numbers however they are written."""

import re

from django.db.models import Q

from senderid.phone_numbers import parse
from tenants.names import folded, name_matches, single_line

__all__ = ["digits_in", "folded", "matches", "name_matches"]
NUMBER_LIKE = re.compile(r"[+\d\s().\-/\u2010-\u2015]+")
TRUNK_IN_BRACKETS = re.compile(r"\(0\)")
FEWEST_DIGITS = 3


def digits_in(words: str, *, country: str = "") -> list[str]:
    """What to look for inside stored numbers (E.164, short codes), when the words look like a number or part of one.

    As typed, without a leading 0 or 00, and as a whole number of `country` is stored: `07400 123405` finds
    +447400123405, and so does `+44 (0)7400 123405`. Empty for other words and for fewer than three digits.
    """
    if not NUMBER_LIKE.fullmatch(words):
        return []
    digits = re.sub(r"\D", "", TRUNK_IN_BRACKETS.sub("", words))
    readings = (parse(words.strip(), country or None, line=line) for line in (False, True))
    wanted = {digits, digits.lstrip("0"), *(whole.e164[1:] for whole in readings if whole)}
    return sorted(one for one in wanted if len(one) >= FEWEST_DIGITS)


def matches(
    words: str,
    *,
    country: str,
    numbers: tuple[str, ...],
    names: tuple[str, ...] = (),
    folded_names: tuple[str, ...] = (),
) -> Q:
    """Rows with the words in a name or a number; `folded_names` are columns that hold `folded` text already."""
    words = single_line(words)
    found = name_matches(words, *names)
    for column in folded_names:
        found |= Q(**{f"{column}__contains": folded(words)})
    for column in numbers:
        for digits in digits_in(words, country=country):
            found |= Q(**{f"{column}__contains": digits})
    return found
