"""What a review found: each scenario once more, so that it stays mended."""

from datetime import timedelta

import pytest
from django.utils import timezone

from messaging import campaigns, claiming, conversations, keywords, recording, sending
from messaging.contacts import delete_contact
from messaging.conversations import may_answer
from messaging.models import Campaign, InboundEvent, Message, OptOut
from messaging.planning import Request
from senderid.providers.base import Answer, Outcome
from tenants.errors import DomainError
from tests.texting import EverythingGranted, Texting
from tests.world import give, make_member

pytestmark = pytest.mark.django_db
EARLIER = timezone.now() - timedelta(hours=1)  # now() of a test’s transaction is its beginning


@pytest.fixture
def texting() -> Texting:
    return Texting()


def campaign_of(texting: Texting, status: str) -> Campaign:
    campaign = campaigns.save_campaign(org=texting.org, name="Spring", body="Hi", audience={})
    Campaign.objects.for_org(texting.org).filter(pk=campaign.pk).update(status=status)
    return campaign


@pytest.mark.parametrize(("status", "becomes"), [("cancelled", "cancelled"), ("paused", "queued")])
def test_a_text_that_comes_back_from_the_carrier_heeds_its_campaign(
    texting: Texting, status: str, becomes: str
) -> None:
    message = texting.row(campaign=campaign_of(texting, "sending"), origin="campaign", due_at=EARLIER)
    claimed = claiming.claim(EverythingGranted())
    Campaign.objects.for_org(texting.org).update(status=status)
    recording.record([(claimed[0], Answer(Outcome.SLOW_DOWN, code="20429", http_status=429))])
    Message.objects.for_org(texting.org).update(due_at=EARLIER)
    assert claiming.claim(EverythingGranted()) == []
    message.refresh_from_db()
    assert message.status == becomes


def test_one_answer_that_cannot_be_recorded_loses_no_other(texting: Texting) -> None:
    texting.row(body="one", status="accepted", provider_sid="SM1")
    taken, good = texting.row(body="two", due_at=EARLIER), texting.row(body="three", due_at=EARLIER)
    claimed = {c.message_id: c for c in claiming.claim(EverythingGranted())}
    answers = [
        (claimed[taken.pk], Answer(Outcome.ACCEPTED, sid="SM1")),
        (claimed[good.pk], Answer(Outcome.ACCEPTED, sid="SM2")),
    ]
    assert recording.record(answers) == 1
    good.refresh_from_db()
    taken.refresh_from_db()
    assert (good.status, taken.status) == ("accepted", "sending")


def test_start_undoes_what_the_provider_told_us_as_well(texting: Texting) -> None:
    number = texting.contact.number
    rows = OptOut.objects.for_org(texting.org)
    rows.create(number=number, scope="org", source="text")
    rows.create(number=number, scope="sender", sender=texting.sender, source="provider")
    conversation = conversations.open_conversation(
        org=texting.org, sender=texting.sender, contact=texting.contact
    )
    event = InboundEvent(org=texting.org, account=texting.account, body="START", payload={})
    assert keywords.act_on(conversation=conversation, event=event).is_keyword
    assert not rows.filter(number=number).exists()


def test_start_does_not_undo_a_block_that_people_made(texting: Texting) -> None:
    rows = OptOut.objects.for_org(texting.org)
    rows.create(number=texting.contact.number, scope="org", source="manual")
    conversation = conversations.open_conversation(
        org=texting.org, sender=texting.sender, contact=texting.contact
    )
    event = InboundEvent(org=texting.org, account=texting.account, body="START", payload={})
    assert not keywords.act_on(conversation=conversation, event=event).is_keyword
    assert rows.count() == 1


def test_taking_a_conversation_gives_no_right_to_answer_it(texting: Texting) -> None:
    reader = make_member(texting.org, "Reader")
    give(texting.sender, reader, can_send=False)
    conversation = conversations.open_conversation(
        org=texting.org, sender=texting.sender, contact=texting.contact
    )
    conversations.assign_conversation(conversation=conversation, to=reader, by=reader)
    assert not may_answer(member=reader, conversation=conversation)


def test_nothing_is_sent_as_a_viewer(texting: Texting) -> None:
    viewer = make_member(texting.org, "Vera", role="viewer")
    give(texting.sender, viewer)
    with pytest.raises(DomainError) as refusal:
        sending.queue_message(
            request=Request(org=texting.org, to=texting.contact.number, body="Hi", as_member=viewer)
        )
    assert (refusal.value.code, refusal.value.status) == ("forbidden", 403)


def test_a_draft_read_before_its_start_cannot_be_saved_after_it(texting: Texting) -> None:
    stale = campaigns.save_campaign(org=texting.org, name="Spring", body="Hi", audience={})
    Campaign.objects.for_org(texting.org).filter(pk=stale.pk).update(status="sending")
    for change in (
        lambda: campaigns.save_campaign(org=texting.org, name="x", body="y", audience={}, campaign=stale),
        lambda: campaigns.delete_draft(campaign=stale),
    ):
        with pytest.raises(DomainError) as refusal:
            change()
        assert refusal.value.code == "locked"


def test_help_is_answered_ten_times_a_day_at_most(texting: Texting) -> None:
    conversation = conversations.open_conversation(
        org=texting.org, sender=texting.sender, contact=texting.contact
    )
    conversation.org = texting.org
    for _ in range(12):
        event = InboundEvent(org=texting.org, account=texting.account, body="HELP", payload={})
        keywords.act_on(conversation=conversation, event=event)
    assert Message.objects.for_org(texting.org).filter(origin="compliance").count() == 10


def test_a_campaign_never_fills_more_than_ten_hours_of_its_sender(texting: Texting) -> None:
    campaign = campaigns.save_campaign(
        org=texting.org, name="Spring", body="Hi", audience={"tags": ["all"]}, category="transactional"
    )
    give(texting.sender, campaign)
    for n in range(3):
        texting.person(f"+1415555020{n}", tags=["all"])
    assert texting.sender.queue_limit == 36_000
    for _ in range(2):
        texting.row(segments=17_999, lane=Message.BULK)
    campaigns.start(campaign=campaign)
    campaigns.sweep()
    texts = Message.objects.for_org(texting.org).filter(campaign=campaign)
    assert (texts.count(), sum(p.size for p in campaign.portions.all())) == (2, 1)
    sending.queue_message(request=texting.request(as_member=texting.rob))  # a person is not held up by it
    Message.objects.for_org(texting.org).filter(campaign__isnull=True).update(status="delivered")
    campaign.portions.update(look_at=timezone.now())  # a minute later
    campaigns.sweep()
    assert texts.count() == 3


def test_a_stop_leaves_nobody_waiting(texting: Texting) -> None:
    texting.receive("STOP")
    assert texting.conversation().waiting_since is None
    texting.receive("Hello?")
    assert texting.conversation().waiting_since is not None


def test_a_contact_with_texts_is_not_deleted(texting: Texting) -> None:
    message = texting.row()
    with pytest.raises(DomainError) as refusal:
        delete_contact(contact=texting.contact)
    assert refusal.value.code == "in_use"
    assert Message.objects.for_org(texting.org).filter(pk=message.pk).exists()
