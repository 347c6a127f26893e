"""Delivery receipts: any order, twice, before the answer. The rank never falls, a final state stays."""

from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messaging import consent
from messaging.models import Attempt, Message, OptOut, ReceiptEvent
from messaging.receipt_history import receipts_of
from messaging.receipts import take_receipt
from messaging.statuses import FINAL, RANK, Status
from senderid.providers.base import Receipt
from tests.calling import Api
from tests.texting import CONTACT, Texting, claim_all, record
from tests.visiting import visit

pytestmark = pytest.mark.django_db


class Sent:
    def __init__(self, texting: Texting) -> None:
        self.texting = texting
        self.message = texting.queue("Hello")
        [self.claimed] = claim_all()

    def take(self, status: str, sid: str = "SM1", code: str = "", account: Any = None) -> bool:
        return take_receipt(
            account=account or self.texting.account,
            attempt_id=self.claimed.attempt_id,
            receipt=Receipt(sid, status, status or "odd", code),
        )

    @property
    def row(self) -> Message:
        return Message.objects.for_org(self.texting.org).get(pk=self.message.pk)


@pytest.fixture
def texting() -> Texting:
    return Texting()


@pytest.fixture
def sent(texting: Texting) -> Sent:
    return Sent(texting)


@pytest.mark.parametrize("order", permutations(["accepted", "sent", "delivered"]))
def test_any_order_ends_the_same(sent: Sent, order: tuple[str, ...]) -> None:
    record(sent.claimed, sid="SM1")
    for status in order:
        assert sent.take(status)
    assert (sent.row.status, sent.row.provider_sid) == ("delivered", "SM1")
    assert sent.row.final_at is not None
    assert ReceiptEvent.objects.for_org(sent.texting.org).count() == 3


def test_twice_is_kept_twice_and_counts_once(sent: Sent) -> None:
    record(sent.claimed, sid="SM1")
    sent.take("delivered")
    first = sent.row.final_at
    sent.take("delivered")
    assert sent.row.final_at == first
    assert ReceiptEvent.objects.for_org(sent.texting.org).count() == 2


def test_before_the_answer_it_brings_the_sid(sent: Sent) -> None:
    sent.take("sent")
    assert (sent.row.status, sent.row.provider_sid, sent.row.lease_until) == ("sent", "SM1", None)
    assert Attempt.objects.for_org(sent.texting.org).get().provider_sid == "SM1"


@pytest.mark.parametrize("status", ["sending", "unknown", "queued"])
def test_it_settles_an_unknown_text_and_one_that_would_be_sent_again(sent: Sent, status: str) -> None:
    Message.objects.for_org(sent.texting.org).update(status=status)
    sent.take("sent")
    assert sent.row.status == "sent"
    assert claim_all() == []


@pytest.mark.parametrize("final", ["cancelled", "expired", "blocked", "failed", "undelivered"])
def test_a_final_state_is_never_overwritten(sent: Sent, final: str) -> None:
    Message.objects.for_org(sent.texting.org).update(status=final)
    assert sent.take("delivered")
    assert sent.row.status == final


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        ("undelivered", "30003", "could not be reached"),
        ("failed", "30007", "filtered"),
        ("undelivered", "", "no reason"),
        ("failed", "4711", "4711"),
    ],
)
def test_a_failure_says_why_in_words(sent: Sent, status: str, code: str, text: str) -> None:
    record(sent.claimed, sid="SM1")
    sent.take(status, code=code)
    assert (sent.row.status, sent.row.error_code) == (status, code)
    assert text in sent.row.error_text
    assert sent.texting.conversation().last_failed


@pytest.mark.parametrize("scope", ["org", "sender"])
def test_21610_in_a_receipt_is_an_opt_out_as_far_as_the_org_says(sent: Sent, scope: str) -> None:
    """Field, Consent: was recorded for the one sender whatever the setting."""
    org = sent.texting.org
    org.stop_scope = scope
    org.save()
    record(sent.claimed, sid="SM1")
    sent.take("undelivered", code="21610")
    assert OptOut.objects.for_org(org).get().source == "provider"
    reach = "all" if scope == "org" else frozenset({sent.texting.sender.pk})
    assert consent.opted_out(org=org, number=CONTACT) == reach


