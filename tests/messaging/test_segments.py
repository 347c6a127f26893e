"""Cutting texts, against a reference written another way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.segments import BASIC, EXTENSION, cut, plain_forms

GSM = "".join(sorted(BASIC))


@pytest.mark.parametrize(
    ("body", "encoding", "units", "segments"),
    [
        ("Hello", "GSM-7", 5, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("a" * 152 + "€" + "a" * 10, "GSM-7", 164, 2),
        ("a" * 152 + "€" + "a" * 151, "GSM-7", 305, 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),
        ("é à ñ ü Ç Ω", "GSM-7", 11, 1),
        ("ç", "UCS-2", 1, 1),
        ("ő", "UCS-2", 1, 1),
        ("я" * 70, "UCS-2", 70, 1),
        ("я" * 71, "UCS-2", 71, 2),
        ("я" * 134, "UCS-2", 134, 2),
        ("я" * 135, "UCS-2", 135, 3),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("я" * 66 + "😀" + "я" * 3, "UCS-2", 71, 2),
        ("я" * 66 + "😀" + "я" * 66, "UCS-2", 134, 3),
        ("’", "UCS-2", 1, 1),
        ("", "GSM-7", 0, 1),
    ],
)
def test_a_text_is_cut_as_the_standard_says(body: str, encoding: str, units: int, segments: int) -> None:
    found = cut(body)
    assert (found.encoding, found.units, found.segments) == (encoding, units, segments)


def test_it_names_the_first_character_that_makes_it_unicode() -> None:
    assert cut("Hi “you” 😀").first_unicode == "“"
    assert cut("Hi you").first_unicode == ""


def reference(body: str) -> tuple[str, int]:
    """Encodes for real: bytes of UTF-16, or septets; and packs whole characters into parts."""
    if all(c in GSM or c in EXTENSION for c in body):
        encoding, sizes, single, part = "GSM-7", [1 + (c in EXTENSION) for c in body], 160, 153
    else:
        encoding, sizes, single, part = "UCS-2", [len(c.encode("utf-16-be")) // 2 for c in body], 70, 67
    if sum(sizes) <= single:
        return encoding, 1
    parts = [0]
    for size in sizes:
        if parts[-1] + size <= part:
            parts[-1] += size
        else:
            parts.append(size)
    assert sum(parts) == sum(sizes)
    return encoding, len(parts)


BODIES = st.one_of(
    st.text(alphabet=GSM + "".join(EXTENSION), max_size=500),
    st.text(alphabet="aя😀€", max_size=300),
    st.text(max_size=300),
)


@given(BODIES)
def test_it_agrees_with_the_reference(body: str) -> None:
    found = cut(body)
    assert (found.encoding, found.segments) == reference(body)


@given(BODIES, BODIES)
def test_more_text_is_never_fewer_segments(one: str, two: str) -> None:
    assert cut(one + two).segments >= cut(one).segments


@given(st.text(alphabet=st.sampled_from("aZ é“”’–…\u00a0\u200bж😀€{")))
def test_plain_forms_make_it_gsm_or_are_not_offered(body: str) -> None:
    """field: segments; the culprit is named and a replacement offered."""
    forms = plain_forms(body)
    plain = "".join(forms.get(sign, sign) for sign in body)
    if forms:
        assert cut(plain).encoding == "GSM-7" and cut(plain).segments <= cut(body).segments
    else:
        assert cut(body).encoding == "GSM-7" or any(sign in body for sign in "ж😀")
