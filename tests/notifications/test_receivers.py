"""Signals from below: each is received once, again after a crash, and never fails the sender."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from messaging import conversations, receiving
from messaging.models import Campaign, Conversation, Message
from messaging.signals import campaign_finished, mentioned
from notifications import notify, receivers
from notifications.models import Escalation, Notification
from tests.office import Office

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> Office:
    return Office()


def untold(office: Office, monkeypatch: pytest.MonkeyPatch) -> Message:
    """A text whose receiver never ran: the process died between commit and signal."""
    event = office.event()
    with monkeypatch.context() as crash:
        crash.setattr(receiving.text_received, "send_robust", lambda *a, **k: [])
        receiving.process_event(event.pk)
    event.refresh_from_db()
    assert event.message and event.message.announced_at is None and not office.rows(event.message)
    return event.message


def test_the_sweep_tells_of_a_text_whose_receiver_never_ran(office: Office, monkeypatch: Any) -> None:
    office.rule("all", escalate_after_minutes=5, escalate_to="Rob")
    text = untold(office, monkeypatch)
    receivers.sweep()
    assert not office.rows(text)  # younger than 10 s: its receiver may still be at work
    Message.unscoped.filter(pk=text.pk).update(created_at=timezone.now() - timedelta(seconds=11))
    assert receivers.sweep() == 1
    assert office.told(text) == ["Ann", "Ben", "Cid"]
    assert Escalation.objects.for_org(office.org).count() == 1
    assert receivers.sweep() == 0


def test_a_crash_in_the_middle_of_telling_leaves_nothing_and_the_sweep_does_it_all(
    office: Office, monkeypatch: Any
) -> None:
    office.rule("round_robin")
    text = untold(office, monkeypatch)
    with monkeypatch.context() as crash:
        crash.setattr(notify.hints, "after_commit", lambda task: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            notify.tell_of_text(text)
    assert not office.rows(text)
    assert office.conversation().assignee is None
    Message.unscoped.filter(pk=text.pk).update(created_at=timezone.now() - timedelta(seconds=11))
    receivers.sweep()
    assert office.told(text) == ["Ann"]


def test_telling_twice_tells_once(office: Office) -> None:
    office.rule("round_robin")
    text = office.text()
    before = {row.pk for row in office.rows(text)}
    assert notify.tell_of_text(text) == []
    receivers.on_text_received(Message, message_id=text.pk)
    assert {row.pk for row in office.rows(text)} == before
    assert office.conversation().assignee == office["Ann"]


def test_one_text_in_trouble_does_not_hold_up_the_others(office: Office, monkeypatch: Any) -> None:
    office.rule("all")
    texts = [untold(office, monkeypatch) for _ in range(2)]
    Message.unscoped.filter(pk__in=[t.pk for t in texts]).update(
        created_at=timezone.now() - timedelta(seconds=11)
    )
    real = notify.tell_of_text

    def trouble(message: Message) -> Any:
        if message.pk == texts[0].pk:
            raise RuntimeError("odd")
        return real(message)

    monkeypatch.setattr(notify, "tell_of_text", trouble)
    assert receivers.sweep() == 1
    assert office.told(texts[1])


def test_a_receiver_in_trouble_never_fails_the_text(office: Office, monkeypatch: Any) -> None:
    office.rule("all")
    monkeypatch.setattr(notify, "tell_of_text", lambda message: 1 / 0)
    assert office.text().announced_at is None


def test_the_new_assignee_is_told_by_whom_unless_they_took_it_themselves(
    office: Office, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        conversations.assign_conversation(
            must_reply=False, conversation=office.conversation(), to=office["Ben"], by=office["Ann"]
        )
    with django_capture_on_commit_callbacks(execute=True):
        conversations.assign_conversation(
            must_reply=False, conversation=office.conversation(), to=office["Cid"], by=office["Cid"]
        )
    [row] = Notification.objects.for_org(office.org).all()
    assert (row.member, row.kind, row.outcome) == (office["Ben"], "assigned_to_you", "pending")
    notify.deliver_due()
    assert "Ann assigned you the conversation with Carla" in mail.outbox[0].body


def test_those_mentioned_are_told_but_not_whoever_wrote_it(office: Office) -> None:
    ids = [office["Ben"].pk, office["Ann"].pk]
    mentioned.send_robust(
        Conversation,
        conversation_id=office.conversation().pk,
        member_ids=ids,
        by_id=office["Ann"].pk,
        text="@Ben <b>look</b>",
    )
    notify.deliver_due()
    [sent] = mail.outbox
    assert sent.to == ["ben@northwind.example"] and sent.subject == "Ann mentioned you"
    assert "<b>look" not in sent.alternatives[0][0] and "&lt;b&gt;look" in sent.alternatives[0][0]


@pytest.mark.parametrize("owner", ["Ann", None])
def test_the_owner_of_a_campaign_hears_that_it_is_done(office: Office, owner: str | None) -> None:
    campaign = Campaign.objects.for_org(office.org).create(
        name="Spring", body="Hi", owner=office[owner] if owner else None
    )
    campaign_finished.send_robust(Campaign, campaign_id=campaign.pk)
    notify.deliver_due()
    assert [sent.subject for sent in mail.outbox] == (["Spring is done"] if owner else [])


def test_someone_deactivated_is_told_of_nothing(office: Office) -> None:
    office.deactivate("Ben")
    office["Ben"].refresh_from_db()
    told = notify.tell_member(
        conversation=office.conversation(),
        member=office["Ben"],
        kind="mentioned",
        rule="mentioned",
        reason="x",
    )
    assert told is None and not Notification.objects.for_org(office.org).exists()
