"""Round robin: in order, skipping the absent; the conversation is theirs from then on."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from messaging import receiving
from messaging.models import Conversation
from notifications.models import Notification, NotificationRule
from notifications.preferences import set_preferences
from tenants.models import Membership
from tests.office import Office


@pytest.fixture
def office(db: None) -> Office:
    return Office()


def numbers(count: int) -> list[str]:
    return [f"+1628555{n:04d}" for n in range(1000, 1000 + count)]


def test_it_goes_round_in_order_and_begins_anew(office: Office) -> None:
    office.rule("round_robin")
    told = [office.told(office.text(number=number)) for number in numbers(5)]
    assert told == [["Ann"], ["Ben"], ["Cid"], ["Ann"], ["Ben"]]


def test_the_absent_and_the_deactivated_are_skipped_and_come_back(office: Office) -> None:
    office.rule("round_robin")
    absence = office.away("Ben", to="Rob")
    office.deactivate("Cid")
    told = [office.told(office.text(number=number)) for number in numbers(3)]
    assert told == [["Ann"], ["Ann"], ["Ann"]]
    absence.delete()
    assert office.told(office.text()) == ["Ben"]


def test_with_everybody_away_owners_are_told_but_the_turn_and_the_conversation_stay(office: Office) -> None:
    """field: mail and people. A fall-back never carries the main rule's side effects."""
    office.rule("round_robin")
    assert office.told(office.text(number=numbers(1)[0])) == ["Ann"]
    away = [office.away(name, to=None) for name in ("Ann", "Ben", "Cid")]
    told = office.text(number=numbers(2)[1])
    assert set(office.told(told)) == {"Olga", "Ada"}
    assert Conversation.objects.for_org(office.org).get(pk=told.conversation_id).assignee is None
    for absence in away:
        absence.delete()
    assert office.told(office.text(number=numbers(3)[2])) == ["Ben"]


def test_it_assigns_the_conversation_so_that_later_texts_stay_there(office: Office) -> None:
    office.rule("round_robin", throttle_minutes=0)
    office.text()
    assert office.conversation().assignee == office["Ann"]
    later = office.text("And another thing")
    assert office.told(later) == ["Ann"]
    assert "has the conversation" in office.why(later, "Ann")[1]
    assert office.told(office.text(number=numbers(1)[0])) == ["Ben"]


def test_the_winner_is_told_once_and_not_again_of_the_assignment(office: Office) -> None:
    office.rule("round_robin")
    office.text()
    assert [row.kind for row in Notification.objects.for_org(office.org).filter(outcome="pending")] == [
        "new_message"
    ]


def test_whoever_switched_mails_off_has_the_conversation_all_the_same(office: Office) -> None:
    office.rule("round_robin")
    set_preferences(member=office["Ann"], how="off", quiet=[])
    assert office.told(office.text()) == []
    assert office.conversation().assignee == office["Ann"]
    assert office.told(office.text(number=numbers(1)[0])) == ["Ben"]


def test_a_turn_is_not_lost_when_another_rule_tells_the_same_person(office: Office) -> None:
    office.rule("all", to=office["Ann"])
    office.rule("round_robin")
    text = office.text()
    assert office.told(text) == ["Ann"]
    assert office.conversation().assignee == office["Ann"]
    assert "Ben" in office.told(office.text(number=numbers(1)[0]))


def test_a_deactivated_assignee_gives_the_conversation_to_the_next(office: Office) -> None:
    office.rule("round_robin")
    office.assign("Cid")
    office.deactivate("Cid")
    assert office.told(office.text()) == ["Ann"]
    assert office.conversation().assignee == office["Ann"]


def test_as_a_fall_back_it_assigns_too(office: Office) -> None:
    office.rule("last_sender", fallback="round_robin")
    assert office.told(office.text()) == ["Ann"]
    assert office.conversation().assignee == office["Ann"]


def in_threads(work, given):  # type: ignore[no-untyped-def]
    def once(one):  # type: ignore[no-untyped-def]
        try:
            return work(one)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(given)) as pool:
        return list(pool.map(once, given))


@pytest.mark.django_db(transaction=True)
def test_texts_that_come_at_once_take_turns() -> None:
    office = Office()
    office.rule("round_robin")
    events = [office.event(number=number).pk for number in numbers(6)]
    in_threads(receiving.process_event, events)
    owners = Conversation.objects.for_org(office.org).values_list("assignee__name", flat=True)
    assert sorted(owners) == ["Ann", "Ann", "Ben", "Ben", "Cid", "Cid"]
    assert NotificationRule.objects.for_org(office.org).get().last_turn is not None


@pytest.mark.django_db(transaction=True)
def test_texts_of_one_conversation_that_come_at_once_bring_one_mail() -> None:
    office = Office()
    office.rule("all", to=office["Ann"])
    office.conversation()
    events = [office.event(f"Text {n}").pk for n in range(6)]
    in_threads(receiving.process_event, events)
    rows = Notification.objects.for_org(office.org).filter(member=office["Ann"])
    assert sorted(row.outcome for row in rows) == ["pending"] + ["throttled"] * 5


def test_only_who_can_reply_gets_the_conversation(office: Office) -> None:
    """inbox 9: Ann became a viewer; it is Ben's turn. Where nobody can reply nobody gets it."""
    rule = office.rule("round_robin")
    Membership.objects.for_org(office.org).filter(pk=office["Ann"].pk).update(role="viewer")
    assert office.told(office.text()) == ["Ben"]
    assert office.conversation().assignee == office["Ben"]

    type(rule).objects.for_org(office.org).filter(pk=rule.pk).update(can_send=False)
    message = office.text(number=numbers(1)[0])
    assert office.told(message) in (["Ann"], ["Cid"])
    assert message.conversation is not None
    message.conversation.refresh_from_db()
    assert message.conversation.assignee is None
