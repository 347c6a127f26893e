"""However a number is written, it is the same contact, and never another person's (field: numbers)."""

from collections.abc import Iterator

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from senderid.phone_numbers import other_reading, parse, parse_received
from senderid.searching import digits_in

KINDS = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.TOLL_FREE)


def examples() -> Iterator[tuple[str, phonenumbers.PhoneNumber]]:
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in KINDS:
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None and phonenumbers.region_code_for_number(number) == region:
                yield region, number


def spellings(region: str, number: phonenumbers.PhoneNumber) -> list[tuple[str, str | None]]:
    """(text, the country of who types it) in ten ways."""
    e164, international, national = (
        phonenumbers.format_number(number, style)
        for style in (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL)
    )
    wide = e164.translate({ord(str(digit)): chr(0xFF10 + digit) for digit in range(10)})
    return [
        (e164, None),
        (international, None),
        (national, region),
        (f"00{e164[1:]}", None if region == "IT" else "DE"),
        (international.replace(" ", "-"), None),
        (international.replace(" ", "."), None),
        (f" {e164}\u200b", None),
        (f"\u202a{international}\u202c", None),
        (wide.replace("+", "＋"), None),
        (f"tel:{e164}", None),
    ]


def test_ten_spellings_of_each_regions_numbers_are_one_number() -> None:
    """field: numbers"""
    wrong = []
    for region, number in examples():
        wanted = parse(phonenumbers.format_number(number, PhoneNumberFormat.E164))
        for text, country in spellings(region, number):
            read = parse(text, country)
            if read is not None and read != wanted:
                wrong.append((region, text, read))
        assert (
            wanted is not None
            and phonenumbers.region_code_for_number(phonenumbers.parse(wanted.e164)) == region
        )
    assert wrong == []


def test_all_but_a_few_spellings_are_taken() -> None:
    """field: numbers; what is refused is refused with a reason, never read as another number."""
    every = [(text, country) for region, number in examples() for text, country in spellings(region, number)]
    refused = [(text, country) for text, country in every if parse(text, country) is None]
    assert len(refused) < len(every) / 100, refused[:20]


@pytest.mark.parametrize(
    ("old", "today"),
    [
        ("+5215512345678", "+525512345678"),
        ("+52 1 55 1234 5678", "+525512345678"),
        ("+551187654321", "+5511987654321"),
        ("+541123456789", "+5491123456789"),
        ("+5491123456789", "+5491123456789"),
        ("+551132345678", "+551132345678"),  # a landline stays one
        ("+525512345678", "+525512345678"),
    ],
)
def test_one_handset_has_one_spelling(old: str, today: str) -> None:
    """field: numbers; a Mexican contact was texted, the reply came from the old spelling and made a second contact."""
    read = parse_received(old)
    assert read is not None and read.e164 == today
    assert today[1:] in digits_in(old)


def test_a_line_of_ours_keeps_its_number() -> None:
    """field: numbers; the provider knows it by this one."""
    read = parse("+541123456789", line=True)
    assert read is not None and read.e164 == "+541123456789"


@pytest.mark.parametrize("value", ["+15550100199", "+8613000000000123"])
def test_who_texted_us_has_a_number_whether_it_is_listed_or_not(value: str) -> None:
    """field: numbers"""
    assert parse(value) is None
    read = parse_received(value)
    assert (read and read.e164) == (value if len(value) <= 16 else None)


def test_short_codes_and_names_are_no_numbers() -> None:
    """field: numbers"""
    assert [parse_received(value) for value in ("73605", "Support", "+73605", "")] == [None] * 4


def test_digits_that_are_a_mobile_abroad_too_are_pointed_out() -> None:
    """field: numbers; 4792345678, typed in the US, is Arkansas and would be Norway with +."""
    number = parse("4792345678", "US")
    assert number is not None
    other = other_reading("4792345678", number)
    assert other is not None and (other.e164, other.country) == ("+4792345678", "NO")
    assert other_reading("+14792345678", number) is None
    boston = parse("6172345678", "US")
    assert boston is not None and other_reading("6172345678", boston) is None
