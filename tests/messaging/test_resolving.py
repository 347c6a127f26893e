"""Texts whose fate is not known: settled from what the carrier shows, never sent again blindly."""

import gc
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from messaging import resolving
from messaging.conversations import open_conversation
from messaging.models import Attempt, Message
from senderid.providers.base import Seen
from tests.stack import eventually
from tests.texting import CONTACT, Texting

pytestmark = pytest.mark.django_db


class Unknown:
    """A text whose answer never came."""

    def __init__(self) -> None:
        self.texting = Texting()
        self.message = self.in_flight("Hello", "unknown")

    def in_flight(self, body: str, status: str) -> Message:
        """Written by hand: a claim would go by PostgreSQL's clock."""
        conversation = open_conversation(
            org=self.texting.org, sender=self.texting.sender, contact=self.texting.contact
        )
        lease = timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
        made = self.texting.row(
            body=body,
            status=status,
            attempt_no=1,
            lease_until=lease,
            conversation=conversation,
            error_code="x",
        )
        Attempt.objects.for_org(self.texting.org).create(
            message=made, no=1, sender_value=made.from_value, outcome="unknown" if status == "unknown" else ""
        )
        return made

    @property
    def attempt(self) -> Attempt:
        return Attempt.objects.for_org(self.texting.org).select_related("message").get(message=self.message)

    @property
    def row(self) -> Message:
        return Message.objects.for_org(self.texting.org).get(pk=self.message.pk)

    def seen(self, sid: str = "SM1", **fields: Any) -> Seen:
        plain = {
            "sid": sid,
            "to": CONTACT,
            "sender": self.texting.sender.value,
            "body": "Hello",
            "status": "sent",
            "direction": "outbound",
            "created_at": self.attempt.started_at + timedelta(seconds=1),
        }
        return Seen(**(plain | fields))


@pytest.fixture
def lost(time_machine: Any) -> Unknown:
    time_machine.move_to("2026-03-04T18:00:00Z", tick=False)
    return Unknown()


def later(time_machine: Any, seconds: float) -> datetime:
    time_machine.shift(timedelta(seconds=seconds))
    return timezone.now()


@pytest.mark.parametrize("status", ["accepted", "sent", "delivered"])
def test_one_match_is_taken_with_its_state(lost: Unknown, status: str) -> None:
    assert resolving.settle(lost.attempt, [lost.seen(status=status)]) == status
    assert (lost.row.provider_sid, lost.row.error_code, lost.row.lease_until) == ("SM1", "", None)
    assert (lost.row.final_at is not None) is (status == "delivered")
    assert (lost.attempt.outcome, lost.attempt.provider_sid) == ("found", "SM1")


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [("undelivered", "30003", "could not be reached"), ("failed", "", "no reason")],
)
def test_a_failed_match_keeps_its_reason(lost: Unknown, status: str, code: str, text: str) -> None:
    resolving.settle(lost.attempt, [lost.seen(status=status, error_code=code)])
    assert (lost.row.status, lost.row.error_code) == (status, code)
    assert text in lost.row.error_text
    lost.message.conversation.refresh_from_db()  # type: ignore[union-attr]
    assert lost.message.conversation.last_failed  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "other",
    [
        {"to": "+14155550111"},
        {"sender": "+14155550135"},
        {"body": "Hello!"},
        {"direction": "inbound"},
        {"created_at": datetime.fromisoformat("2026-03-04T17:57:50+00:00")},
    ],
)
def test_what_does_not_fit_is_no_match(lost: Unknown, other: dict[str, Any]) -> None:
    assert resolving.settle(lost.attempt, [lost.seen(**other)]) == "unknown"
    assert lost.row.provider_sid == ""


def test_one_that_another_message_has_is_no_match(lost: Unknown) -> None:
    lost.texting.row(status="sent", provider_sid="SM1")
    assert resolving.settle(lost.attempt, [lost.seen("SM1")]) == "unknown"
    assert resolving.settle(lost.attempt, [lost.seen("SM1"), lost.seen("SM2")]) == "sent"
    assert lost.row.provider_sid == "SM2"


