"""Inbound texts: product rules, section 6, line by line."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from messaging import receiving
from messaging.models import Campaign, Contact, Conversation, InboundEvent, Message
from messaging.signals import text_received
from senderid.providers.base import Inbound
from tenants.errors import DomainError
from tests.texting import CONTACT, Texting
from tests.world import make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def texting() -> Texting:
    return Texting()


def events(texting: Texting) -> list[InboundEvent]:
    return list(InboundEvent.objects.for_org(texting.org).order_by("received_at"))


# --- Stored first --------------------------------------------------------------------------------------


def test_the_raw_event_is_kept_once_per_sid(texting: Texting) -> None:
    inbound = Inbound("SM1", texting.account.account_sid, texting.sender.value, CONTACT, "Hi")
    assert receiving.store_event(account=texting.account, inbound=inbound, payload={"Body": "Hi"})
    assert not receiving.store_event(account=texting.account, inbound=inbound, payload={})
    [event] = events(texting)
    assert (event.state, event.body, event.payload) == ("waiting", "Hi", {"Body": "Hi"})


def test_one_sid_is_one_text_however_often_it_comes_and_is_worked_on(texting: Texting) -> None:
    first = texting.receive("Hi", sid="SM1")
    assert texting.receive("Hi", sid="SM1") == first
    assert not receiving.process_event(events(texting)[0].pk)
    assert Message.objects.for_org(texting.org).count() == 1
    assert texting.conversation().inbound_count == 1


def test_the_same_sid_in_another_account_is_another_text(texting: Texting) -> None:
    outsiders = Texting("Outsiders")
    assert texting.receive("Hi", sid="SM1") != outsiders.receive("Hi", sid="SM1")


def test_what_could_break_a_page_is_taken_out(texting: Texting) -> None:
    text = texting.receive("a\x00b\u202ec\x07d\ne\tf\u2066g")
    assert text is not None and text.body == "abcd\ne\tfg"


# --- The sender, within the account --------------------------------------------------------------------


def test_a_text_becomes_a_row_that_says_all(texting: Texting) -> None:
    text = texting.receive("Hello “there”", sid="SM1")
    assert text is not None
    assert (text.direction, text.origin, text.status, text.provider_sid) == (
        "inbound",
        "contact",
        "received",
        "SM1",
    )
    assert (text.from_value, text.to, text.sender, text.contact) == (
        CONTACT,
        texting.sender.value,
        texting.sender,
        texting.contact,
    )
    assert (text.encoding, text.segments, text.hushed) == ("UCS-2", 1, "")
    [event] = events(texting)
    assert (event.state, event.message) == ("done", text)


@pytest.mark.parametrize("status", ["active", "suspended"])
def test_a_suspended_sender_still_receives(texting: Texting, status: str) -> None:
    texting.sender.status = status
    texting.sender.save()
    assert texting.receive("Hi") is not None


@pytest.mark.parametrize("to", ["+14155550177", "40404", "Nobody"])
def test_a_text_to_no_sender_waits_in_quarantine(texting: Texting, to: str) -> None:
    assert texting.receive("Hi", to=to) is None
    [event] = events(texting)
    assert (event.state, event.body) == ("quarantined", "Hi")
    assert to in event.reason
    assert not Message.objects.for_org(texting.org).exists()


def test_a_retired_sender_receives_no_more(texting: Texting) -> None:
    texting.sender.status = "retired"
    texting.sender.save()
    assert texting.receive("Hi") is None
    assert events(texting)[0].state == "quarantined"


def test_the_number_of_another_org_is_not_found(texting: Texting) -> None:
    outsiders = Texting("Outsiders")
    theirs = make_sender(outsiders.org, "+14155550177")
    assert texting.receive("Hi", to=theirs.value) is None
    assert not Conversation.objects.for_org(outsiders.org).exists()


def test_quarantine_can_be_replayed_when_the_number_is_there(texting: Texting) -> None:
    texting.receive("Hi", to="+14155550177")
    [event] = events(texting)
    make_sender(texting.org, "+14155550177")
    assert receiving.replay(event=event)
    receiving.process_waiting()
    event.refresh_from_db()
    assert event.state == "done" and event.message is not None
    with pytest.raises(DomainError) as refused:
        receiving.replay(event=event)
    assert refused.value.code == "not_quarantined"


def test_an_event_that_keeps_failing_ends_in_quarantine_and_holds_up_nobody(
    texting: Texting, monkeypatch: Any
) -> None:
    def breaks(event: InboundEvent) -> None:
        raise RuntimeError("a bug")

    inbound = Inbound("SM1", texting.account.account_sid, texting.sender.value, CONTACT, "Hi")
    receiving.store_event(account=texting.account, inbound=inbound, payload={})
    with monkeypatch.context() as patched:
        patched.setattr(receiving, "_take_in", breaks)
        for _ in range(receiving.MOST_TRIES):
            assert events(texting)[0].state == "waiting"
            receiving.process_waiting()
    [event] = events(texting)
    assert (event.state, event.tries) == ("quarantined", receiving.MOST_TRIES)
    receiving.replay(event=event)
    assert receiving.process_waiting() == 1


def test_a_short_code_sender_is_found_by_its_digits(texting: Texting) -> None:
    short = make_sender(texting.org, "40404", "short_code")
    text = texting.receive("Hi", to="40404")
    assert text is not None and text.sender == short


# --- The contact ---------------------------------------------------------------------------------------


def test_an_unknown_number_becomes_a_contact(texting: Texting) -> None:
    texting.receive("Hi", sender="+442079460123")
    made = Contact.objects.for_org(texting.org).get(number="+442079460123")
    assert (made.name, made.country, made.timezone) == ("", "GB", "Europe/London")


@pytest.mark.parametrize("value", ["40404", "Amazon"])
def test_a_short_code_or_a_name_may_text_and_is_not_parsed(texting: Texting, value: str) -> None:
    text = texting.receive("Your code is 1234", sender=value)
    assert text is not None
    assert (text.contact.number, text.contact.country, text.contact.is_number) == (value, "", False)
    texting.receive("STOP", sender=value)
    assert texting.answers() == [], "it can't be answered"


def test_a_known_contact_keeps_its_name(texting: Texting) -> None:
    texting.receive("Hi")
    texting.contact.refresh_from_db()
    assert texting.contact.name == "Carla"


# --- The conversation ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["closed", "snoozed", "pending", "open"])
def test_a_new_text_reopens(texting: Texting, status: str) -> None:
    texting.receive("One")
    Conversation.objects.for_org(texting.org).update(
        status=status, snoozed_until=timezone.now() + timedelta(days=1) if status == "snoozed" else None
    )
    texting.receive("Two")
    conversation = texting.conversation()
    assert (conversation.status, conversation.snoozed_until, conversation.inbound_count) == ("open", None, 2)
    assert (conversation.last_body, conversation.last_direction) == ("Two", "inbound")


def test_waiting_counts_from_the_first_unanswered_text(texting: Texting) -> None:
    first = texting.receive("One")
    texting.receive("Two")
    assert first is not None
    assert texting.conversation().waiting_since == first.created_at


def test_each_sender_and_contact_has_its_own(texting: Texting) -> None:
    other = make_sender(texting.org, "+14155550135")
    texting.receive("One")
    texting.receive("Two", to=other.value)
    texting.receive("Three", sender="+14155550177")
    assert Conversation.objects.for_org(texting.org).count() == 3


def test_the_layer_above_is_told_after_each_text(texting: Texting) -> None:
    told: list[Any] = []

    def hear(sender: Any, message_id: Any, **_: Any) -> None:
        told.append(message_id)

    text_received.connect(hear)
    try:
        text = texting.receive("Hi")
        texting.receive("Hi", to="+14155550177")
    finally:
        text_received.disconnect(hear)
    assert text is not None and told == [text.pk]


# --- Whose answer it is --------------------------------------------------------------------------------


def campaign_text(texting: Texting, **fields: Any) -> Campaign:
    campaign = Campaign(org=texting.org, name=f"C{Campaign.unscoped.count()}", body="Hi")
    campaign.save()
    texting.row(**({"campaign": campaign, "origin": "campaign", "status": "delivered"} | fields))
    return campaign


def test_a_reply_belongs_to_the_campaign_that_last_texted_this_pair(texting: Texting) -> None:
    campaign_text(texting)
    last = campaign_text(texting)
    text = texting.receive("Tell me more")
    assert text is not None and text.campaign == last
    assert texting.conversation().campaign == last


@pytest.mark.parametrize(("days", "belongs"), [(6.9, True), (7.1, False)])
def test_only_within_seven_days(texting: Texting, days: float, belongs: bool) -> None:
    campaign = campaign_text(texting, created_at=timezone.now() - timedelta(days=days))
    text = texting.receive("Tell me more")
    assert text is not None and (text.campaign == campaign) is belongs


def test_only_from_this_sender_to_this_contact(texting: Texting) -> None:
    other = make_sender(texting.org, "+14155550135")
    campaign_text(texting, sender=other, from_value=other.value)
    campaign_text(texting, contact=texting.person("+14155550177"))
    text = texting.receive("Tell me more")
    assert text is not None and text.campaign is None


@pytest.mark.parametrize("status", ["scheduled", "queued", "blocked", "cancelled", "expired", "failed"])
def test_a_campaign_whose_text_never_left_is_not_answered(texting: Texting, status: str) -> None:
    earlier = campaign_text(texting)
    campaign_text(texting, status=status)
    text = texting.receive("Tell me more")
    assert text is not None and text.campaign == earlier


def test_a_program_goes_before_a_campaign(texting: Texting) -> None:
    program = texting.program()
    campaign_text(texting)
    joined = texting.receive("pizza!")
    later = texting.receive("When is it ready?")
    assert joined is not None and (joined.program, joined.campaign) == (program, None)
    assert later is not None and (later.program, later.campaign) == (program, None)


def test_a_stop_is_no_reply(texting: Texting) -> None:
    campaign_text(texting)
    text = texting.receive("STOP")
    assert text is not None and text.campaign is None
    assert text.hushed.startswith("STOP")


# --- Nothing is lost -----------------------------------------------------------------------------------


def test_reconciling_stores_only_what_no_webhook_brought(texting: Texting, monkeypatch: Any) -> None:
    from senderid.providers.base import Seen

    texting.receive("Hi", sid="SM1")
    now = timezone.now()
    seen = [
        Seen(sid, texting.sender.value, CONTACT, f"text {sid}", "received", "inbound", now)
        for sid in ("SM1", "SM2")
    ]

    async def listed(account: Any, numbers: list[str]) -> list[Seen]:
        assert numbers == [texting.sender.value]
        return seen

    monkeypatch.setattr(receiving, "_list_inbound", listed)
    assert receiving.reconcile_account(texting.account) == 1
    assert receiving.reconcile_account(texting.account) == 0
    receiving.process_waiting()
    assert Message.objects.for_org(texting.org).filter(body="text SM2").count() == 1
