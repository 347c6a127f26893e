"""security F13: a cap counts what was sent before it was set, from every source, exactly, also in parallel."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from messaging import campaigns, usage
from messaging.models import Message, Usage
from messaging.programs import save_program
from tenants.errors import DomainError
from tenants.limits import change_organization
from tests.calling import Api
from tests.texting import Texting
from tests.world import give

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 18, tzinfo=UTC)


@pytest.fixture
def texting(time_machine: Any) -> Texting:
    time_machine.move_to(NOW)
    return Texting()


def cap(texting: Texting, **caps: int | None) -> None:
    """As an admin sets it, in the org as it is in the table."""
    texting.org.refresh_from_db()
    change_organization(org=texting.org, **caps)


def counted(texting: Texting, word: str = "day") -> int:
    return Usage.objects.for_org(texting.org).get(period__startswith=word).segments


def sent_before_refusal(texting: Texting, number: str = "+1415555") -> int:
    for n in range(100):
        try:
            texting.queue(to=f"{number}{n:04}")
        except DomainError as error:
            assert error.code == "cap_reached"
            return n
    raise AssertionError("never refused")


def test_a_cap_set_at_noon_counts_what_was_sent_in_the_morning(texting: Texting) -> None:
    """security F13, as the finding has it."""
    texting.queue("x" * 161)
    texting.queue()
    cap(texting, daily_cap=5, monthly_cap=100)
    assert sent_before_refusal(texting) == 2
    texting.org.refresh_from_db()
    assert (counted(texting), Message.objects.for_org(texting.org).count()) == (5, 4)


def test_a_cap_below_what_was_sent_stops_all_at_once(texting: Texting) -> None:
    """security F13."""
    for _ in range(3):
        texting.queue()
    cap(texting, daily_cap=2)
    assert sent_before_refusal(texting) == 0


def test_what_was_sent_while_the_cap_was_off_counts_once_it_is_on_again(texting: Texting) -> None:
    """security F13: set, taken off, set again, changed."""
    cap(texting, daily_cap=10)
    texting.queue()
    cap(texting, daily_cap=None)
    for _ in range(3):
        texting.queue()
    cap(texting, daily_cap=6)
    assert sent_before_refusal(texting) == 2
    cap(texting, daily_cap=7)
    assert sent_before_refusal(texting, "+1628555") == 1


def test_a_month_counts_its_earlier_days_and_not_the_month_before(
    texting: Texting, time_machine: Any
) -> None:
    """security F13."""
    texting.row(created_at=datetime(2026, 2, 28, 23, 59, tzinfo=UTC), segments=50)
    texting.row(created_at=datetime(2026, 3, 1, 0, 0, tzinfo=UTC), segments=2)
    texting.row(created_at=NOW, segments=1, status="cancelled")
    cap(texting, daily_cap=100, monthly_cap=5)
    assert sent_before_refusal(texting) == 2
    assert (counted(texting, "month"), counted(texting, "day")) == (5, 3)


def by_campaign(texting: Texting) -> None:
    audience = {"contacts": [str(texting.contact.pk)]}
    campaign = campaigns.save_campaign(org=texting.org, name="C", body="Hi", audience=audience)
    give(texting.sender, campaign)
    campaigns.start(campaign=campaign)
    campaigns.sweep()


def by_api(texting: Texting) -> None:
    Api(texting.org).post("/messages", {"to": texting.contact.number, "body": "Hi"}, expect=202)


def by_reply(texting: Texting) -> None:
    texting.receive("Hello")
    api = Api(texting.org)
    [row] = api.results("/conversations")
    api.post(
        f"/conversations/{row['id']}/messages", {"body": "Hi", "as_member": str(texting.rob.pk)}, expect=202
    )


def by_program(texting: Texting) -> None:
    program = save_program(org=texting.org, name="P", keywords=[{"word": "PIZZA", "language": "en"}])
    give(texting.sender, program)
    texting.receive("PIZZA")


def by_help(texting: Texting) -> None:
    texting.receive("HELP")


SOURCES = [by_campaign, by_api, by_reply, by_program, by_help]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
@pytest.mark.parametrize("is_set_before", [True, False], ids=["capped", "capped later"])
def test_every_source_counts(
    texting: Texting, source: Callable[[Texting], None], is_set_before: bool
) -> None:
    """security F13: campaigns, API, replies, programs, automatic replies."""
    if is_set_before:
        cap(texting, daily_cap=100)
    source(texting)
    rows = Message.objects.for_org(texting.org).filter(direction="outbound")
    segments = sum(rows.values_list("segments", flat=True))
    assert segments
    if not is_set_before:
        cap(texting, daily_cap=100)
    texting.org.refresh_from_db()
    texting.queue()
    assert counted(texting) == segments + 1


def test_an_answer_to_help_is_never_refused(texting: Texting) -> None:
    """security F13: it counts, and is sent also beyond the cap."""
    cap(texting, daily_cap=0)
    texting.receive("HELP")
    assert Message.objects.for_org(texting.org).filter(direction="outbound", origin="compliance").exists()


def test_test_keys_use_up_no_cap(texting: Texting) -> None:
    """security F13, api 13: neither when counted nor when summed."""
    texting.account.is_simulator = True
    texting.account.save()
    test = Api(texting.org, sandbox=True)
    cap(texting, daily_cap=2)
    for n in range(3):
        test.post("/messages", {"to": f"+1415555{n:04}", "body": "Hi"}, expect=202)
    cap(texting, daily_cap=3)
    assert sent_before_refusal(texting, "+1628555") == 3


def test_texts_in_flight_while_the_cap_was_set_are_found_later(texting: Texting, time_machine: Any) -> None:
    """security F13: a request that began without the cap commits after the first count was seeded."""
    cap(texting, daily_cap=5)
    texting.queue()
    texting.row()
    assert counted(texting) == 1
    time_machine.move_to(NOW + usage.LONGEST_REQUEST + timedelta(seconds=1))
    texting.queue()
    assert counted(texting) == 3


def test_a_new_day_begins_at_zero_without_a_sum(texting: Texting, time_machine: Any) -> None:
    cap(texting, daily_cap=5)
    texting.queue()
    time_machine.move_to(NOW + timedelta(days=1))
    with statements() as asked:
        usage.spend(org=texting.org, segments=1, at=timezone.now())
    assert (len(asked), counted_days(texting)) == (1, [1, 1])


def counted_days(texting: Texting) -> list[int]:
    rows = Usage.objects.for_org(texting.org).filter(period__startswith="day").order_by("period")
    return list(rows.values_list("segments", flat=True))


@contextmanager
def statements() -> Iterator[CaptureQueriesContext]:
    with CaptureQueriesContext(connection) as asked:
        yield asked


def test_what_it_costs(texting: Texting) -> None:
    """security F13: nothing without a cap, one statement for each cap once its count is seeded."""
    with statements() as asked:
        usage.spend(org=texting.org, segments=1, at=timezone.now())
    assert len(asked) == 0
    cap(texting, daily_cap=5, monthly_cap=5)
    usage.spend(org=texting.org, segments=1, at=timezone.now())
    with statements() as asked:
        usage.spend(org=texting.org, segments=1, at=timezone.now())
    assert len(asked) == 2


def test_a_clock_that_is_behind_refuses_nothing(texting: Texting) -> None:
    """security F13: the cap was set by a process whose clock is ahead of the sender's."""
    cap(texting, daily_cap=5)
    for _ in range(2):
        usage.spend(org=texting.org, segments=1, at=NOW - timedelta(seconds=2))
    assert counted(texting) == 2


