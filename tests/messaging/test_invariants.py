"""Each rule can go red: a broken row, by SQL or by hand, is named."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from messaging import invariants
from messaging.models import (
    Attempt,
    Campaign,
    CampaignCount,
    CampaignPortion,
    CampaignSkip,
    InboundEvent,
    Message,
    OptOut,
    ReceiptEvent,
)
from tenants.models import IdempotencyKey
from tests.texting import CONTACT, Texting
from tests.world import make_org

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(minutes=20)


@pytest.fixture
def texting() -> Texting:
    return Texting()


def attempt(message: Message, **fields: Any) -> Attempt:
    fields.setdefault("no", 1)
    return Attempt.objects.for_org(message.org_id).create(
        message=message, sender_value=message.from_value, **fields
    )


def receipt(message: Message, status: str, sid: str, ago: timedelta = timedelta()) -> None:
    rows = ReceiptEvent.objects.for_org(message.org_id)
    made = rows.create(message=message, provider_sid=sid, raw_status=status)
    rows.filter(pk=made.pk).update(received_at=timezone.now() - ago)


def event(texting: Texting, state: str, **fields: Any) -> InboundEvent:
    plain = {"to": texting.sender.value, "from_value": CONTACT, "body": "Hi", "state": state}
    return InboundEvent.objects.for_org(texting.org).create(
        account=texting.account, provider_sid=f"SM{uuid4().hex}", **(plain | fields)
    )


def campaign_of(texting: Texting, status: str, **fields: Any) -> Campaign:
    return Campaign.objects.for_org(texting.org).create(name="Spring", body="Hi", status=status, **fields)


def portion(texting: Texting, status: str) -> None:
    CampaignPortion.objects.for_org(texting.org).create(
        campaign=campaign_of(texting, status),
        place=0,
        contacts=[texting.contact.pk],
        size=1,
        look_at=timezone.now(),
    )


def lost_request(texting: Texting) -> None:
    IdempotencyKey.objects.for_org(texting.org).create(
        key="k",
        body_hash="h",
        status=202,
        answer={"id": str(uuid4()), "direction": "outbound"},
        expires_at=timezone.now() + timedelta(hours=24),
    )


def stuck_sending(texting: Texting) -> None:
    texting.row(status="sending", lease_until=timezone.now() - LONG_AGO)


def stuck_queued(texting: Texting) -> None:
    texting.row(due_at=timezone.now() - LONG_AGO)


def stuck_after_an_attempt(texting: Texting) -> None:
    texting.row(due_at=timezone.now() - LONG_AGO, attempt_no=3)


def forgotten_schedule(texting: Texting) -> None:
    texting.row(status="scheduled", due_at=timezone.now() - LONG_AGO)


def one_sid_on_two_texts(texting: Texting) -> None:
    for _ in range(2):
        attempt(texting.row(status="failed", final_at=timezone.now()), provider_sid="SM1")


def two_sids_of_one_text(texting: Texting) -> None:
    message = texting.row(status="sent", provider_sid="SM1")
    attempt(message, provider_sid="SM1")
    receipt(message, "sent", "SM2")


def no_attempt(texting: Texting) -> None:
    texting.row(status="accepted", provider_sid="SM1")


def receipt_before_the_attempt(texting: Texting) -> None:
    message = texting.row(status="sent", provider_sid="SM1")
    attempt(message, provider_sid="SM1")
    receipt(message, "sent", "SM1", ago=LONG_AGO)


def sent_after_a_stop(texting: Texting) -> None:
    rows = OptOut.objects.for_org(texting.org)
    made = rows.create(number=CONTACT, scope="org", source="text")
    rows.filter(pk=made.pk).update(created_at=timezone.now() - LONG_AGO)
    attempt(texting.row(status="accepted", provider_sid="SM1"), provider_sid="SM1")


def rank_fell(texting: Texting) -> None:
    message = texting.row(status="accepted", provider_sid="SM1")
    attempt(message, provider_sid="SM1", started_at=timezone.now() - LONG_AGO)
    receipt(message, "sent", "SM1")


def still_open_after_delivery(texting: Texting) -> None:
    message = texting.row(status="sent", provider_sid="SM1")
    attempt(message, provider_sid="SM1", started_at=timezone.now() - LONG_AGO)
    receipt(message, "delivered", "SM1")


def overwritten(texting: Texting) -> None:
    message = texting.row(status="failed", provider_sid="SM1", final_at=timezone.now())
    attempt(message, provider_sid="SM1", started_at=timezone.now() - 2 * LONG_AGO)
    receipt(message, "delivered", "SM1", ago=LONG_AGO)


def final_without_time(texting: Texting) -> None:
    texting.row(status="failed")


def open_with_a_final_time(texting: Texting) -> None:
    texting.row(final_at=timezone.now())


def done_without_conversation(texting: Texting) -> None:
    event(texting, "done")


def in_both_places(texting: Texting) -> None:
    message = texting.receive("Hello")
    InboundEvent.objects.for_org(texting.org).filter(message=message).update(state="quarantined")


def one_text_of_two_events(texting: Texting) -> None:
    event(texting, "done", message=texting.receive("Hello"))


def text_from_nowhere(texting: Texting) -> None:
    InboundEvent.objects.for_org(texting.org).filter(message=texting.receive("Hello")).delete()


def event_waits(texting: Texting) -> None:
    made = event(texting, "waiting")
    InboundEvent.objects.for_org(texting.org).filter(pk=made.pk).update(received_at=timezone.now() - LONG_AGO)


def one_forgotten(texting: Texting) -> None:
    campaign_of(texting, "done", total=1)


def figures_astray(texting: Texting) -> None:
    CampaignCount.objects.for_org(texting.org).create(campaign=campaign_of(texting, "sending"), sent=-1)


def skipped_without_a_reason(texting: Texting) -> None:
    CampaignSkip.objects.for_org(texting.org).create(
        campaign=campaign_of(texting, "sending"), contact=texting.contact
    )


def ended_too_early(texting: Texting) -> None:
    portion(texting, "done")


BROKEN: dict[Callable[[Texting], None], str] = {
    lost_request: "an accepted request has no row",
    stuck_sending: "a text stays “sending” over 5 minutes",
    stuck_queued: "queued and due for over 60 s",
    stuck_after_an_attempt: "queued and due for over 60 s",
    forgotten_schedule: "scheduled though its time came",
    one_sid_on_two_texts: "one provider id stands on two texts",
    two_sids_of_one_text: "taken twice by the carrier",
    no_attempt: "handed over without an attempt",
    receipt_before_the_attempt: "a receipt is older than the attempt",
    sent_after_a_stop: "opted out before its claim",
    rank_fell: "stands lower than a receipt",
    still_open_after_delivery: "stands lower than a receipt",
    overwritten: "a final state was overwritten",
    final_without_time: "has no time at which it became so",
    open_with_a_final_time: "or an open one has",
    done_without_conversation: "done but in no conversation",
    in_both_places: "in an inbox and in quarantine",
    one_text_of_two_events: "two inbound events became one text",
    text_from_nowhere: "came from no event",
    event_waits: "an inbound event waits for over 60 s",
    one_forgotten: "has neither a text nor a reason",
    figures_astray: "figures differ from its texts and skips",
    skipped_without_a_reason: "skipped by a campaign without a reason",
    ended_too_early: "ended though some of its audience wait",
}  # fmt: skip


@pytest.mark.parametrize("spoil", BROKEN, ids=lambda spoil: spoil.__name__)
def test_a_broken_row_is_named(texting: Texting, spoil: Callable[[Texting], None]) -> None:
    assert invariants.broken() == []
    spoil(texting)
    [line] = invariants.broken()
    assert BROKEN[spoil] in line


def test_every_rule_of_the_database_has_its_broken_row() -> None:
    seen = {rule for rule in invariants.QUERIES if any(words in rule for words in BROKEN.values())}
    impossible = {  # the database itself refuses them
        "a campaign texted a contact twice",
        "a row points into another organization",
    }
    assert seen | impossible == set(invariants.QUERIES)


def test_the_database_refuses_what_no_broken_row_can_show(texting: Texting) -> None:
    campaign = campaign_of(texting, "sending")
    texting.row(origin="campaign", campaign=campaign)
    with pytest.raises(IntegrityError), transaction.atomic():
        texting.row(origin="campaign", campaign=campaign)
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.unscoped.filter(pk=texting.row().pk).update(org=make_org("Southwind"))
        connection.check_constraints()


def test_what_is_under_way_breaks_only_a_system_at_rest(texting: Texting) -> None:
    texting.row()
    texting.row(status="sending", lease_until=timezone.now() + LONG_AGO)
    event(texting, "waiting")
    portion(texting, "sending")
    assert invariants.broken() == []
    assert len(invariants.broken(settled=True)) == len(invariants.AT_REST)


# --- Against the ledger ---------------------------------------------------------------------------------


@pytest.fixture
def carrier(texting: Texting, monkeypatch: pytest.MonkeyPatch) -> "Carrier":
    texting.account.is_simulator = True
    texting.account.save()
    made = Carrier()
    monkeypatch.setattr(requests, "get", made.get)
    return made


class Carrier:
    """Answers for the simulator’s ledger; nobody answers until `shows` was called."""

    shown: dict[str, list[dict[str, str]]] | None = None

    def shows(self, *taken: dict[str, str], brought: list[dict[str, str]] | None = None) -> None:
        self.shown = {"outbound": list(taken), "inbound": brought or []}

    def get(self, url: str, params: dict[str, str], timeout: int) -> Any:
        assert url == f"{settings.SIMULATOR_BASE_URL}/_sim/ledger"
        if self.shown is None:
            raise requests.ConnectionError
        return SimpleNamespace(json=lambda: {"messages": self.shown[params["direction"]]})  # type: ignore[index]


def entry(texting: Texting, sid: str = "SM1", of: Attempt | None = None, **fields: Any) -> dict[str, str]:
    callback = f"https://x.example/webhooks/twilio/k/status/{of.pk if of else uuid4()}"
    return {
        "sid": sid,
        "account_sid": texting.account.account_sid,
        "status_callback": callback,
        "received_at": datetime.now(UTC).isoformat(),
        **fields,
    }


def handed_over(texting: Texting, sid: str = "SM1", **fields: Any) -> Attempt:
    message = texting.row(status="accepted", provider_sid=sid, accepted_at=timezone.now())
    return attempt(message, provider_sid=sid, started_at=timezone.now() - timedelta(minutes=1), **fields)


def test_a_text_that_is_there_once_is_right(texting: Texting, carrier: Carrier) -> None:
    carrier.shows(entry(texting, of=handed_over(texting)))
    assert invariants.broken(settled=True) == []


def test_a_text_that_is_there_twice_is_named(texting: Texting, carrier: Carrier) -> None:
    one = handed_over(texting)
    carrier.shows(entry(texting, of=one), entry(texting, "SM2", of=one))
    assert "the carrier has a text twice: 1" in invariants.broken()[0]


def test_a_text_without_an_attempt_is_named(texting: Texting, carrier: Carrier) -> None:
    carrier.shows(entry(texting))
    assert "without an attempt of ours: 1 (SM1)" in invariants.broken()[0]


def test_a_text_that_left_before_its_attempt_is_named(texting: Texting, carrier: Carrier) -> None:
    early = (datetime.now(UTC) - LONG_AGO).isoformat()
    carrier.shows(entry(texting, of=handed_over(texting), received_at=early))
    assert "before its attempt was written: 1" in invariants.broken()[0]


def test_a_text_with_the_id_of_another_is_named(texting: Texting, carrier: Carrier) -> None:
    one, other = handed_over(texting, "SM1"), handed_over(texting, "SM2")
    carrier.shows(entry(texting, "SM2", of=one), entry(texting, "SM1", of=other))
    assert "carries the provider id of another: 2" in invariants.broken()[0]


def test_a_lost_text_is_named_once_all_is_at_rest(texting: Texting, carrier: Carrier) -> None:
    handed_over(texting)
    carrier.shows()
    assert invariants.broken() == []
    assert "the carrier has none: 1" in invariants.broken(settled=True)[0]


def test_an_inbound_text_that_reached_nobody_is_named(texting: Texting, carrier: Carrier) -> None:
    fresh, old = entry(texting, "SM1"), (datetime.now(UTC) - LONG_AGO).isoformat()
    carrier.shows(brought=[fresh, entry(texting, "SM2", received_at=old)])
    assert "reached nobody: 1 (SM2)" in invariants.broken()[0]
    assert "reached nobody: 2" in invariants.broken(settled=True)[0]


def test_a_ledger_that_can_not_be_read_is_said_and_breaks_a_system_at_rest(
    texting: Texting, carrier: Carrier, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("invariants")
    assert "NOT JUDGED  the simulator’s ledger can’t be read" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        call_command("invariants", "--settled")
    assert "BROKEN  the simulator’s ledger can’t be read" in capsys.readouterr().out


def test_the_command_lists_what_is_broken_and_fails(
    texting: Texting, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("invariants")
    assert "invariants hold." in capsys.readouterr().out
    stuck_sending(texting)
    with pytest.raises(SystemExit, match="1"):
        call_command("invariants")
    assert "BROKEN  a text stays “sending”" in capsys.readouterr().out
