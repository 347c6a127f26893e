"""The one entrance of phone numbers: what it takes, and what it refuses with the reason (api 24, field: numbers)."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from senderid.phone_numbers import parse, read_number
from tenants.errors import DomainError

ROOT = Path(settings.BASE_DIR)


@pytest.mark.parametrize(
    ("text", "country", "e164"),
    [
        ("+16285550140", None, "+16285550140"),
        (" +1 (628) 555-0140 ", None, "+16285550140"),
        ("628.555.0140", "US", "+16285550140"),
        ("(628) 555 0140", "US", "+16285550140"),
        ("+1.6285550140", None, "+16285550140"),
        ("(+1) 628 555 0140", None, "+16285550140"),
        ("0044 7400 123405", "US", "+447400123405"),
        ("00447400123405", None, "+447400123405"),
        ("(00) 44 7400 123405", "US", None),
        ("07400 123405", "GB", "+447400123405"),
        ("+44 (0)7400 123405", None, "+447400123405"),
        ("0664/1234567", "AT", "+436641234567"),
        ("0664 - 123 45 67", "AT", "+436641234567"),
        ("tel:+1-628-555-0140", None, "+16285550140"),
        ("TEL: +16285550140", None, "+16285550140"),
        ("\u200e+16285550140\u202c", None, "+16285550140"),
        ("\ufeff+1\u00a0628\u2009555\u200b0140", None, "+16285550140"),
        ("+1\u2011628\u2013555\u22120140", None, "+16285550140"),
        ("＋１６２８５５５０１４０", None, "+16285550140"),
        ("٠٥٠١٢٣٤٥٦٧", "AE", "+971501234567"),
        ("0033 6 12 34 56 78", "US", "+33612345678"),
        ("06.12.34.56.78", "FR", "+33612345678"),
        ("20-34-56-78", "DK", "+4520345678"),
        ("06.12.34.56.00", "FR", "+33612345600"),
    ],
)  # fmt: skip
def test_it_reads_how_people_write_numbers(text: str, country: str | None, e164: str | None) -> None:
    """api 24"""
    found = parse(text, country)
    assert (found and found.e164) == e164
    if e164:
        assert read_number(text, country=country).e164 == e164
        assert read_number(e164) == found


REFUSED = [
    ("2024-11-25", "date"), ("25.11.2024", "date"), ("11/25/2024", "date"), ("2024-11-25 10:00:00", "date"),
    ("2024-11-25T10:00:00Z", "date"), ("25 11 2024", "date"),
    ("4.474E+11", "exponent"), ("4,474e11", "exponent"), ("6.641234567E9", "exponent"), ("1e10", "exponent"),
    ("6641234567.0", "decimal"), ("6641234567.00", "decimal"), ("6641234567,5", "decimal"), ("+436641234567.0", "decimal"),
    ("011 15-2345-6789.0", "decimal"), ("0664 1234567.00", "decimal"), ("(212) 736-0123.0", "decimal"),
    ("4.47400123405", "decimal"), ("6641234567.", "decimal"),
    ("+16285550140 ext 5", "extension"), ("212-736-0123 x45", "extension"), ("+16285550140;ext=5", "extension"),
    ("+16285550140 #12", "extension"), ("+16285550140,,5", "extension"), ("+16285550140 Ext. 1234", "extension"),
    ("tel:+1-628-555-0140;ext=5", "extension"), ("+16285550140 extension 7", "extension"),
    ("+1628CALLNOW", "letters"), ("1-212-PEN-0123", "letters"), ("whatsapp:+447400123401", "letters"),
    ("mailto:x+12127360123", "letters"), ("nobody", "letters"), ("Mara +16285550140", "letters"),
    ("sip:+16285550140", "letters"),
    ("+16285550140, +16285550141", "several"), ("+16285550140;+16285550141", "several"),
    ("6285550140 or 6285550141", "several"), ("+16285550140 / +16285550141", "several"),
    ("0664 1234567/0664 7654321", "several"), ("+16285550140\n+16285550141", "several"),
    ("+16285550140+16285550141", "several"),
    ("+1628555014_0", "character"), ("=+16285550140", "character"), ("'+16285550140", "character"),
    ("[6285550140]", "character"),
    ("+1628555*0140", "character"), ("🙂", "character"), ("-6641234567", "character"),
    ("+1628555014000000000", "too_long"),
    ("12", "unknown"), ("+", "unknown"), ("+1", "unknown"), ("+19995550140", "unknown"), ("0" * 12, "unknown"),
]  # fmt: skip


@pytest.mark.parametrize("country", ["US", "AT", "GB"])
@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_it_refuses_the_rest_with_the_reason_and_the_fix(text: str, reason: str, country: str) -> None:
    """api 24: a digit appended or an extension dropped is another person's number."""
    with pytest.raises(DomainError) as refused:
        read_number(text, country=country, field="to")
    error = refused.value
    assert (error.code, error.status, error.field) == ("invalid_number", 400, "to")
    assert error.extra["reason"] == reason, error.text
    assert error.text.startswith(f"“{text.strip()[:40]}” isn’t a valid phone number")
    assert error.text.endswith(".") and len(error.text) < 200
    assert parse(text, country) is None


@pytest.mark.parametrize("text", ["", "  ", "\u200b\u200e", "\ufeff \u00a0", "\x00", "tel:"])
def test_what_shows_nothing_is_empty_not_wrong(text: str) -> None:
    """api 24: invisible characters only."""
    with pytest.raises(DomainError) as refused:
        read_number(text, country="US")
    assert (refused.value.code, refused.value.text) == ("required", "Enter a phone number.")


@pytest.mark.parametrize(
    "text",
    ["1" * 100_000, "+" * 10_000, "(" * 100_000, "1 " * 50_000, "1," * 40, "/" * 80, "1x" * 40, "9 or " * 16],
)
def test_a_hostile_text_is_refused_at_once(text: str) -> None:
    """api 10: nothing here runs longer than the text is long."""
    import time

    began = time.process_time()
    with pytest.raises(DomainError) as refused:
        read_number(text, country="US")
    assert time.process_time() - began < 0.05 and len(refused.value.text) < 200


def test_nothing_else_parses_numbers() -> None:
    """api 24: one entrance; the simulator plays a carrier and stands alone."""
    wanted = re.compile(r"phonenumbers\.parse\(|PhoneNumberMatcher|from phonenumbers import [^\n]*\bparse\b")
    apps = ("tenants", "senderid", "messaging", "notifications", "config")
    users: dict[str, Any] = {
        str(path.relative_to(ROOT)): len(found)
        for app in apps
        for path in (ROOT / app).rglob("*.py")
        if "migrations" not in path.parts and (found := wanted.findall(path.read_text()))
    }
    assert users == {"senderid/phone_numbers.py": 4}  # reading (typed, received, other country), showing
