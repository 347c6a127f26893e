"""What the carrier answered: compare-and-set, backoff, the next sender, opt-outs, a paused account."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from messaging import consent, recording
from messaging.models import Attempt, Conversation, Message, OptOut
from messaging.receipts import take_receipt
from senderid.models import ProviderAccount, SenderId
from senderid.providers import errors
from senderid.providers.base import Answer, Outcome, Receipt
from tests.texting import CONTACT, Texting, claim_all, record
from tests.world import give, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def texting() -> Texting:
    return Texting()


@pytest.fixture
def message(texting: Texting) -> Message:
    return texting.queue("Hello", as_member=texting.rob)


def refuse(claimed: Any, code: str, http: int = 400) -> int:
    outcome, text = errors.meaning(code, http)
    return recording.record([(claimed, Answer(outcome, code=code, text=text, http_status=http))])


def fresh(message: Message) -> Message:
    return Message.objects.for_org(message.org_id).get(pk=message.pk)


def test_an_accepted_text_keeps_its_sid(message: Message) -> None:
    [claimed] = claim_all()
    assert record(claimed, sid="SM1", http_status=201) == 1
    row, attempt = fresh(message), Attempt.objects.for_org(message.org_id).get()
    assert (row.status, row.provider_sid, row.lease_until, row.error_code) == ("accepted", "SM1", None, "")
    assert row.accepted_at is not None and row.final_at is None
    assert (attempt.outcome, attempt.http_status, attempt.provider_sid) == ("accepted", 201, "SM1")


def test_a_definite_refusal_fails_with_code_and_sentence(message: Message) -> None:
    [claimed] = claim_all()
    refuse(claimed, "21211")
    row = fresh(message)
    assert (row.status, row.error_code, row.error_text) == ("failed", "21211", "The number is not valid.")
    assert row.final_at is not None
    message.conversation.refresh_from_db()  # type: ignore[union-attr]
    assert message.conversation.last_failed  # type: ignore[union-attr]


@pytest.mark.parametrize(("code", "http"), [("20429", 429), ("", 429), ("30001", 400)])
def test_what_surely_was_not_taken_is_queued_again_with_backoff(
    message: Message, code: str, http: int
) -> None:
    waits = []
    for _ in range(4):
        Message.objects.for_org(message.org_id).update(due_at=timezone.now())
        [claimed] = claim_all()
        before = timezone.now()
        refuse(claimed, code, http)
        row = fresh(message)
        assert (row.status, row.lease_until, row.final_at) == ("queued", None, None)
        waits.append((row.due_at - before).total_seconds())
    for n, wait in enumerate(waits, 1):
        assert 0.75 * 0.5 * 2**n <= wait <= 1.25 * 0.5 * 2**n + 1
    assert fresh(message).attempt_no == 4


def test_backoff_ends_at_a_minute(message: Message) -> None:
    Message.objects.for_org(message.org_id).update(attempt_no=30)
    [claimed] = claim_all()
    refuse(claimed, "20429", 429)
    assert timedelta(seconds=44) < fresh(message).due_at - timezone.now() < timedelta(seconds=76)


def test_what_the_carrier_asks_for_goes_before(message: Message) -> None:
    [claimed] = claim_all()
    record(claimed, Outcome.SLOW_DOWN, retry_after=20.0)
    assert timedelta(seconds=14) < fresh(message).due_at - timezone.now() < timedelta(seconds=26)


@pytest.mark.parametrize("code", ["500", "TimeoutError", "ServerDisconnectedError"])
def test_the_uncertain_is_unknown_and_not_sent_again(message: Message, code: str) -> None:
    [claimed] = claim_all()
    record(claimed, Outcome.UNKNOWN, code=code, text="No answer came; it may have been taken.")
    row = fresh(message)
    assert (row.status, row.error_code, row.final_at) == ("unknown", code, None)
    assert claim_all() == []


# --- Compare and set -----------------------------------------------------------------------------------


def receipt(message: Message, claimed: Any, status: str, sid: str = "SM1") -> None:
    account = ProviderAccount.objects.for_org(message.org_id).get()
    assert take_receipt(account=account, attempt_id=claimed.attempt_id, receipt=Receipt(sid, status, status))


def test_a_late_answer_does_not_undo_a_receipt(message: Message) -> None:
    [claimed] = claim_all()
    receipt(message, claimed, "delivered")
    assert record(claimed, sid="SM1") == 0
    assert (fresh(message).status, fresh(message).provider_sid) == ("delivered", "SM1")


def test_a_late_answer_fills_in_the_sid_that_the_receipt_lacked(message: Message) -> None:
    [claimed] = claim_all()
    receipt(message, claimed, "sent", sid="")
    record(claimed, sid="SM1")
    assert (fresh(message).status, fresh(message).provider_sid) == ("sent", "SM1")


def test_a_late_failure_does_not_undo_a_receipt(message: Message) -> None:
    [claimed] = claim_all()
    receipt(message, claimed, "sent")
    record(claimed, Outcome.UNKNOWN, code="TimeoutError")
    refuse(claimed, "21211")
    assert (fresh(message).status, fresh(message).error_code) == ("sent", "")


def test_the_answer_to_an_older_attempt_counts_no_more(message: Message) -> None:
    [first] = claim_all()
    refuse(first, "20429", 429)
    Message.objects.for_org(message.org_id).update(due_at=timezone.now())
    [second] = claim_all()
    assert record(first, sid="SM1") == 0
    assert fresh(message).status == "sending"
    assert record(second, sid="SM2") == 1
    assert fresh(message).provider_sid == "SM2"


def test_an_answer_after_the_lease_ended_still_counts(message: Message) -> None:
    [claimed] = claim_all()
    Message.objects.for_org(message.org_id).update(status="unknown", error_code="lease_ended")
    assert record(claimed, sid="SM1") == 1
    assert (fresh(message).status, fresh(message).error_code) == ("accepted", "")


def test_an_answer_recorded_twice_changes_nothing(message: Message) -> None:
    [claimed] = claim_all()
    assert (record(claimed, sid="SM1"), record(claimed, sid="SM1")) == (1, 0)


# --- What a refusal means besides ----------------------------------------------------------------------


def test_21612_goes_to_the_next_sender_in_its_order(texting: Texting, message: Message) -> None:
    worse, better = make_sender(texting.org, "+14155550135"), make_sender(texting.org, "+14155550136")
    give(worse, texting.org, priority=50)
    give(better, texting.org, priority=10)
    [claimed] = claim_all()
    refuse(claimed, "21612")
    row = fresh(message)
    assert (row.status, row.sender, row.from_value, row.final_at) == ("queued", better, better.value, None)
    assert "21612" in row.rule_text
    assert row.conversation is not None and row.conversation.sender == better
    assert not row.conversation.last_failed
    assert not Conversation.objects.for_org(texting.org).filter(sender=texting.sender).exists()
    [again] = claim_all()
    assert (again.sender, again.no) == (better.value, 2)
    refuse(again, "21612")
    assert fresh(message).sender == worse
    [last] = claim_all()
    refuse(last, "21612")
    assert (fresh(message).status, fresh(message).error_code) == ("failed", "21612")


def test_the_next_sender_must_be_eligible(texting: Texting, message: Message) -> None:
    give(make_sender(texting.org, "+14155550135", status="suspended"), texting.org)
    give(make_sender(texting.org, "+14155550136"), texting.tim)
    [claimed] = claim_all()
    refuse(claimed, "21612")
    assert fresh(message).status == "failed"


@pytest.mark.parametrize("rule", ["named", "conversation", "campaign", "program"])
def test_a_sender_that_was_insisted_on_is_never_swapped(
    texting: Texting, message: Message, rule: str
) -> None:
    give(make_sender(texting.org, "+14155550135"), texting.org)
    Message.objects.for_org(texting.org).update(rule=rule)
    [claimed] = claim_all()
    refuse(claimed, "21612")
    assert (fresh(message).status, fresh(message).sender) == ("failed", texting.sender)


@pytest.mark.parametrize("scope", ["org", "sender"])
def test_21610_records_the_opt_out_and_sends_nothing(texting: Texting, message: Message, scope: str) -> None:
    texting.org.stop_scope = scope
    texting.org.save()
    [claimed] = claim_all()
    refuse(claimed, "21610")
    row = OptOut.objects.for_org(texting.org).get()
    assert (row.number, row.scope, row.source) == (CONTACT, scope, "provider")
    assert fresh(message).status == "failed"
    reach = "all" if scope == "org" else frozenset({texting.sender.pk})
    assert consent.opted_out(org=texting.org, number=CONTACT) == reach
    assert texting.answers() == ["Hello"]


def test_20003_pauses_the_account_and_keeps_the_text(texting: Texting, message: Message) -> None:
    [claimed] = claim_all()
    refuse(claimed, "20003", 401)
    account = ProviderAccount.objects.for_org(texting.org).get()
    assert account.paused_until is not None and account.paused_until > timezone.now()
    assert "credentials" in account.paused_reason
    assert fresh(message).status == "queued"
    assert claim_all() == []


def test_a_whole_batch_is_recorded_at_once(texting: Texting, django_assert_max_num_queries: Any) -> None:
    for n in range(30):
        texting.row(body=f"{n}")
    claimed = claim_all()
    with django_assert_max_num_queries(8):
        done = [(one, Answer(Outcome.ACCEPTED, sid=f"SM{n}")) for n, one in enumerate(claimed)]
        assert recording.record(done) == 30
    assert Message.objects.for_org(texting.org).filter(status="accepted").count() == 30
    assert SenderId.objects.for_org(texting.org).count() == 1
