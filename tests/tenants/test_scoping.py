"""Nothing crosses from one org to another: in the code, in PostgreSQL's policies, in its foreign keys."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from messaging.models import Contact
from senderid.models import Assignment
from tenants.database import WEB
from tenants.models import Membership, Organization, Profile, Team, TeamMember
from tenants.rls import tenant_models
from tenants.scoping import TenantForeignKey, TenantOneToOne, UnscopedQuery, as_org, database_role, new_id
from tests.world import make_account, make_member, make_org, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def orgs() -> tuple[Organization, Organization]:
    ours, theirs = make_org("Northwind"), make_org("Outsiders")
    for org in (ours, theirs):
        make_member(org, "Ada", "admin")
        make_member(org, "Tim")
        Contact.objects.for_org(org).create(number="+14155550199", country="US")
    return ours, theirs


@pytest.mark.parametrize("ask", ["all", "count", "first", "exists"])
def test_a_query_without_an_org_is_refused(ask: str) -> None:
    with pytest.raises(UnscopedQuery):
        getattr(Membership.objects, ask)()


def test_a_filter_without_an_org_is_refused() -> None:
    with pytest.raises(UnscopedQuery):
        Membership.objects.filter(role="owner")


def test_for_org_without_an_org_is_refused() -> None:
    with pytest.raises(UnscopedQuery):
        Membership.objects.for_org(None)


def test_for_org_takes_the_org_or_its_id(orgs: tuple[Organization, Organization]) -> None:
    ours, _ = orgs
    assert set(Membership.objects.for_org(ours)) == set(Membership.objects.for_org(ours.pk))
    assert {m.org_id for m in Membership.objects.for_org(ours)} == {ours.pk}


def test_what_is_made_through_for_org_belongs_to_it(orgs: tuple[Organization, Organization]) -> None:
    assert Team(org=orgs[0]).org_id == orgs[0].pk
    assert Contact.objects.for_org(orgs[0]).create(number="+14155550177").org_id == orgs[0].pk


def test_ids_sort_by_time() -> None:
    ids = [new_id() for _ in range(200)]
    assert ids == sorted(ids)
    assert {one.version for one in ids} == {7}


# --- Row-level security --------------------------------------------------------------------------------


def test_within_as_org_even_unscoped_shows_only_its_rows(orgs: tuple[Organization, Organization]) -> None:
    ours, theirs = orgs
    with as_org(ours):
        assert {m.org_id for m in Membership.unscoped.all()} == {ours.pk}
        assert not Contact.unscoped.filter(org=theirs).exists()
    assert {m.org_id for m in Membership.unscoped.all()} >= {ours.pk, theirs.pk}


def test_within_as_org_raw_sql_shows_only_its_rows(orgs: tuple[Organization, Organization]) -> None:
    ours, _ = orgs
    with as_org(ours), connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT org_id FROM messaging_contact")
        assert cursor.fetchall() == [(ours.pk,)]


def test_within_as_org_another_orgs_rows_cannot_be_changed(orgs: tuple[Organization, Organization]) -> None:
    ours, theirs = orgs
    with as_org(ours), connection.cursor() as cursor:
        cursor.execute("UPDATE messaging_contact SET name = 'stolen' WHERE org_id = %s", [theirs.pk])
        assert cursor.rowcount == 0
        cursor.execute("DELETE FROM messaging_contact WHERE org_id = %s", [theirs.pk])
        assert cursor.rowcount == 0


def test_within_as_org_a_row_of_another_org_cannot_be_made(orgs: tuple[Organization, Organization]) -> None:
    ours, theirs = orgs
    with pytest.raises(DatabaseError, match="row-level security"), as_org(ours):
        Contact.objects.for_org(theirs).create(number="+14155550188")


def test_within_as_org_a_row_cannot_be_moved_to_another_org(orgs: tuple[Organization, Organization]) -> None:
    ours, theirs = orgs
    with pytest.raises(DatabaseError, match="row-level security"), as_org(ours):
        Contact.objects.for_org(ours).update(org_id=theirs.pk)


def test_the_role_ends_with_the_transaction(orgs: tuple[Organization, Organization]) -> None:
    """Under PgBouncer the next transaction on the connection is somebody else's: nothing may linger."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        owner = cursor.fetchone()
        with transaction.atomic():
            with pytest.raises(ZeroDivisionError), as_org(orgs[0]):
                raise ZeroDivisionError
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == owner


