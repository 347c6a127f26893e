"""The table of magic numbers itself."""

import phonenumbers
import pytest

from simulator.magic import FATES, NORMAL, REFUSALS, fate_of, magic_numbers

ALL = [(nn, number) for nn in FATES for number in magic_numbers(nn)]


@pytest.mark.parametrize(("nn", "number"), ALL)
def test_every_magic_number_is_a_valid_phone_number(nn: str, number: str) -> None:
    assert phonenumbers.is_valid_number(phonenumbers.parse(number))
    assert fate_of(number) is FATES[nn]


@pytest.mark.parametrize("area", ["+1415555", "+1628555"])
def test_ordinary_test_numbers_are_never_magic(area: str) -> None:
    assert all(fate_of(f"{area}{last:04}") is NORMAL for last in range(10_000))


def test_every_refusal_has_its_words() -> None:
    assert {fate.refusal for fate in FATES.values() if fate.refusal} == set(REFUSALS)