def test_a_word_we_do_not_know_is_kept_and_moves_nothing(sent: Sent) -> None:
    record(sent.claimed, sid="SM1")
    assert sent.take("")
    assert sent.row.status == "accepted"
    assert ReceiptEvent.objects.for_org(sent.texting.org).get().raw_status == "odd"


def test_a_second_sid_moves_nothing(sent: Sent) -> None:
    record(sent.claimed, sid="SM1")
    sent.take("delivered", sid="SM2")
    assert (sent.row.status, sent.row.provider_sid) == ("accepted", "SM1")


def test_an_unknown_attempt_is_told(sent: Sent) -> None:
    receipt = Receipt("SM1", "sent", "sent")
    assert not take_receipt(account=sent.texting.account, attempt_id=uuid4(), receipt=receipt)


def test_another_accounts_attempt_is_none_of_ours(sent: Sent) -> None:
    outsiders = Texting("Outsiders")
    assert not sent.take("delivered", account=outsiders.account)
    assert sent.row.status == "sending"
    assert not ReceiptEvent.unscoped.exists()


WORDS = st.sampled_from(["accepted", "sent", "delivered", "undelivered", "failed", ""])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(WORDS, max_size=8), answered_at=st.integers(0, 8))
def test_whatever_comes_the_rank_never_falls_and_the_first_final_state_stays(
    texting: Texting, history: list[str], answered_at: int
) -> None:
    """The answer to the call is recorded somewhere between the receipts."""
    Message.objects.for_org(texting.org).filter(status="sending").update(status="cancelled")
    one, sid = Sent(texting), f"SM{uuid4().hex}"
    ranks, states = [RANK[Status.SENDING]], []
    for n in range(max(len(history), answered_at) + 1):
        if n == answered_at:
            record(one.claimed, sid=sid)
        if n < len(history):
            one.take(history[n], sid=sid)
        states.append(one.row.status)
        ranks.append(RANK[Status(states[-1])])
    assert ranks == sorted(ranks)
    reached = [word for word in history if word]
    finals = [word for word in reached if word in FINAL]
    expected = finals[0] if finals else max([*reached, "accepted"], key=lambda word: RANK[Status(word)])
    assert states[-1] == expected
    assert one.row.provider_sid == sid


# --- Shown ---------------------------------------------------------------------------------------------

HISTORY = [
    ("sent", "", "Sent to the carrier"),
    ("undelivered", "30004", "Not delivered: The recipient blocks texts."),
]


def test_the_api_shows_each_receipt_with_code_and_words(sent: Sent) -> None:
    """field, webhooks: receipts were kept but could be seen nowhere."""
    record(sent.claimed, sid="SM1")
    for status, code, _ in HISTORY:
        sent.take(status, code=code)
    api = Api(sent.texting.org)
    conversation = sent.row.conversation_id
    one = api.get(f"/messages/{sent.message.pk}")
    for row in (one, api.results("/messages")[0], api.results(f"/conversations/{conversation}/messages")[0]):
        assert [(r["status"], r["code"], r["text"]) for r in row["receipts"]] == HISTORY
        assert all(r["at"] for r in row["receipts"])


def test_the_thread_shows_them_and_another_orgs_receipts_never(sent: Sent) -> None:
    record(sent.claimed, sid="SM1")
    for status, code, _ in HISTORY:
        sent.take(status, code=code)
    page = f"/inbox/{sent.row.conversation_id}/?folder=all"
    html = visit(sent.texting.admin).get(page).content.decode()
    assert "Delivery history" in html and "code 30004" in html
    assert all(words in html for *_, words in HISTORY)
    assert visit(Texting("Elsewhere").admin).get(page).status_code == 404


def test_many_messages_take_one_query_for_their_receipts(sent: Sent, django_assert_num_queries: Any) -> None:
    record(sent.claimed, sid="SM1")
    sent.take("delivered")
    rows = [sent.row, *(sent.texting.row() for _ in range(5))]
    with django_assert_num_queries(1):
        found = receipts_of(rows)
    assert [one.text for one in found[sent.message.pk]] == ["Delivered"]
    with django_assert_num_queries(0):
        assert receipts_of([]) == {}
