"""The doors ask few statements, BEGIN and COMMIT among them: whoever adds one meets a test."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from messaging.planning import Request, plan_text
from senderid.eligibility import Ask
from senderid.models import Assignment, AssignmentCountry, SenderId
from senderid.selection import choose_sender
from tenants.access import standing_of
from tests.api.test_webhooks import call, form_of
from tests.calling import Api
from tests.office import CARLA, Office
from tests.world import give, register_rows

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def at_most(count: int) -> Iterator[None]:
    with CaptureQueriesContext(connection) as asked:
        yield
    assert len(asked) <= count, "\n".join(query["sql"] for query in asked)


def test_a_text_by_the_api_takes_seven_statements() -> None:
    office = Office()
    give(office.sender, office.org)
    api = Api(office.org)
    api.post("/messages", {"to": CARLA, "body": "Hello"}, expect=202, Idempotency_Key="first")
    with at_most(7):
        api.post("/messages", {"to": CARLA, "body": "Hello"}, expect=202, Idempotency_Key="second")


def test_a_text_that_comes_in_takes_four_statements() -> None:
    office = Office()
    with at_most(4):
        assert call(office.account, form_of(office)).status_code == 200


def crowd(office: Office, count: int) -> None:
    """So many senders of Ann's, each of her own and of the organization."""
    senders = [
        SenderId(
            org=office.org, kind="long_code", value=f"+1415600{n:04d}", country="US", label=str(n),
            provider_account=office.account, mps=1,
        )
        for n in range(count)
    ]  # fmt: skip
    SenderId.objects.for_org(office.org).bulk_create(senders)
    register_rows(office.org, senders)
    given = [
        Assignment(org=office.org, sender=sender, assignee_id=assignee)
        for sender in senders
        for assignee in (office["Ann"].pk, office.org.pk)
    ]
    Assignment.objects.for_org(office.org).bulk_create(given)
    AssignmentCountry.objects.for_org(office.org).bulk_create(
        AssignmentCountry(org=office.org, assignment=one, assignee_id=one.assignee_id) for one in given
    )


@pytest.mark.parametrize("count", [10, 1000])
def test_selection_takes_two_statements_whatever_the_number_of_senders(count: int) -> None:
    office = Office()
    crowd(office, count)
    office.away("Rob", to="Ann")
    ask = Ask(org_id=office.org.pk, country="US", standing=standing_of(office["Ann"]))
    with at_most(2):
        choice = choose_sender(ask=ask)
    assert choice.rule == "member"
    assert len(choice.rejected) >= count - 1
    with at_most(4):
        plan_text(request=Request(org=office.org, to=CARLA, body="Hello", as_member=office["Ann"]))
