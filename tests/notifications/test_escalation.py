"""Escalation: after N minutes without a human reply to X; once; stopped by a reply or a close."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from messaging import conversations
from messaging.models import Conversation
from messaging.signals import conversation_closed, human_replied
from notifications import escalation, notify
from notifications.models import Escalation, Notification
from tests.office import Office

pytestmark = pytest.mark.django_db


@pytest.fixture
def start(time_machine) -> datetime:  # type: ignore[no-untyped-def]
    now = timezone.now().replace(microsecond=0)
    time_machine.move_to(now, tick=False)
    return now


@pytest.fixture
def office(start: datetime) -> Office:
    office = Office()
    office.rule("all", escalate_after_minutes=30, escalate_to="Rob")
    return office


@pytest.fixture
def later(start: datetime, time_machine: Any):  # type: ignore[no-untyped-def]
    return lambda minutes: time_machine.move_to(start + timedelta(minutes=minutes), tick=False)


def escalated(office: Office) -> list[str]:
    rows = Notification.objects.for_org(office.org).filter(kind="escalation").select_related("member__user")
    return sorted(row.member.name for row in rows)


def reply(office: Office, by: str = "Ann") -> None:
    """A human answer, as queueing it records it and tells of it after commit."""
    text, conversation = office.sent(by=by), office.conversation()
    conversations.record_outbound(conversation=conversation, message=text, human=office[by])
    human_replied.send_robust(Conversation, conversation_id=conversation.pk, member_id=office[by].pk)


def test_it_is_told_when_the_minutes_are_over_and_once(office: Office, later: Any) -> None:
    office.text()
    later(29)
    assert escalation.sweep() == 0
    later(30)
    assert escalation.sweep() == 1
    assert escalation.sweep() == 0
    assert escalated(office) == ["Rob"]
    assert "30 minutes" in Notification.objects.for_org(office.org).get(kind="escalation").reason


def test_the_clock_runs_from_the_first_unanswered_text(office: Office, later: Any) -> None:
    office.text()
    later(20)
    office.text("Hello?")
    later(31)
    assert escalation.sweep() == 1


def test_further_texts_that_wait_do_not_escalate_again(office: Office, later: Any) -> None:
    office.text()
    later(31)
    escalation.sweep()
    office.text("Still nobody?")
    later(90)
    assert escalation.sweep() == 0
    assert escalated(office) == ["Rob"]


def test_a_reply_stops_it_and_the_next_text_starts_a_new_one(office: Office, later: Any) -> None:
    office.text()
    later(10)
    reply(office)
    assert Escalation.objects.for_org(office.org).get().outcome == "answered"
    later(20)
    office.text("Thanks, one more thing")
    later(49)
    assert escalation.sweep() == 0
    later(50)
    assert escalation.sweep() == 1
    assert escalated(office) == ["Rob"]


def test_closing_stops_it(office: Office, later: Any) -> None:
    office.text()
    conversation = office.conversation()
    conversations.set_status(conversation=conversation, status="closed")
    conversation_closed.send_robust(Conversation, conversation_id=conversation.pk)
    later(31)
    assert escalation.sweep() == 0
    assert Escalation.objects.for_org(office.org).get().outcome == "closed"


def test_a_reply_whose_word_was_lost_stops_it_all_the_same(office: Office, later: Any) -> None:
    office.text()
    later(10)
    conversations.record_outbound(
        conversation=office.conversation(), message=office.sent(by="Ann"), human=office["Ann"]
    )
    later(31)
    assert escalation.sweep() == 0
    assert Escalation.objects.for_org(office.org).get().outcome == "answered"


def test_after_such_a_reply_the_text_that_waits_has_its_own_minutes(office: Office, later: Any) -> None:
    office.text()
    later(10)
    conversations.record_outbound(
        conversation=office.conversation(), message=office.sent(by="Ann"), human=office["Ann"]
    )
    later(25)
    office.text("And now?")
    later(31)
    assert escalation.sweep() == 0
    later(55)
    assert escalation.sweep() == 1


def test_an_automatic_answer_does_not_stop_it(office: Office, later: Any) -> None:
    office.text()
    conversations.record_outbound(
        conversation=office.conversation(), message=office.sent(origin="program"), human=None
    )
    later(31)
    assert escalation.sweep() == 1


@pytest.mark.parametrize(
    ("scene", "told"), [("away", ["Ada", "Olga"]), ("stand_in", ["Cid"]), ("inactive", ["Ada", "Olga"])]
)
def test_someone_who_can_not_be_reached_is_replaced(
    office: Office, later: Any, scene: str, told: list[str]
) -> None:
    if scene == "inactive":
        office.deactivate("Rob")
    else:
        office.away("Rob", to="Cid" if scene == "stand_in" else None)
    office.text()
    later(30)
    assert escalation.sweep() == 1
    assert escalated(office) == told


def test_a_keyword_starts_no_clock(office: Office) -> None:
    office.text("STOP")
    assert not Escalation.objects.for_org(office.org).exists()


def test_two_rules_that_name_the_same_person_tell_them_once_and_hold_up_nobody(
    office: Office, later: Any
) -> None:
    office.rule("all", to=office["Ben"], escalate_after_minutes=30, escalate_to="Rob")
    office.rule("all", to=office["Cid"], escalate_after_minutes=30, escalate_to="Ada")
    office.text()
    later(30)
    escalation.sweep()
    assert escalated(office) == ["Ada", "Rob"]
    assert not Escalation.objects.for_org(office.org).filter(ended_at__isnull=True).exists()


@pytest.mark.parametrize("hide", [True, False])
def test_its_mail_shows_the_text_unless_the_rule_hides_it(start: datetime, later: Any, hide: bool) -> None:
    office = Office()
    office.rule("none", escalate_after_minutes=5, escalate_to="Rob", hide_body=hide)
    office.text("My code is 1234")
    later(5)
    escalation.sweep()
    notify.deliver_due()
    [sent] = mail.outbox
    assert sent.to == ["rob@northwind.example"] and "still waits" in sent.subject
    assert ("1234" in sent.body) is not hide


def test_a_text_told_again_after_a_reply_starts_no_clock(office: Office) -> None:
    text = office.text()
    reply(office)
    text.refresh_from_db()
    assert escalation.start_clocks(text) == 0
