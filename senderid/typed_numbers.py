"""What people and spreadsheets write where a phone number belongs: cleaned, and refused with the reason.

libphonenumber's parser drops letters, extensions and signs it does not know; so a mistake would become another
person's number. Only digits, +, and the signs that group digits pass here.
"""

import re
import unicodedata

LONGEST = 200  # characters that are looked at; a number is refused beyond 40
MOST_DIGITS = 15  # E.164
E164 = re.compile(r"\+[1-9][0-9]{6,14}")

# Reason → what is wrong, and the fix.
REASONS = {
    "date": ("it’s a date", "Check which column it came from."),
    "exponent": ("a spreadsheet shortened it", "Format the column as text and enter every digit."),
    "decimal": ("it has a decimal part", "Format the column as text and enter only the number’s digits."),
    "extension": ("it has an extension", "Extensions can’t receive texts; enter a direct number."),
    "letters": ("it has letters", "Enter its digits, such as +442079460123."),
    "several": ("there is more than one number", "Enter one number."),
    "character": ("it has a character that isn’t part of a number", "Enter digits, spaces, dots or dashes."),
    "too_long": (f"it has more than {MOST_DIGITS} digits", "Check it for extra digits."),
    "unknown": ("", "Enter it with + and the country code, such as +442079460123."),
}

_DATE = re.compile(
    r"(?:\d{4}([-./ ])(?P<m1>\d{1,2})\1(?P<d1>\d{1,2})|(?P<a>\d{1,2})([-./ ])(?P<b>\d{1,2})\5(?:19|20)\d{2})"
    r"(?:[T ]+\d{1,2}:\d{2}.*)?"
)
_EXPONENT = re.compile(r"[+-]?\d+(?:[.,]\d*)?[eE][+-]?\d+")
# Also behind a grouped number: a last group of one digit, or .00 as the only dot (French numbers may end in .00).
_DECIMAL = re.compile(r"\+?\d+[.,]\d{0,2}|\d[.,]\d{3,}|.*\d[.,]\d|[^.,]*\d[.,]00", re.DOTALL)
_EXTENSION = re.compile(
    r"\d[\s).;,]{0,4}(?:(?:ext|extn|extension|int|poste|durchwahl|dw|anexo)[\s.:=]{0,3}|[xх#~]\s?|,,)\d{1,7}$",
    re.IGNORECASE,
)
_SEVERAL = re.compile(r".*\d{2}\D*(?:[,;|&\n]|\bor\b|\band\b|\+)\D*\d{2}.*", re.IGNORECASE | re.DOTALL)
_SLASH = re.compile(r"(?P<first>.*)/(?P<rest>[^/]*)")
_SCHEME = re.compile(r"tel:\s*", re.IGNORECASE)
_PLAIN = re.compile(r"\(?\+?(?:[0-9( ][0-9 .()/-]*)?")


def clean(text: str) -> str:
    """Compatibility forms made plain, invisible characters and `tel:` removed, a leading 00 as +."""
    text = unicodedata.normalize("NFKC", text[:LONGEST])
    text = "".join(plain for sign in text if (plain := _plain(sign)))
    text = _SCHEME.sub("", text.strip(), count=1) if _SCHEME.match(text.strip()) else text.strip()
    return re.sub(r"^(\(?)00(?=\s*[1-9])", r"\1+", text)


def _plain(sign: str) -> str:
    """One character as ASCII where it means the same; '' when nothing of it can be seen."""
    kind = unicodedata.category(sign)
    if kind == "Nd":
        return str(unicodedata.decimal(sign))
    if kind == "Pd" or sign == "−":
        return "-"
    if sign.isspace():
        return "\n" if sign in "\n\r" else " "
    return "" if kind in ("Cf", "Cc", "Mn", "Me") else sign


def fault_of(text: str) -> str:
    """Why a cleaned text is no phone number, as a key of REASONS; '' when it has the form of one."""
    if _is_date(text):
        return "date"
    if _EXPONENT.fullmatch(text):
        return "exponent"
    if _DECIMAL.fullmatch(text):
        return "decimal"
    if _EXTENSION.search(text):
        return "extension"
    if _SEVERAL.fullmatch(text) or _has_two_by_slash(text):
        return "several"
    if any(sign.isalpha() for sign in text):
        return "letters"
    if not _PLAIN.fullmatch(text):
        return "character"
    return "too_long" if sum(sign.isdigit() for sign in text) > MOST_DIGITS + 2 else ""


def _is_date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    if found is None:
        return False
    one, other = int(found["m1"] or found["a"]), int(found["d1"] or found["b"])
    return 1 <= min(one, other) <= 12 and max(one, other) <= 31


def _has_two_by_slash(text: str) -> bool:
    """0664/1234567 is one number, 0664 1234567/0664 7654321 are two."""
    found = _SLASH.fullmatch(text)
    return found is not None and all(
        sum(sign.isdigit() for sign in part) >= 7 for part in (found["first"], found["rest"])
    )
