"""From a row to a mail: due, claimed by a lease, sent once, retried while the server is away."""

import smtplib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from notifications import notify
from notifications.models import Notification
from tests.office import Office

ANN = "ann@northwind.example"


@pytest.fixture
def office(db: None) -> Office:
    return Office()


def waiting(office: Office, *names: str) -> list[Notification]:
    office.rule("specific", members=list(names))
    return office.rows(office.text(), outcome="pending")


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(**_: Any) -> None:
        raise error

    monkeypatch.setattr(notify, "send_mail", refuse)


def test_each_person_gets_a_mail_of_their_own_in_both_forms(office: Office) -> None:
    waiting(office, "Ann", "Ben")
    assert notify.deliver_due() == 2
    assert sorted(sent.to for sent in mail.outbox) == [[ANN], ["ben@northwind.example"]]
    assert all(not sent.cc and not sent.bcc for sent in mail.outbox)
    assert all(sent.alternatives[0][1] == "text/html" for sent in mail.outbox)
    rows = Notification.objects.for_org(office.org).filter(outcome="sent")
    assert rows.count() == 2 and all(row.sent_at for row in rows)


def test_emails_of_a_conversation_are_a_thread_and_say_that_nobody_reads_answers(office: Office) -> None:
    """field: mail and people. A second try after a crash has the Message-ID of the first."""
    first = waiting(office, "Ann", "Ben")[0]
    notify.deliver_due()
    Notification.unscoped.filter(pk=first.pk).update(outcome="pending", lease_until=None)
    notify.deliver_due()
    sent = [message.message() for message in mail.outbox]
    again = sent.pop()
    (once,) = [message for message in sent if message["To"] == again["To"]]
    (other,) = [message for message in sent if message["To"] != again["To"]]
    assert once["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    assert once["Message-ID"].endswith("@callsign.example>")
    assert once["References"] == once["In-Reply-To"] == other["References"]
    assert once["Auto-Submitted"] == "auto-generated"
    assert "Replies to this email aren’t read" in mail.outbox[0].body


def test_sent_is_said_only_once_the_server_took_it_and_nothing_is_sent_twice(office: Office) -> None:
    [row] = waiting(office, "Ann")
    assert row.sent_at is None
    assert (notify.deliver_due(), notify.deliver_due()) == (1, 0)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        smtplib.SMTPServerDisconnected("gone"),
        smtplib.SMTPDataError(451, b"later"),
        smtplib.SMTPRecipientsRefused({ANN: (450, b"greylisted")}),
        ValueError("something odd"),
    ],
)
def test_a_failing_server_is_asked_again_later(
    office: Office, monkeypatch: Any, time_machine: Any, error: Exception
) -> None:
    [row] = waiting(office, "Ann")
    with monkeypatch.context() as away:
        failing(away, error)
        assert notify.deliver_due() == 0
    row.refresh_from_db()
    assert (row.outcome, row.tries, bool(row.error)) == ("pending", 1, True)
    assert row.due_at > timezone.now()
    assert notify.deliver_due() == 0
    time_machine.move_to(row.due_at + timedelta(seconds=1))
    assert notify.deliver_due() == 1
    row.refresh_from_db()
    assert (row.outcome, row.error) == ("sent", "")


def test_after_many_tries_it_has_failed(office: Office, monkeypatch: Any, time_machine: Any) -> None:
    [row] = waiting(office, "Ann")
    failing(monkeypatch, OSError())
    for _ in range(notify.MOST_TRIES):
        time_machine.move_to(timezone.now() + timedelta(hours=1))
        notify.deliver_due()
    row.refresh_from_db()
    assert (row.outcome, row.tries) == ("failed", notify.MOST_TRIES)
    time_machine.move_to(timezone.now() + timedelta(hours=1))
    notify.deliver_due()
    row.refresh_from_db()
    assert row.tries == notify.MOST_TRIES


def test_a_refused_recipient_has_failed_at_once_and_the_others_get_theirs(
    office: Office, monkeypatch: Any
) -> None:
    waiting(office, "Ann", "Ben")
    real = notify.send_mail

    def refuse(*, to: str, **fields: Any) -> None:
        if to == ANN:
            raise smtplib.SMTPRecipientsRefused({ANN: (550, b"no such user")})
        real(to=to, **fields)

    monkeypatch.setattr(notify, "send_mail", refuse)
    assert notify.deliver_due() == 1
    row = Notification.objects.for_org(office.org).get(member=office["Ann"])
    assert row.outcome == "failed" and "refused" in row.error


def test_a_template_that_can_not_be_filled_in_fails_without_holding_up_others(office: Office) -> None:
    first, _second = waiting(office, "Ann", "Ben")
    Notification.unscoped.filter(pk=first.pk).update(kind="unheard_of")
    assert notify.deliver_due() == 1
    first.refresh_from_db()
    assert first.outcome == "pending" and first.error


def test_someone_deactivated_since_gets_no_mail(office: Office) -> None:
    [row] = waiting(office, "Ann")
    office.deactivate("Ann")
    assert notify.deliver_due() == 0
    row.refresh_from_db()
    assert row.outcome == "skipped" and mail.outbox == []


def test_a_lease_that_ran_out_is_taken_up_again_and_one_that_runs_is_not(office: Office) -> None:
    [row] = waiting(office, "Ann")
    Notification.unscoped.filter(pk=row.pk).update(lease_until=timezone.now() + timedelta(seconds=30))
    assert notify.deliver_due() == 0
    Notification.unscoped.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert notify.deliver_due() == 1


def test_the_sweep_sends_what_has_waited_five_seconds_and_leaves_the_rest_to_workers(
    office: Office, monkeypatch: Any
) -> None:
    monkeypatch.setattr("tenants.hints.send_now", lambda task: None)
    [row] = waiting(office, "Ann")
    notify.sweep()
    assert mail.outbox == []
    Notification.unscoped.filter(pk=row.pk).update(due_at=timezone.now() - timedelta(seconds=6))
    notify.sweep()
    assert len(mail.outbox) == 1


def test_throttled_and_skipped_rows_are_never_sent(office: Office) -> None:
    waiting(office, "Ann")
    office.text("Again")
    notify.deliver_due()
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_never_send_the_same_mail_twice(monkeypatch: Any) -> None:
    office = Office()
    office.rule("all", throttle_minutes=0)
    for n in range(4):
        office.text(f"Text {n}")
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(notify, "send_mail", lambda **given: sent.append((given["to"], given["text"])))
    together = Barrier(4)

    def work(_: int) -> int:
        together.wait(10)
        try:
            return notify.deliver_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 12
    assert len(sent) == len(set(sent)) == 12
    assert set(Notification.objects.for_org(office.org).values_list("outcome", "tries")) == {("sent", 1)}
