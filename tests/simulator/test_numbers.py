"""Numbers over Twilio's API, with the real twilio package."""

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.simulator.running import RunningSimulator

NUMBER = "+14155550177"


def test_a_number_is_registered_once_and_then_changed(simulator: RunningSimulator) -> None:
    numbers = simulator.client().incoming_phone_numbers
    first = numbers.create(phone_number=NUMBER, sms_url="http://one.test/", friendly_name="Sales")
    again = numbers.create(phone_number=NUMBER, sms_url="http://two.test/")
    assert again.sid == first.sid and str(first.sid).startswith("PN")
    [listed] = numbers.list(phone_number=NUMBER)
    assert (listed.sms_url, listed.friendly_name) == ("http://two.test/", "Sales")
    assert numbers(str(first.sid)).update(sms_url="http://three.test/").sms_url == "http://three.test/"
    assert numbers(str(first.sid)).fetch().phone_number == NUMBER


def test_a_released_number_is_gone(simulator: RunningSimulator) -> None:
    numbers = simulator.client().incoming_phone_numbers
    sid = str(numbers.create(phone_number=NUMBER).sid)
    assert numbers(sid).delete()
    assert numbers.list(phone_number=NUMBER) == []
    with pytest.raises(TwilioRestException) as refused:
        numbers(sid).fetch()
    assert refused.value.code == 20404


def test_numbers_come_in_pages(simulator: RunningSimulator) -> None:
    numbers = simulator.client().incoming_phone_numbers
    for last in range(5):
        numbers.create(phone_number=f"+1628555010{last}")
    listed = {held.phone_number for held in numbers.list(phone_number="+1628555010", page_size=2)}
    assert listed == {f"+1628555010{last}" for last in range(5)}


def test_what_is_no_phone_number_is_refused(simulator: RunningSimulator) -> None:
    with pytest.raises(TwilioRestException) as refused:
        simulator.client().incoming_phone_numbers.create(phone_number="ACME")
    assert refused.value.code == 21421


def test_an_account_answers_who_it_is(simulator: RunningSimulator) -> None:
    client = simulator.client()
    assert client.api.v2010.accounts(str(client.account_sid)).fetch().status == "active"