def test_the_sweep_seeds_what_refused_sends_roll_back(texting: Texting) -> None:
    """security F13: a refusal takes its seeding with it; it is summed once, not at each refusal."""
    for _ in range(3):
        texting.queue()
    cap(texting, daily_cap=2)
    assert (usage.sweep(), counted(texting)) == (1, 3)
    assert usage.sweep() == 0
    with statements() as asked:
        assert sent_before_refusal(texting) == 0
    assert not [query for query in asked if "sum(" in query["sql"]]


def test_settings_that_change_no_cap_sum_nothing_again(texting: Texting) -> None:
    cap(texting, daily_cap=5)
    since = texting.org.caps_since
    cap(texting, daily_cap=5, monthly_cap=None, name="Northwind Inc")
    assert texting.org.caps_since == since is not None


@pytest.mark.django_db(transaction=True)
def test_eight_who_send_at_once_after_the_cap_was_set_are_exact() -> None:
    """security F13: the first of them sums, the others wait for it."""
    texting = Texting()
    for n in range(7):
        texting.queue(to=f"+1628555{n:04}")
    change_organization(org=texting.org, daily_cap=20, monthly_cap=1000)
    together = Barrier(8)

    def send(n: int) -> int:
        together.wait()
        try:
            return sent_before_refusal(texting, f"+141555{n}")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(send, range(1, 9))) == 13
    assert Message.objects.for_org(texting.org).count() == 20
    assert (counted(texting), counted(texting, "month")) == (20, 20)