def test_without_an_org_the_role_sees_nothing(orgs: tuple[Organization, Organization]) -> None:
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute(
            "SELECT set_config('role', %s, true), set_config('app.org_id', '', true)", [database_role(WEB)]
        )
        cursor.execute("SELECT count(*) FROM messaging_contact")
        assert cursor.fetchone() == (0,)
        cursor.execute("RESET ROLE")


def test_every_tenant_table_has_its_policy_for_reading_and_writing() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, c.relrowsecurity, p.qual, p.with_check, p.cmd, p.roles::text[] FROM pg_class c "
            "LEFT JOIN pg_policies p ON p.tablename = c.relname AND p.policyname LIKE '%\\_org' "
            "WHERE c.relkind IN ('r', 'p')"
        )
        found = {row[0]: row[1:] for row in cursor.fetchall()}
    assert len(tenant_models()) > 25
    for model in tenant_models():
        enabled, qual, with_check, command, roles = found[model._meta.db_table]
        assert enabled, f"{model._meta.db_table} has no row-level security"
        assert "app.org_id" in (qual or "") and "app.org_id" in (with_check or ""), model._meta.db_table
        assert (command, roles) == ("ALL", [database_role(WEB)])


# --- Foreign keys of (org_id, id) ----------------------------------------------------------------------


def test_every_tenant_foreign_key_is_bound_to_org_and_id() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.conrelid::regclass::text, c.confrelid::regclass::text,
              ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(n, place)
                JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY place),
              ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(n, place)
                JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY place)
            FROM pg_constraint c WHERE c.contype = 'f'
            """
        )
        bound = {(t, f, tuple(cols), tuple(targets)) for t, f, cols, targets in cursor.fetchall()}
    for model in tenant_models():
        for field in model._meta.local_fields:
            if isinstance(field, TenantForeignKey | TenantOneToOne):
                target = field.remote_field.model._meta.db_table
                key = (model._meta.db_table, target, ("org_id", field.column), ("org_id", "id"))
                assert key in bound, f"{model._meta.label}.{field.name} may point into another org"


def checked_now() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_team_takes_no_member_of_another_org(orgs: tuple[Organization, Organization]) -> None:
    ours, theirs = orgs
    team = Team(org=ours, name="Support")
    team.save()
    outsider = Membership.objects.for_org(theirs).first()
    with pytest.raises(IntegrityError), transaction.atomic():
        TeamMember.objects.for_org(ours).create(team=team, member=outsider)
        checked_now()


def test_a_member_takes_no_profile_of_another_org(orgs: tuple[Organization, Organization]) -> None:
    ours, theirs = orgs
    profile = Profile(org=theirs, name="EMEA sales")
    profile.save()
    member = Membership.objects.for_org(ours).first()
    assert member is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        member.profile = profile
        member.save()
        checked_now()


def test_a_sender_cannot_be_assigned_to_an_assignee_of_another_org(
    orgs: tuple[Organization, Organization],
) -> None:
    ours, theirs = orgs
    make_account(ours)
    sender = make_sender(ours)
    outsider = Membership.objects.for_org(theirs).first()
    assert outsider is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        Assignment.objects.for_org(ours).create(sender=sender, assignee_id=outsider.assignee_id)
        checked_now()


def test_a_row_of_its_own_org_is_fine(orgs: tuple[Organization, Organization]) -> None:
    ours, _ = orgs
    team = Team(org=ours, name="Support")
    team.save()
    TeamMember.objects.for_org(ours).create(team=team, member=Membership.objects.for_org(ours).first())
    checked_now()
