"""security S3: what processes log in to PostgreSQL as owns nothing, can't become the owner, and sees what it needs."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import psycopg2.errors
import pytest
from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection

from tenants import login_roles, privileges
from tenants.database import LOGINS, OPERATOR, WEB, logged_in_as
from tenants.kept import MADE
from tenants.models import Organization
from tenants.rls import tenant_models
from tenants.scoping import database_role
from tests.world import make_member, make_org

pytestmark = pytest.mark.django_db
REFUSED = psycopg2.errors.InsufficientPrivilege


@contextmanager
def logged_in(role: str) -> Iterator[Any]:
    """A cursor of a connection of its own, with the password that processes derive."""
    login = logged_in_as(
        connection.settings_dict, role, prefix="", password="", secret_key=settings.SECRET_KEY
    )
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    with closing(psycopg2.connect(**{ours: login[theirs] for ours, theirs in names.items()})) as raw:
        raw.autocommit = True
        with raw.cursor() as cursor:
            yield cursor


def owner() -> str:
    return connection.settings_dict["USER"]


@pytest.mark.parametrize("role", LOGINS)
def test_a_login_role_owns_nothing_and_is_nobody_special(role: str) -> None:
    with logged_in(role) as cursor:
        cursor.execute(
            "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication, "
            "EXISTS (SELECT FROM pg_class WHERE relowner = r.oid), "
            "EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid) FROM pg_roles r WHERE rolname = session_user"
        )
        assert cursor.fetchone() == (False, False, False)


@pytest.mark.parametrize("role", LOGINS)
def test_a_login_role_can_not_become_the_owner_or_another_role(role: str) -> None:
    """security S3"""
    with logged_in(role) as cursor:
        for other in {owner(), *map(database_role, LOGINS)} - {database_role(role)}:
            with pytest.raises(REFUSED):
                cursor.execute(f'SET ROLE "{other}"')
            with pytest.raises(REFUSED):
                cursor.execute(f'SET SESSION AUTHORIZATION "{other}"')
        cursor.execute("RESET ROLE")
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (database_role(role),)


@pytest.mark.parametrize("role", LOGINS)
@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE messaging_message DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE tenants_user OWNER TO CURRENT_USER",
        "DROP POLICY messaging_message_org ON messaging_message",
        "CREATE POLICY mine ON messaging_message USING (true)",
        "CREATE TABLE public.mine (id integer)",
        "CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE ROLE mine",
        "TRUNCATE messaging_message",
        "COPY messaging_contact TO PROGRAM 'cat'",
        "SELECT pg_read_file('postgresql.conf')",
    ],
)
def test_a_login_role_can_not_loosen_the_wall(role: str, sql: str) -> None:
    with logged_in(role) as cursor, pytest.raises(REFUSED):
        cursor.execute(sql)


def test_web_can_not_look_past_row_level_security() -> None:
    with logged_in(WEB) as cursor:
        cursor.execute("SET row_security = off")
        for model in (*tenant_models(), Organization):
            with pytest.raises(REFUSED, match="row-level security"):
                cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')


@pytest.mark.django_db(transaction=True)
def test_web_sees_no_tenant_row_without_an_org_and_its_own_org_with_one() -> None:
    """security S3: also of the organizations themselves."""
    ours, theirs = make_org("Northwind"), make_org("Elsewhere")
    make_member(ours, "Ada"), make_member(theirs, "Bea")
    with logged_in(WEB) as cursor:
        for model in (*tenant_models(), Organization):
            cursor.execute(f'SELECT count(*) FROM "{model._meta.db_table}"')
            assert cursor.fetchone() == (0,), model._meta.db_table
        cursor.execute("SELECT set_config('app.org_id', %s, false)", [str(ours.pk)])
        cursor.execute("SELECT name FROM tenants_organization")
        assert cursor.fetchall() == [("Northwind",)]
        cursor.execute("UPDATE tenants_organization SET name = 'stolen' WHERE id = %s", [theirs.pk])
        assert cursor.rowcount == 0
        cursor.execute("SELECT name FROM tenants_membership")
        assert cursor.fetchall() == [("Ada",)]


@pytest.mark.parametrize(
    ("role", "what"),
    [
        (OPERATOR, "sealed_token FROM senderid_provideraccount"),
        (OPERATOR, "body FROM messaging_message"),
        (OPERATOR, "digest FROM tenants_apikey"),
        (OPERATOR, "digest FROM tenants_invitation"),
        (WEB, "* FROM django_admin_log"),
    ],
)
def test_what_a_process_does_not_need_it_can_not_read(role: str, what: str) -> None:
    """security S3"""
    with logged_in(role) as cursor, pytest.raises(REFUSED):
        cursor.execute(f"SELECT {what}")


@pytest.mark.parametrize("table", ["tenants_auditentry", "tenants_organization", "tenants_user"])
def test_web_deletes_no_history_no_org_and_no_login(table: str) -> None:
    with logged_in(WEB) as cursor, pytest.raises(REFUSED):
        cursor.execute(f"DELETE FROM {table}")


def test_only_those_named_may_ask_across_orgs() -> None:
    across = [kept for kept in MADE.values() if kept.across_orgs]
    assert len(across) >= 6
    with connection.cursor() as cursor:
        for kept in across:
            for role in LOGINS:
                cursor.execute(
                    "SELECT has_function_privilege(%s, %s::regprocedure, 'EXECUTE')",
                    [database_role(role), kept.signature],
                )
                assert cursor.fetchone() == (role in kept.across_orgs,), (role, kept.function)


def test_every_function_that_runs_as_the_owner_has_its_search_path() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, proconfig FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        )
        found = dict(cursor.fetchall())
    assert len(found) > 8
    for name, config in found.items():
        assert any(one.startswith("search_path=pg_catalog, public") for one in config or []), name


def test_every_exception_names_a_table() -> None:
    labels = {model._meta.label for model in privileges.managed_models()}
    assert set(privileges.EXCEPTIONS) <= labels


@pytest.mark.django_db(transaction=True)
def test_a_password_that_no_longer_fits_is_set_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change of SECRET_KEY or of the variable, the next migrate sets it and processes get in."""
    for password in ("another", ""):
        monkeypatch.setitem(settings.DATABASE_PASSWORDS, WEB, password)
        assert "password authentication failed" in login_roles._why_no_login(WEB)
        login_roles.make_before_migrate()
        assert login_roles._why_no_login(WEB) == ""


def test_an_owner_that_may_not_create_roles_is_told_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an owner without CREATEROLE: the SQL for an administrator stands in the error, nothing is made."""
    monkeypatch.setattr(settings, "DATABASE_ROLE_PREFIX", "not_there")
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('role', %s, true)", [f"{connection.settings_dict['NAME']}_web"])
        try:
            with pytest.raises(CommandError) as refused:
                login_roles.make_before_migrate()
        finally:
            cursor.execute("SELECT set_config('role', 'none', true)")
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'not_there%%'")
        assert cursor.fetchone() == (0,)
    for role in LOGINS:
        assert f'CREATE ROLE "not_there_{role}" LOGIN' in str(refused.value)
        assert f'GRANT "not_there_{role}" TO "{owner()}";' in str(refused.value)
