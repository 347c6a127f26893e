"""What a carrier says of a sender: set aside after the third refusal of a kind, slowed down, given back by an admin."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from messaging import recording
from messaging.planning import plan_text
from messaging.receipts import take_receipt
from messaging.throttle import Throttle, Want, bucket_of
from senderid import provisioning, quarantine
from senderid.models import SenderId
from senderid.providers import errors
from senderid.providers.base import Answer, Outcome, Receipt
from tests.texting import Texting, claim_all, record
from tests.world import give, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def texting() -> Texting:
    return Texting()


def refuse(texting: Texting, code: str, times: int = 1) -> None:
    """By the way of a text that is claimed, called and refused."""
    for n in range(times):
        texting.row(body=f"{code} {n} {timezone.now()}", rule="named")
        [claimed] = claim_all()
        outcome, text = errors.meaning(code, 400)
        answer = Answer(
            outcome, code=code, text=text, http_status=400,
            retry_after=errors.PAUSES.get(code), of_sender=code in errors.OF_SENDER,
        )  # fmt: skip
        recording.record([(claimed, answer)])


def sender(texting: Texting) -> SenderId:
    return SenderId.objects.for_org(texting.org).get(pk=texting.sender.pk)


def codes(texting: Texting) -> list[str]:
    return [refusal.code for refusal in plan_text(request=texting.request()).choice.rejected]


def test_a_sender_refused_three_times_is_set_aside_and_another_speaks(texting: Texting) -> None:
    other = make_sender(texting.org, "+14155550135")
    give(other, texting.org)
    refuse(texting, "21606", times=2)
    assert not sender(texting).is_quarantined
    refuse(texting, "21606")
    assert sender(texting).is_quarantined
    plan = plan_text(request=texting.request())
    assert plan.choice.sender == other
    assert "sender_quarantined" in [refusal.code for refusal in plan.choice.rejected]
    assert "21606" in next(r.text for r in plan.choice.rejected if r.code == "sender_quarantined")


def test_refusals_of_different_kinds_or_long_ago_do_not_add_up(texting: Texting) -> None:
    for code in ("21606", "21601", "21606", "21601"):
        refuse(texting, code)
    assert not sender(texting).is_quarantined
    refuse(texting, "21603", times=2)
    SenderId.objects.for_org(texting.org).update(refused_at=timezone.now() - timedelta(minutes=11))
    refuse(texting, "21603")
    assert not sender(texting).is_quarantined


def test_what_is_the_recipients_fault_says_nothing_of_the_sender(texting: Texting) -> None:
    refuse(texting, "21211", times=5)
    assert sender(texting).refusals == 0


def test_it_ends_after_an_hour_or_when_an_admin_activates_it(texting: Texting) -> None:
    refuse(texting, "21606", times=3)
    row = sender(texting)
    assert [code for code, _ in provisioning.warnings_of(row)] == ["sender_quarantined"]
    assert codes(texting) == ["sender_quarantined"]
    provisioning.change_sender(sender=row, status="active")
    assert codes(texting) == []
    refuse(texting, "21606", times=3)
    SenderId.objects.for_org(texting.org).update(quarantined_until=timezone.now() - timedelta(seconds=1))
    assert codes(texting) == []


def test_receipts_count_too(texting: Texting) -> None:
    for n in range(quarantine.REFUSALS):
        texting.row(body=f"{n}")
        [claimed] = claim_all()
        record(claimed)
        receipt = Receipt(sid="", status="undelivered", raw_status="undelivered", code="30034")
        take_receipt(account=texting.account, attempt_id=claimed.attempt_id, receipt=receipt)
    assert sender(texting).is_quarantined


@pytest.mark.parametrize("code", sorted(errors.OF_SENDER))
def test_a_sender_that_is_too_fast_rests_and_its_text_waits(texting: Texting, code: str) -> None:
    bucket = bucket_of("sender", texting.sender.pk)
    refuse(texting, code)
    message = texting.sender.messages.get()
    assert message.status == "queued" and message.due_at > timezone.now() + timedelta(seconds=3)
    assert Throttle().take({bucket: Want(10, 1)}) == {bucket: 0}


def test_every_outcome_is_used_by_the_table_of_codes() -> None:
    used: set[Any] = {outcome for outcome, _ in errors.CODES.values()}
    assert used == set(Outcome) - {Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.RETRY}
