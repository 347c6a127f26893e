"""Assigning a sender: its rules, one default per assignee and country, whoever comes at the same time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from senderid.assignment import assignee_named, change_assignment, end_assignment
from senderid.models import Assignment, AssignmentCountry
from tenants.errors import DomainError
from tenants.models import AuditEntry, Organization
from tests.world import give, make_account, make_member, make_org, make_sender


@pytest.fixture
def org(db: None) -> Organization:
    org = make_org()
    make_account(org)
    return org


def refused(code: str, **about: object):  # type: ignore[no-untyped-def]
    return pytest.raises(DomainError, check=lambda error: error.code == code)


def test_countries_become_rows_and_none_means_all(org: Organization) -> None:
    everywhere = give(make_sender(org), org)
    some = give(make_sender(org, "+14155550135"), org, countries=["gb", "US", "GB"])
    assert everywhere.country_codes == []
    assert some.country_codes == ["GB", "US"]
    assert AssignmentCountry.objects.for_org(org).filter(assignment=everywhere).get().country == ""


def test_a_sender_may_be_given_to_many_but_once_to_each(org: Organization) -> None:
    sender, ann = make_sender(org), make_member(org, "Ann")
    give(sender, org)
    give(sender, ann)
    with refused("duplicate"):
        give(sender, ann, priority=3)
    assert Assignment.objects.for_org(org).count() == 2


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        (None, None, True),
        (["US"], ["US"], True),
        (["US", "GB"], ["GB", "FR"], True),
        (["US"], ["GB"], False),
        (None, ["US"], False),
    ],
)
def test_an_assignee_has_one_default_per_country(
    org: Organization, first: list[str] | None, second: list[str] | None, clash: bool
) -> None:
    ann = make_member(org, "Ann")
    give(make_sender(org), ann, countries=first, is_default=True)
    other = make_sender(org, "+14155550135")
    if clash:
        with refused("second_default"):
            give(other, ann, countries=second, is_default=True)
        assert not Assignment.objects.for_org(org).filter(sender=other).exists()
    else:
        assert give(other, ann, countries=second, is_default=True).is_default
    assert give(make_sender(org, "+14155550136"), ann, countries=second).is_default is False


def test_two_assignees_have_a_default_each(org: Organization) -> None:
    sender = make_sender(org)
    for who in (make_member(org, "Ann"), make_member(org, "Ben"), org):
        assert give(sender, who, is_default=True).is_default


def test_a_change_to_a_second_default_is_refused_and_changes_nothing(org: Organization) -> None:
    ann = make_member(org, "Ann")
    give(make_sender(org), ann, is_default=True)
    second = give(make_sender(org, "+14155550135"), ann, countries=["US"])
    with refused("second_default"):
        change_assignment(assignment=second, countries=[], is_default=True)
    kept = Assignment.objects.for_org(org).get(pk=second.pk)
    assert (kept.is_default, kept.country_codes) == (False, ["US"])


def test_a_change_keeps_what_is_not_named(org: Organization) -> None:
    made = give(make_sender(org), org, countries=["US"], is_default=True, priority=7)
    change_assignment(assignment=made, can_send=False)
    kept = Assignment.objects.for_org(org).get(pk=made.pk)
    assert (kept.country_codes, kept.is_default, kept.priority, kept.can_send) == (["US"], True, 7, False)
    change_assignment(assignment=kept, countries=[])
    assert Assignment.objects.for_org(org).get(pk=made.pk).country_codes == []


def test_it_ends_after_it_begins(org: Organization) -> None:
    now = timezone.now()
    with pytest.raises(DomainError) as error:
        give(make_sender(org), org, valid_from=now, valid_until=now)
    assert (error.value.field, error.value.status) == ("valid_until", 400)


@pytest.mark.parametrize(
    ("begins", "ends", "live"),
    [
        (None, None, True),
        (-1, None, True),
        (1, None, False),
        (None, 1, True),
        (None, -1, False),
        (-2, 2, True),
        (-2, -1, False),
    ],
)
def test_it_counts_only_within_its_dates(
    org: Organization, begins: int | None, ends: int | None, live: bool
) -> None:
    now = timezone.now()
    made = give(
        make_sender(org),
        org,
        valid_from=now + timedelta(days=begins) if begins else None,
        valid_until=now + timedelta(days=ends) if ends else None,
    )
    assert made.is_live is live
    assert Assignment.objects.for_org(org).filter(Assignment.live()).exists() is live


def test_an_unknown_country_is_refused(org: Organization) -> None:
    with refused("unknown_country"):
        give(make_sender(org), org, countries=["US", "XX"])
    assert not Assignment.objects.for_org(org).exists()


def test_making_changing_and_ending_are_audited(org: Organization) -> None:
    made = give(make_sender(org), org)
    change_assignment(assignment=made, priority=1)
    end_assignment(assignment=made)
    actions = AuditEntry.objects.for_org(org).filter(target_kind="assignment").order_by("at")
    assert [e.action.split(".")[1] for e in actions] == ["made", "changed", "ended"]
    assert not AssignmentCountry.objects.for_org(org).exists()


@pytest.mark.parametrize(
    ("kind", "field"), [("pigeon", "assignee.kind"), ("team", "assignee.id"), ("member", None)]
)
def test_an_assignee_is_found_by_kind_and_id(org: Organization, kind: str, field: str | None) -> None:
    ann = make_member(org, "Ann")
    if field is None:
        assert assignee_named(org_id=org.pk, kind=kind, given=str(ann.pk)).pk == ann.pk
    else:
        with pytest.raises(DomainError) as error:
            assignee_named(org_id=org.pk, kind=kind, given=str(ann.pk))
        assert error.value.field == field


@pytest.mark.parametrize("given", ["", "nonsense", None, 7])
def test_an_id_that_is_none_is_not_found(org: Organization, given: object) -> None:
    with pytest.raises(DomainError) as error:
        assignee_named(org_id=org.pk, kind="member", given=given)
    assert error.value.field == "assignee.id"


def test_an_outsiders_id_is_not_found(org: Organization) -> None:
    eve = make_member(make_org("Outsiders"), "Eve")
    with pytest.raises(DomainError) as error:
        assignee_named(org_id=org.pk, kind="member", given=eve.pk)
    assert error.value.code == "not_found"


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_make_a_default_at_once_one_wins() -> None:
    org = make_org()
    make_account(org)
    ann = make_member(org, "Ann")
    senders = [make_sender(org, f"+1415555013{n}") for n in range(8)]
    together = Barrier(8)

    def one(sender: object) -> str:
        together.wait()
        try:
            give(sender, ann, is_default=True)  # type: ignore[arg-type]
            return "made"
        except DomainError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        answers = sorted(threads.map(one, senders))
    assert answers == ["made"] + ["second_default"] * 7
    assert Assignment.objects.for_org(org).count() == 1
