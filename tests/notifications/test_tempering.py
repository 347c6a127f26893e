"""The throttle and a member's own wishes: they only reduce, and never lose the row that says so."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from notifications.models import Notification
from notifications.preferences import set_preferences
from tests.office import Office
from tests.world import make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def start(time_machine) -> datetime:  # type: ignore[no-untyped-def]
    now = timezone.now().replace(microsecond=0)
    time_machine.move_to(now, tick=False)
    return now


@pytest.fixture
def office(start: datetime) -> Office:
    return Office()


@pytest.mark.parametrize(
    ("minutes", "texts", "outcomes"),
    [
        (10, [0, 0, 9, 10], ["pending", "throttled", "throttled", "pending"]),
        (10, [0, 9, 11, 12], ["pending", "throttled", "pending", "throttled"]),
        (1, [0, 1, 2], ["pending", "pending", "pending"]),
        (0, [0, 0, 0], ["pending", "pending", "pending"]),
        (60, [0, 59, 61], ["pending", "throttled", "pending"]),
    ],
)
def test_the_first_is_told_at_once_then_one_mail_in_n_minutes(
    office: Office, start: datetime, time_machine: Any, minutes: int, texts: list[int], outcomes: list[str]
) -> None:
    office.rule("specific", members=["Ann"], throttle_minutes=minutes)
    found = []
    for at in texts:
        time_machine.move_to(start + timedelta(minutes=at), tick=False)
        found.append(office.why(office.text(), "Ann")[0])
    assert found == outcomes


def test_ten_minutes_is_the_default_and_the_row_says_it(office: Office) -> None:
    office.rule("all")
    office.text()
    assert "within 10 minutes" in office.why(office.text(), "Ann")[1]


def test_the_persons_own_reply_starts_it_anew_and_a_colleagues_does_not(
    office: Office, start: datetime, time_machine: Any
) -> None:
    office.rule("all")
    office.text()
    time_machine.move_to(start + timedelta(minutes=1), tick=False)
    office.sent(by="Ann")
    time_machine.move_to(start + timedelta(minutes=2), tick=False)
    text = office.text()
    assert office.told(text) == ["Ann"]
    assert office.why(text, "Ben")[0] == office.why(text, "Cid")[0] == "throttled"


def test_it_is_per_conversation(office: Office) -> None:
    office.rule("all")
    office.text()
    assert office.told(office.text(number="+16285550123")) == ["Ann", "Ben", "Cid"]


def test_a_plain_address_is_throttled_like_a_person(office: Office) -> None:
    office.rule("specific", emails=["desk@shop.example"])
    assert office.told(office.text()) == ["desk@shop.example"]
    assert office.told(office.text()) == []


def test_a_mail_that_failed_does_not_hold_back_the_next(office: Office) -> None:
    office.rule("specific", members=["Ann"])
    first = office.text()
    Notification.objects.for_org(office.org).filter(message=first, member=office["Ann"]).update(
        outcome="failed"
    )
    assert office.told(office.text()) == ["Ann"]


@pytest.mark.parametrize(
    ("how", "quiet", "mandatory", "told"),
    [
        ("at_once", False, False, True),
        ("off", False, False, False),
        ("at_once", True, False, False),
        ("off", False, True, True),
        ("at_once", True, True, True),
    ],
)
def test_a_members_wish_only_reduces_and_a_mandatory_rule_ignores_it(
    office: Office, how: str, quiet: bool, mandatory: bool, told: bool
) -> None:
    office.rule("specific", members=["Ann"], mandatory=mandatory)
    set_preferences(member=office["Ann"], how=how, quiet=[office.sender] if quiet else [])
    text = office.text()
    assert office.told(text) == (["Ann"] if told else [])
    assert told or office.why(text, "Ann")[0] == "skipped"
    assert told or "switched mails off" in office.why(text, "Ann")[1]


def test_a_wish_about_another_sender_does_not_count(office: Office) -> None:
    office.rule("specific", members=["Ann"])
    set_preferences(member=office["Ann"], how="at_once", quiet=[make_sender(office.org, "+14155550135")])
    assert office.told(office.text()) == ["Ann"]


def test_switching_mails_off_never_brings_in_the_fall_backs(office: Office) -> None:
    office.rule("specific", members=["Ann"], fallback="all")
    set_preferences(member=office["Ann"], how="off", quiet=[])
    assert office.told(office.text()) == []


def test_a_mandatory_rule_counts_even_when_another_rule_chose_the_same_person_first(office: Office) -> None:
    office.rule("all")
    office.rule("assigned_member", to=office["Ann"], mandatory=True)
    set_preferences(member=office["Ann"], how="off", quiet=[])
    assert "Ann" in office.told(office.text())


@pytest.mark.parametrize("people", [3, 30])
def test_the_number_of_queries_does_not_grow_with_the_people(
    office: Office, people: int, django_assert_max_num_queries: Any
) -> None:
    from notifications.recipients import decide
    from tenants.models import Membership, TeamMember

    office.rule("all")
    for n in range(people):
        member = Membership(org=office.org, email=f"more{n}@northwind.example", name=f"More {n}")
        member.save()
        TeamMember.objects.for_org(office.org).create(team=office.team, member=member)
    text = office.text()
    text.conversation.contact  # noqa: B018 - loaded as tell_of_text loads it
    with django_assert_max_num_queries(14):
        assert len(decide(text)) == people + 3
