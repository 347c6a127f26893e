"""Asking for a text: the row it makes, the rule it keeps, caps, the queue's room."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from messaging import consent, sending
from messaging.models import Campaign, Contact, Conversation, Message, Usage
from tenants.delegation import delegate
from tenants.errors import DomainError
from tests.texting import CONTACT, Texting
from tests.world import give, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def texting() -> Texting:
    return Texting()


def refused(code: str):  # type: ignore[no-untyped-def]
    return pytest.raises(DomainError, check=lambda error: error.code == code)


def test_a_text_becomes_one_queued_row_that_says_all(texting: Texting) -> None:
    before = timezone.now()
    message = sending.queue_message(
        request=texting.request("Hi “you”", as_member=texting.rob), client_ref="order-7", metadata={"a": 1}
    )
    message.refresh_from_db()
    assert (message.status, message.origin, message.direction, message.lane) == (
        "queued",
        "manual",
        "outbound",
        0,
    )
    assert (message.to, message.from_value, message.country) == (CONTACT, texting.sender.value, "US")
    assert (message.segments, message.encoding) == (1, "UCS-2")
    assert (message.rule, message.sent_by) == ("organization", texting.rob)
    assert (message.client_ref, message.metadata) == ("order-7", {"a": 1})
    assert before <= message.due_at <= timezone.now()
    assert message.expires_at == message.due_at + settings.MESSAGE_VALIDITY
    assert message.account_id == texting.account.pk


@pytest.mark.parametrize(
    ("who", "origin", "lane"),
    [("rob", "manual", 0), (None, "api", 0), ("program", "program", 1), ("campaign", "campaign", 1)],
)
def test_where_it_comes_from_says_its_lane(texting: Texting, who: str | None, origin: str, lane: int) -> None:
    fields: dict[str, Any] = {"as_member": texting.rob} if who == "rob" else {}
    if who == "program":
        fields = {"program": texting.program()}
    if who == "campaign":
        campaign = Campaign(org=texting.org, name="Spring", body="Hi")
        campaign.save()
        give(texting.sender, campaign)
        fields = {"campaign": campaign}
    message = texting.queue(**fields)
    assert (message.origin, message.lane) == (origin, lane)
    assert (message.conversation is None) is (who == "campaign")


def test_its_conversation_is_opened_and_shows_it(texting: Texting) -> None:
    message = texting.queue("Hello there", as_member=texting.rob)
    conversation = texting.conversation()
    assert message.conversation == conversation
    assert (conversation.last_body, conversation.last_direction) == ("Hello there", "outbound")
    assert conversation.last_human == texting.rob
    assert texting.queue("Again").conversation == conversation
    conversation.refresh_from_db()
    assert conversation.last_human == texting.rob, "automation never counts"


def test_a_humans_answer_ends_the_waiting_and_automations_does_not(texting: Texting) -> None:
    texting.receive("Anyone there?")
    assert texting.conversation().waiting_since is not None
    texting.queue("A robot")
    assert texting.conversation().waiting_since is not None
    texting.queue("A person", as_member=texting.rob)
    assert texting.conversation().waiting_since is None


def test_a_new_number_becomes_a_contact(texting: Texting) -> None:
    message = texting.queue(to="+14155550111")
    assert (message.contact.number, message.contact.country) == ("+14155550111", "US")
    assert message.contact.timezone == "America/Los_Angeles"
    assert texting.queue(to="(415) 555-0111").contact == message.contact


def test_later_is_scheduled(texting: Texting) -> None:
    later = timezone.now() + timedelta(hours=3)
    message = texting.queue(send_at=later)
    assert (message.status, message.due_at, message.send_at) == ("scheduled", later, later)
    assert message.expires_at == later + settings.MESSAGE_VALIDITY


def test_a_stand_in_writes_on_behalf_of_the_absent(texting: Texting) -> None:
    own, now = make_sender(texting.org, "+14155550135"), timezone.now()
    give(own, texting.rob)
    delegate(absent=texting.rob, stand_in=texting.tim, starts_at=now, ends_at=now + timedelta(days=1))
    message = texting.queue(as_member=texting.tim, named=own)
    assert (message.sent_by, message.on_behalf_of) == (texting.tim, texting.rob)
    assert texting.queue(as_member=texting.tim).on_behalf_of is None, "the org's own sender is Tim's, too"


def test_an_opted_out_number_is_refused_and_nothing_is_left(texting: Texting) -> None:
    consent.opt_out(org=texting.org, number=CONTACT, scope="org", source="manual")
    with refused("no_eligible_sender"):
        texting.queue()
    assert not Message.objects.for_org(texting.org).exists()
    assert not Conversation.objects.for_org(texting.org).exists()


def test_consent_is_asked_for_only_where_the_org_wants_it(texting: Texting) -> None:
    texting.queue()
    texting.org.require_consent = True
    with refused("consent_missing"):
        texting.queue()
    consent.give_consent(org=texting.org, number=CONTACT, source="form")
    assert texting.queue().status == "queued"


def test_an_outsiders_opt_out_and_contact_stay_theirs(texting: Texting) -> None:
    outsiders = Texting("Outsiders")
    outsiders.receive("STOP")
    message = texting.queue()
    assert message.contact == texting.contact
    assert Contact.objects.for_org(outsiders.org).count() == 1


def test_a_campaigns_text_is_not_sent_twice_to_one_contact(texting: Texting) -> None:
    campaign = Campaign(org=texting.org, name="Spring", body="Hi")
    campaign.save()
    give(texting.sender, campaign)
    texting.queue(campaign=campaign)
    with refused("duplicate"):
        texting.queue(campaign=campaign)
    assert texting.queue(to="+14155550111", campaign=campaign).status == "queued"


# --- Room and caps -------------------------------------------------------------------------------------


def test_a_queue_holds_ten_hours_of_its_own_rate(texting: Texting) -> None:
    texting.row(segments=30_000)
    texting.row(segments=6_000 - 1)
    assert texting.queue().status == "queued"
    with refused("sender_queue_full") as error:
        texting.queue()
    assert (error.value.retryable, error.value.status) == (True, 422)


@pytest.mark.parametrize("status", ["delivered", "failed", "sending", "scheduled"])
def test_what_left_the_queue_takes_no_room(texting: Texting, status: str) -> None:
    texting.row(segments=30_000, status=status)
    texting.row(segments=6_000, status=status)
    assert texting.queue().status == "queued"


def test_caps_count_segments_per_day_and_per_month(texting: Texting, time_machine: Any) -> None:
    texting.org.daily_cap, texting.org.monthly_cap = 3, 5
    time_machine.move_to("2026-03-04T18:00:00Z")
    texting.queue("x" * 161)
    texting.queue()
    with refused("cap_reached"):
        texting.queue()
    time_machine.move_to("2026-03-05T18:00:00Z")
    with refused("cap_reached"):
        texting.queue("x" * 400)  # three more would be six this month
    texting.queue()
    texting.queue()
    with refused("cap_reached"):
        texting.queue()
    time_machine.move_to("2026-04-01T18:00:00Z")
    texting.queue()
    assert dict(Usage.objects.for_org(texting.org).values_list("period", "segments")) == {
        "day 2026-03-04": 3,
        "day 2026-03-05": 2,
        "month 2026-03": 5,
        "day 2026-04-01": 1,
        "month 2026-04": 1,
    }


def test_a_refused_text_spends_nothing(texting: Texting) -> None:
    texting.org.daily_cap, texting.org.monthly_cap = 5, 1
    with refused("cap_reached"):
        texting.queue("x" * 161)
    assert not Usage.objects.for_org(texting.org).exists()


def test_no_cap_is_no_counting_and_zero_stops_all(texting: Texting) -> None:
    texting.queue()
    assert not Usage.objects.for_org(texting.org).exists()
    texting.org.daily_cap = 0
    with refused("cap_reached"):
        texting.queue()


@pytest.mark.django_db(transaction=True)
def test_caps_are_exact_when_eight_send_at_once() -> None:
    texting = Texting(daily_cap=20)
    together = Barrier(8)

    def send(n: int) -> int:
        together.wait()
        sent = 0
        try:
            for turn in range(5):
                try:
                    texting.queue(to=f"+1415555{n}{turn:03}")
                    sent += 1
                except DomainError as error:
                    assert error.code == "cap_reached"
        finally:
            connection.close()
        return sent

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(send, range(1, 9))) == 20
    assert Message.objects.for_org(texting.org).count() == 20


# --- Cancelling ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["scheduled", "queued"])
def test_what_has_not_left_can_be_cancelled(texting: Texting, status: str) -> None:
    message = sending.cancel(message=texting.row(status=status))
    assert (message.status, message.final_at is not None) == ("cancelled", True)


@pytest.mark.parametrize("status", ["sending", "unknown", "accepted", "delivered", "cancelled"])
def test_what_has_left_cannot(texting: Texting, status: str) -> None:
    message = texting.row(status=status)
    with refused("too_late"):
        sending.cancel(message=message)
    message.refresh_from_db()
    assert message.status == status
