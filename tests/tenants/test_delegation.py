"""Absences: who is away, who stands in, from when to when."""

from datetime import UTC, datetime, timedelta

import pytest

from tenants.access import stand_ins, standing_of
from tenants.delegation import delegate, end_delegation
from tenants.errors import DomainError
from tenants.memberships import change_member
from tenants.models import AuditEntry, Delegation, Membership
from tests.world import make_member, make_org

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
END = START + timedelta(days=7)


@pytest.fixture
def people() -> tuple[Membership, Membership]:
    org = make_org()
    return make_member(org, "Ann"), make_member(org, "Ben")


@pytest.mark.parametrize(
    ("at", "runs"),
    [
        (START - timedelta(seconds=1), False),
        (START, True),
        (END - timedelta(seconds=1), True),
        (END, False),
    ],
)
def test_a_stand_in_stands_in_only_for_that_time(
    people: tuple[Membership, Membership], at: datetime, runs: bool
) -> None:
    ann, ben = people
    made = delegate(absent=ann, stand_in=ben, starts_at=START, ends_at=END)
    assert [d.pk for d in standing_of(ben, at).delegations] == ([made.pk] if runs else [])
    assert (ann.pk in stand_ins(ann.org_id, [ann.pk], at)) is runs
    assert standing_of(ann, at).delegations == ()


def test_an_absence_may_have_nobody(people: tuple[Membership, Membership]) -> None:
    ann, ben = people
    delegate(absent=ann, stand_in=None, starts_at=START, ends_at=END)
    assert stand_ins(ann.org_id, [ann.pk], START)[ann.pk].stand_in is None
    assert standing_of(ben, START).delegations == ()


def test_of_two_absences_the_newest_start_wins(people: tuple[Membership, Membership]) -> None:
    ann, ben = people
    delegate(absent=ann, stand_in=None, starts_at=START, ends_at=END)
    newer = delegate(absent=ann, stand_in=ben, starts_at=START + timedelta(days=1), ends_at=END)
    assert stand_ins(ann.org_id, [ann.pk], START + timedelta(days=2))[ann.pk] == newer


@pytest.mark.parametrize("end", [START, START - timedelta(days=1)])
def test_an_absence_ends_after_it_starts(people: tuple[Membership, Membership], end: datetime) -> None:
    with pytest.raises(DomainError) as refused:
        delegate(absent=people[0], stand_in=people[1], starts_at=START, ends_at=end)
    assert (refused.value.field, refused.value.status) == ("end", 400)


def test_nobody_stands_in_for_themselves(people: tuple[Membership, Membership]) -> None:
    with pytest.raises(DomainError) as refused:
        delegate(absent=people[0], stand_in=people[0], starts_at=START, ends_at=END)
    assert refused.value.field == "to"


def test_a_deactivated_absent_member_lends_nothing(people: tuple[Membership, Membership]) -> None:
    ann, ben = people
    delegate(absent=ann, stand_in=ben, starts_at=START, ends_at=END)
    change_member(member=ann, is_active=False)
    assert standing_of(ben, START).delegations == ()


def test_ending_one_that_runs_ends_it_now(people: tuple[Membership, Membership], time_machine) -> None:  # type: ignore[no-untyped-def]
    time_machine.move_to(START + timedelta(days=1), tick=False)
    made = delegate(absent=people[0], stand_in=people[1], starts_at=START, ends_at=END)
    end_delegation(delegation=made)
    made.refresh_from_db()
    assert made.ends_at == START + timedelta(days=1)
    assert standing_of(people[1]).delegations == ()


def test_ending_one_that_has_not_begun_removes_it(
    people: tuple[Membership, Membership], time_machine
) -> None:  # type: ignore[no-untyped-def]
    time_machine.move_to(START - timedelta(days=1), tick=False)
    made = delegate(absent=people[0], stand_in=people[1], starts_at=START, ends_at=END)
    end_delegation(delegation=made)
    assert not Delegation.objects.for_org(people[0].org_id).exists()


def test_an_absence_that_is_over_keeps_its_end(people: tuple[Membership, Membership], time_machine) -> None:  # type: ignore[no-untyped-def]
    made = delegate(absent=people[0], stand_in=people[1], starts_at=START, ends_at=END)
    time_machine.move_to(END + timedelta(days=1), tick=False)
    end_delegation(delegation=made)
    made.refresh_from_db()
    assert made.ends_at == END


def test_it_is_audited_with_both_names(people: tuple[Membership, Membership]) -> None:
    made = delegate(absent=people[0], stand_in=people[1], starts_at=START, ends_at=END)
    entry = AuditEntry.objects.for_org(made.org_id).get(target_id=made.pk)
    assert "Ben stands in for Ann" in entry.text