def test_several_matches_stay_unknown_for_a_person(lost: Unknown, time_machine: Any) -> None:
    assert resolving.settle(lost.attempt, [lost.seen("SM1"), lost.seen("SM2")]) == "unknown"
    assert (lost.row.error_code, lost.row.provider_sid) == ("ambiguous", "")
    later(time_machine, 1000)
    assert resolving._due_attempts() == []


def test_empty_look_ups_before_the_time_queue_nothing(lost: Unknown, time_machine: Any) -> None:
    for _ in range(4):
        later(time_machine, 30)
        assert resolving.settle(lost.attempt, []) == "unknown"
    assert lost.attempt.looked_up == 4


def test_one_late_empty_look_up_is_not_enough(lost: Unknown, time_machine: Any) -> None:
    later(time_machine, settings.SETTLE_SECONDS + 100)
    assert resolving.settle(lost.attempt, []) == "unknown"
    later(time_machine, 60)
    assert resolving.settle(lost.attempt, []) == "queued"


def test_two_empty_look_ups_the_last_late_enough_queue_it_again(lost: Unknown, time_machine: Any) -> None:
    later(time_machine, 5)
    assert resolving.settle(lost.attempt, []) == "unknown"
    later(time_machine, settings.SETTLE_SECONDS + settings.LEASE_SECONDS - 6)
    assert resolving.settle(lost.attempt, []) == "unknown"
    later(time_machine, 1)
    assert resolving.settle(lost.attempt, []) == "queued"
    assert (lost.row.error_code, lost.attempt.outcome) == ("", "absent")
    assert lost.row.due_at == timezone.now()


def test_what_a_receipt_settled_meanwhile_is_left_alone(lost: Unknown) -> None:
    attempt = lost.attempt
    Message.objects.for_org(lost.texting.org).update(status="delivered", provider_sid="SM9")
    assert resolving.settle(attempt, [lost.seen("SM1")]) == "delivered"
    assert lost.row.provider_sid == "SM9"


def test_an_older_attempt_settles_nothing(lost: Unknown) -> None:
    attempt = lost.attempt
    Message.objects.for_org(lost.texting.org).update(attempt_no=2)
    assert resolving.settle(attempt, [lost.seen("SM1")]) == "unknown"
    assert lost.row.provider_sid == ""


def test_look_ups_come_first_after_5_seconds_then_after_the_settling_time(
    lost: Unknown, time_machine: Any
) -> None:
    def due() -> int:
        return len(resolving._due_attempts())

    later(time_machine, 4)
    assert due() == 0
    later(time_machine, 1)
    assert due() == 1
    resolving.settle(lost.attempt, [])
    later(time_machine, settings.RESOLVE_PAUSE_SECONDS + 1)
    assert due() == 0
    later(time_machine, settings.SETTLE_SECONDS)
    assert due() == 1


def test_a_lease_that_ran_out_makes_it_unknown(lost: Unknown, time_machine: Any, monkeypatch: Any) -> None:
    stuck = lost.in_flight("Another", "sending")
    asked: list[Any] = []

    async def nobody(account: Any, attempts: list[Any]) -> None:
        asked.extend(attempts)

    monkeypatch.setattr(resolving, "_settle_all", nobody)
    later(time_machine, settings.LEASE_SECONDS - 1)
    resolving.sweep()
    stuck.refresh_from_db()
    assert stuck.status == "sending"
    later(time_machine, 1)
    assert resolving.sweep() >= 1
    stuck.refresh_from_db()
    assert (stuck.status, stuck.error_code) == ("unknown", "lease_ended")
    assert stuck.pk in {attempt.message_id for attempt in asked}


class Empty:
    """A carrier that shows nothing."""

    async def find(self, **_: Any) -> list[Seen]:
        return []

    async def close(self) -> None:
        pass


def others_connected() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_a_sweep_leaves_no_connection_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even until garbage is collected, which is seldom."""
    lost = Unknown()
    Attempt.unscoped.filter(pk=lost.attempt.pk).update(started_at=timezone.now() - timedelta(minutes=1))
    monkeypatch.setattr(resolving, "open_carrier", lambda account: Empty())
    before = others_connected()
    gc.disable()
    try:
        assert resolving.sweep() == 1
        assert lost.attempt.looked_up == 1
        eventually(lambda: others_connected() <= before, within=5)
    finally:
        gc.enable()
