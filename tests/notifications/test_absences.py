"""Out of office: the stand-in if there is one, else skipped; a copy for the absent one; never someone deactivated."""

from datetime import timedelta

import pytest
from django.utils import timezone

from senderid.delegated import choose_senders
from tests.office import Office
from tests.world import make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> Office:
    office = Office()
    office.rule("last_sender")
    office.sent(by="Ann")
    return office


def test_the_stand_in_is_told_and_both_rows_say_why(office: Office) -> None:
    office.away("Ann", to="Rob")
    text = office.text()
    assert office.told(text) == ["Rob"]
    assert office.why(text, "Rob") == ("pending", "stands in for Ann: they texted last")
    outcome, reason = office.why(text, "Ann")
    assert outcome == "skipped" and "Rob stands in" in reason


def test_a_copy_goes_to_the_absent_one_where_it_was_asked_for(office: Office) -> None:
    office.away("Ann", to="Rob", copy_absent=True)
    text = office.text()
    assert office.told(text) == ["Ann", "Rob"]
    assert "copy" in office.why(text, "Ann")[1]


def test_when_nobody_stands_in_the_row_says_so_and_the_fall_backs_are_told(office: Office) -> None:
    office.away("Ann")
    text = office.text()
    assert office.told(text) == ["Ben", "Cid"]
    assert "nobody stands in" in office.why(text, "Ann")[1]
    assert office.why(text, "Ben")[1].startswith("fall-back:")


def test_a_deactivated_stand_in_stands_in_for_nobody(office: Office) -> None:
    office.away("Ann", to="Rob")
    office.deactivate("Rob")
    assert office.told(office.text()) == ["Ben", "Cid"]


def test_a_stand_in_who_is_away_as_well_stands_in_for_nobody(office: Office) -> None:
    office.away("Ann", to="Rob")
    office.away("Rob", to="Olga")
    assert office.told(office.text()) == ["Ben", "Cid"]


@pytest.mark.parametrize(("covered", "told"), [(True, ["Rob"]), (False, ["Ben", "Cid"])])
def test_a_stand_in_for_chosen_senders_hears_only_of_those(
    office: Office, covered: bool, told: list[str]
) -> None:
    other = make_sender(office.org, "+14155550135")
    choose_senders(delegation=office.away("Ann", to="Rob"), senders=[office.sender if covered else other])
    assert office.told(office.text()) == told


def test_each_sender_may_have_a_stand_in_of_its_own(office: Office) -> None:
    other = make_sender(office.org, "+14155550135")
    choose_senders(delegation=office.away("Ann", to="Rob"), senders=[office.sender])
    choose_senders(delegation=office.away("Ann", to="Ada"), senders=[other])
    assert office.told(office.text()) == ["Rob"]


@pytest.mark.parametrize("hours", [-2, 2])
def test_an_absence_counts_only_for_its_time(office: Office, hours: int) -> None:
    now = timezone.now()
    office.away(
        "Ann",
        to="Rob",
        starts_at=now + timedelta(hours=hours - 1),
        ends_at=now + timedelta(hours=hours, minutes=-1),
    )
    assert office.told(office.text()) == ["Ann"]


def test_a_stand_in_who_is_told_anyway_gets_one_mail(office: Office) -> None:
    office.rule("all", to=office["Ben"])
    office.away("Ann", to="Ben")
    text = office.text()
    assert office.told(text) == ["Ben"]


def test_the_assignee_who_is_away_is_replaced_too(office: Office) -> None:
    office.assign("Cid")
    office.away("Cid", to="Rob")
    assert office.told(office.text()) == ["Rob"]


def test_the_text_a_stand_in_sent_counts_as_the_absent_ones(office: Office) -> None:
    office.sent(by="Cid")
    office.sent(by="Rob", on_behalf_of=office["Ben"])
    assert office.told(office.text()) == ["Ben"]


def test_owners_and_admins_who_are_away_are_replaced_as_well(office: Office) -> None:
    for name in ("Ann", "Ben", "Cid", "Olga"):
        office.away(name)
    office.away("Ada", to="Rob")
    text = office.text()
    assert office.told(text) == ["Rob"]
    assert "nobody stands in" in office.why(text, "Olga")[1]
