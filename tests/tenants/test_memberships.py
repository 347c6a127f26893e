"""Members, their roles, profiles and teams; who manages owners; the last owner stays."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tenants import roles
from tenants.access import audience_of, standing_of, standing_of_org
from tenants.delegation import delegate
from tenants.errors import DomainError
from tenants.memberships import add_member, change_member, end_membership, enroll, named_group, set_teams
from tenants.models import Assignee, AuditEntry, Membership, Organization, Profile, Team, User
from tests.world import make_member, make_org

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organization:
    return make_org()


@pytest.fixture
def owner(org: Organization) -> Membership:
    return make_member(org, "Olga", "owner")


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("owner", {roles.SET_UP, roles.SEND, roles.READ, roles.MANAGE_OWNERS}),
        ("admin", {roles.SET_UP, roles.SEND, roles.READ}),
        ("rep", {roles.SEND, roles.READ}),
        ("viewer", {roles.READ}),
    ],
)
def test_a_role_allows_what_the_rule_book_says(org: Organization, role: str, allowed: set[str]) -> None:
    member = Membership(org=org, user=User(email="a@b.example"), role=role)
    every = {roles.SET_UP, roles.SEND, roles.READ, roles.MANAGE_OWNERS}
    assert {what for what in every if roles.may(member, what)} == allowed
    for what in every - allowed:
        with pytest.raises(DomainError) as refused:
            roles.require(member, what)
        assert (refused.value.code, refused.value.status) == ("forbidden", 403)


def test_an_inactive_owner_may_nothing(org: Organization) -> None:
    member = Membership(org=org, user=User(email="a@b.example"), role="owner", is_active=False)
    assert not any(roles.may(member, what) for what in (roles.SET_UP, roles.SEND, roles.READ))


def test_a_member_is_an_assignee_of_the_same_id(owner: Membership) -> None:
    row = Assignee.objects.for_org(owner.org_id).get(pk=owner.pk)
    assert (row.kind, row.name) == ("member", "Olga")


def test_one_login_may_be_a_member_of_several_orgs(org: Organization) -> None:
    first = make_member(org, "Ada")
    second = enroll(org=make_org("Other"), email="ADA@northwind.example", name="Ada", password="x")
    assert first.user_id == second.user_id
    assert first.pk != second.pk


def test_nobody_is_a_member_twice(org: Organization) -> None:
    make_member(org, "Ada")
    with pytest.raises(DomainError) as refused:
        add_member(org=org, email="Ada@Northwind.example", name="Ada again")
    assert (refused.value.code, refused.value.field) == ("duplicate", "email")
    assert Membership.objects.for_org(org).count() == 1


@pytest.mark.parametrize(
    "changes", [{"role": "admin"}, {"is_active": False}, {"role": "viewer", "is_active": True}]
)
def test_the_last_owner_stays(org: Organization, owner: Membership, changes: dict[str, object]) -> None:
    with pytest.raises(DomainError) as refused:
        change_member(member=owner, by=owner, **changes)
    assert refused.value.code == "last_owner"
    owner.refresh_from_db()
    assert (owner.role, owner.is_active) == ("owner", True)


def test_an_inactive_owner_does_not_count_as_one(org: Organization, owner: Membership) -> None:
    second = make_member(org, "Otto", "owner")
    change_member(member=second, by=owner, is_active=False)
    with pytest.raises(DomainError, match="at least one active owner"):
        change_member(member=owner, by=owner, role="rep")


def test_one_of_two_owners_may_step_down(org: Organization, owner: Membership) -> None:
    make_member(org, "Otto", "owner")
    assert change_member(member=owner, by=owner, role="admin").role == "admin"


def test_the_owner_of_another_org_does_not_count(org: Organization, owner: Membership) -> None:
    make_member(make_org("Outsiders"), "Otto", "owner")
    with pytest.raises(DomainError, match="at least one active owner"):
        change_member(member=owner, role="rep")


def test_only_an_owner_makes_owners(org: Organization, owner: Membership) -> None:
    admin, rep = make_member(org, "Ada", "admin"), make_member(org, "Rob")
    for act in (
        lambda: add_member(org=org, email="x@y.example", name="X", role="owner", by=admin),
        lambda: change_member(member=rep, by=admin, role="owner"),
        lambda: change_member(member=owner, by=admin, role="rep"),
        lambda: end_membership(member=owner, by=admin),
        lambda: change_member(member=owner, by=admin, name="Mallory"),
    ):
        with pytest.raises(DomainError) as refused:
            act()
        assert (refused.value.code, refused.value.status) == ("forbidden", 403)
    assert change_member(member=rep, by=owner, role="owner").role == "owner"


def test_an_admin_manages_everyone_else(org: Organization, owner: Membership) -> None:
    admin, rep = make_member(org, "Ada", "admin"), make_member(org, "Rob")
    assert change_member(member=rep, by=admin, role="viewer").role == "viewer"
    end_membership(member=rep, by=admin)
    rep.refresh_from_db()
    assert not rep.is_active


def test_ending_a_membership_ends_its_absences(org: Organization, owner: Membership) -> None:
    """One that runs ends now; one that has not begun can only go."""
    now = timezone.now()
    rep, tim = make_member(org, "Rob"), make_member(org, "Tim")
    running = delegate(
        absent=rep, stand_in=tim, starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=1)
    )
    delegate(absent=rep, stand_in=tim, starts_at=now + timedelta(days=7), ends_at=now + timedelta(days=9))
    end_membership(member=rep, by=owner)
    running.refresh_from_db()
    assert running.ends_at <= timezone.now()
    assert [d.pk for d in rep.absences.all()] == [running.pk]
    assert standing_of(tim).delegations == ()


def test_teams_become_exactly_those_given(org: Organization, owner: Membership) -> None:
    north, south, east = (named_group(model=Team, org=org, name=n) for n in ("North", "South", "East"))
    set_teams(member=owner, teams=[north, south])
    set_teams(member=owner, teams=[south, east])
    assert set(owner.teams.values_list("name", flat=True)) == {"South", "East"}


@pytest.mark.parametrize("model", [Profile, Team])
def test_a_group_has_a_name_of_its_own(org: Organization, model: type[Profile] | type[Team]) -> None:
    first = named_group(model=model, org=org, name="  EMEA   sales ")
    assert first.name == "EMEA sales"
    with pytest.raises(DomainError, match="already"):
        named_group(model=model, org=org, name="emea SALES")
    with pytest.raises(DomainError, match="a name"):
        named_group(model=model, org=org, name="   ")
    assert named_group(model=model, org=make_org("Other"), name="EMEA sales").pk != first.pk
    renamed = named_group(model=model, org=org, name="EMEA", pk=first.pk)
    assert Assignee.objects.for_org(org).get(pk=renamed.pk).name == "EMEA"


def test_a_standing_holds_member_teams_profile_and_org(org: Organization) -> None:
    team, profile = named_group(model=Team, org=org, name="T"), named_group(model=Profile, org=org, name="P")
    rep = make_member(org, "Rob", profile=profile, teams=[team])
    make_member(org, "Tim", teams=[named_group(model=Team, org=org, name="Other")])
    assert standing_of(rep).assignees == {
        rep.pk: "member",
        team.pk: "team",
        profile.pk: "profile",
        org.pk: "organization",
    }
    assert standing_of_org(org).assignees == {org.pk: "organization"}


def test_a_profile_is_asked_anew_each_time(org: Organization, owner: Membership) -> None:
    one, two = (named_group(model=Profile, org=org, name=n) for n in "AB")
    rep = make_member(org, "Rob", profile=one)
    change_member(member=rep, by=owner, profile=two)
    assert one.pk not in standing_of(rep).assignees
    assert two.pk in standing_of(rep).assignees


def test_an_audience_is_the_active_members_behind_an_assignee(org: Organization) -> None:
    team, profile = named_group(model=Team, org=org, name="T"), named_group(model=Profile, org=org, name="P")
    rob = make_member(org, "Rob", profile=profile, teams=[team])
    tim = make_member(org, "Tim", teams=[team])
    gone = make_member(org, "Gone", profile=profile, teams=[team])
    change_member(member=gone, is_active=False)
    make_member(make_org("Outsiders"), "Eve")

    def names(pk: object) -> list[str]:
        return [m.name for m in audience_of(Assignee.objects.for_org(org).get(pk=pk))]

    assert names(org.pk) == ["Rob", "Tim"]
    assert names(team.pk) == ["Rob", "Tim"]
    assert names(profile.pk) == ["Rob"]
    assert names(tim.pk) == ["Tim"]
    assert names(gone.pk) == []
    assert rob.pk != tim.pk


def test_what_changes_who_may_do_what_is_audited(org: Organization, owner: Membership) -> None:
    rep = make_member(org, "Rob")
    change_member(member=rep, by=owner, role="viewer")
    entries = AuditEntry.objects.for_org(org).filter(target_id=rep.pk).order_by("at")
    assert [e.action for e in entries] == ["member.added", "member.changed"]
    assert entries[1].details["was"] == {"role": "rep"}
