"""Which texts leave now: order, fairness, what became true since they were queued."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from messaging import consent
from messaging.models import Attempt, Message
from messaging.scheduled import promote_scheduled
from senderid.models import ProviderAccount
from tests.texting import CONTACT, EverythingGranted, Texting, claim, claim_all
from tests.world import make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def texting() -> Texting:
    return Texting()


def state(message: Message) -> tuple[str, str]:
    message.refresh_from_db()
    return message.status, message.error_code


def test_the_attempt_is_written_before_a_byte_leaves(texting: Texting) -> None:
    message = texting.queue("Hello")
    [claimed] = claim_all()
    message.refresh_from_db()
    attempt = Attempt.objects.for_org(texting.org).get()
    assert (message.status, message.attempt_no) == ("sending", 1)
    assert message.lease_until > timezone.now()
    assert (attempt.pk, attempt.no, attempt.sender_value) == (claimed.attempt_id, 1, texting.sender.value)
    assert (claimed.to, claimed.sender, claimed.body) == (CONTACT, texting.sender.value, "Hello")
    assert claim_all() == []


def test_attempts_have_unguessable_ids(texting: Texting) -> None:
    for n in range(5):
        texting.queue(f"{n}")
    assert {claimed.attempt_id.version for claimed in claim_all()} == {4}


def test_what_is_not_due_stays(texting: Texting) -> None:
    texting.row(due_at=timezone.now() + timedelta(minutes=1))
    texting.row(status="scheduled")
    texting.row(status="cancelled")
    assert claim_all() == []


def test_scheduled_texts_join_the_queue_when_their_time_has_come(texting: Texting) -> None:
    due = texting.row(status="scheduled", due_at=timezone.now() - timedelta(hours=1))
    later = texting.row(status="scheduled", due_at=timezone.now() + timedelta(hours=1))
    assert promote_scheduled() == 1
    assert (state(due)[0], state(later)[0]) == ("queued", "scheduled")


def test_interactive_goes_before_bulk_and_oldest_first(texting: Texting) -> None:
    now = timezone.now()
    bulk = texting.row(lane=1, due_at=now - timedelta(hours=2), body="bulk")
    young = texting.row(due_at=now - timedelta(minutes=1), body="young")
    old = texting.row(due_at=now - timedelta(minutes=2), body="old")
    order = []
    for _ in range(3):
        order += [c.message_id for c in claim(EverythingGranted(1))]
    assert order == [old.pk, young.pk, bulk.pk]


# --- What became true since ----------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["org", "sender", "program"])
def test_an_opt_out_after_queueing_blocks(texting: Texting, scope: str) -> None:
    program = texting.program()
    message = texting.row(program=program)
    answer = texting.row(origin="compliance", program=program)
    other = texting.row(to="+14155550111", program=program)
    consent.opt_out(
        org=texting.org, number=CONTACT, scope=scope, source="text", sender=texting.sender, program=program
    )
    left = {claimed.message_id for claimed in claim_all()}
    assert left == {answer.pk, other.pk}
    assert state(message) == ("blocked", "opted_out")
    assert message.final_at is not None and message.attempt_no == 0


def test_an_opt_out_of_something_else_does_not_block(texting: Texting) -> None:
    other = make_sender(texting.org, "+14155550135")
    program = texting.program()
    message = texting.row()
    consent.opt_out(org=texting.org, number=CONTACT, scope="sender", source="text", sender=other)
    consent.opt_out(org=texting.org, number=CONTACT, scope="program", source="text", program=program)
    outsiders = Texting("Outsiders")
    consent.opt_out(org=outsiders.org, number=CONTACT, scope="org", source="text")
    assert [c.message_id for c in claim_all()] == [message.pk]


def test_what_is_too_old_expires(texting: Texting) -> None:
    message = texting.row(expires_at=timezone.now() - timedelta(hours=1))
    assert claim_all() == []
    assert state(message) == ("expired", "expired")


@pytest.mark.parametrize("status", ["suspended", "retired", "draft"])
def test_a_sender_no_longer_active_sends_nothing(texting: Texting, status: str) -> None:
    message = texting.row()
    texting.sender.status = status
    texting.sender.save()
    assert claim_all() == []
    assert state(message) == ("blocked", "sender_not_active")


def test_a_paused_account_waits(texting: Texting) -> None:
    message = texting.row()
    accounts = ProviderAccount.objects.for_org(texting.org)
    accounts.update(paused_until=timezone.now() + timedelta(minutes=5))
    assert claim_all() == []
    assert state(message)[0] == "queued"
    accounts.update(paused_until=timezone.now() - timedelta(hours=1))
    assert len(claim_all()) == 1


def test_a_twin_of_an_unknown_text_waits(texting: Texting) -> None:
    unknown = texting.row(status="unknown", body="Same")
    twin = texting.row(body="Same")
    others = {texting.row(body="Other").pk, texting.row(body="Same", to="+14155550111").pk}
    assert {c.message_id for c in claim_all()} == others
    assert state(twin)[0] == "queued"
    assert twin.due_at > timezone.now() + timedelta(seconds=1)
    Message.objects.for_org(texting.org).filter(pk=unknown.pk).update(status="accepted")
    Message.objects.for_org(texting.org).filter(pk=twin.pk).update(due_at=timezone.now())
    assert [c.message_id for c in claim_all()] == [twin.pk]


def test_another_orgs_unknown_text_holds_nothing_up(texting: Texting) -> None:
    Texting("Outsiders").row(status="unknown", body="Same")
    message = texting.row(body="Same")
    assert [c.message_id for c in claim_all()] == [message.pk]


# --- Shares and allowances -----------------------------------------------------------------------------


def test_orgs_share_a_batch_whatever_waits(texting: Texting) -> None:
    small = Texting("Outsiders")
    for n in range(30):
        texting.row(body=f"{n}")
    for n in range(3):
        small.row(body=f"{n}")
    first = claim_all(most=10)
    assert {org: sum(c.org_id == org for c in first) for org in (texting.org.pk, small.org.pk)} == {
        texting.org.pk: 5,
        small.org.pk: 3,
    }


def test_senders_of_an_org_share_its_part(texting: Texting) -> None:
    other = make_sender(texting.org, "+14155550135")
    for n in range(20):
        texting.row(body=f"{n}")
        texting.row(body=f"{n}", sender=other, from_value=other.value)
    taken = [c.sender for c in claim_all(most=10)]
    assert (taken.count(texting.sender.value), taken.count(other.value)) == (5, 5)


class Allows:
    """A throttle that grants each sender `segments`."""

    def __init__(self, segments: int) -> None:
        self.segments, self.back = segments, {}

    def take(self, wants: dict[str, Any]) -> dict[str, int]:
        return dict.fromkeys(wants, self.segments)

    def rests(self, key: str) -> bool:
        return False

    def give_back(self, unused: dict[str, float]) -> None:
        self.back = unused


def test_a_text_of_three_segments_leaves_a_sender_of_one_a_second_in_debt(texting: Texting) -> None:
    texting.row(segments=3)
    throttle = Allows(1)
    assert len(claim(throttle)) == 1
    assert list(throttle.back.values()) == [-2]


def test_as_many_leave_as_the_allowance_in_segments_carries(texting: Texting) -> None:
    for n in range(5):
        texting.row(segments=2, body=f"{n}")
    throttle = Allows(4)
    assert len(claim(throttle)) == 2
    assert list(throttle.back.values()) == [0]


def test_what_was_granted_but_not_used_is_given_back(texting: Texting) -> None:
    texting.row(segments=1)
    texting.row(expires_at=timezone.now() - timedelta(hours=1), body="old")
    throttle = Allows(10)
    assert len(claim(throttle)) == 1
    assert list(throttle.back.values()) == [9]


def test_without_an_allowance_nothing_leaves(texting: Texting) -> None:
    message = texting.row()
    assert claim(Allows(0)) == []
    assert state(message)[0] == "queued"


@pytest.mark.django_db(transaction=True)
def test_of_four_who_claim_at_once_each_text_goes_to_one() -> None:
    texting = Texting()
    for n in range(40):
        texting.row(body=f"{n}")

    def take(_: int) -> list[Any]:
        try:
            return [c.message_id for c in claim_all(most=15)]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        taken = [pk for batch in threads.map(take, range(4)) for pk in batch]
    assert len(taken) == len(set(taken)) >= 15
    assert Message.objects.for_org(texting.org).filter(status="sending").count() == len(taken)
    assert Attempt.objects.for_org(texting.org).count() == len(taken)


def test_of_two_identical_texts_in_one_batch_one_leaves_now(texting: Texting) -> None:
    first, second = texting.row(body="Same"), texting.row(body="Same")
    assert [c.message_id for c in claim_all()] == [first.pk]
    assert state(second)[0] == "queued"


def test_of_what_the_allowance_carries_the_oldest_leave(texting: Texting) -> None:
    now = timezone.now()
    young = texting.row(segments=3, body="young", due_at=now - timedelta(minutes=1))
    old = texting.row(segments=3, body="old", due_at=now - timedelta(minutes=2))
    assert [c.message_id for c in claim(Allows(3))] == [old.pk]
    assert state(young)[0] == "queued"
