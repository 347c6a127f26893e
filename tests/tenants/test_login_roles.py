"""security S3 and section 4: what processes log in to PostgreSQL as owns nothing and can't become the owner."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import psycopg2
import psycopg2.errors
import pytest
from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone
from environ import Env

from tenants import login_roles, privileges, rls
from tenants.auth.sessions import FORGET
from tenants.database import ENGINE, LOGINS, OPERATOR, WEB, logged_in_as
from tenants.kept import MADE
from tenants.models import Organization, Session, User
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
        (ENGINE, "password FROM public.tenants_user"),
        (ENGINE, "email FROM public.tenants_user"),
        (ENGINE, "session_key FROM tenants_session"),
        (ENGINE, "expire_date FROM tenants_session"),
        (ENGINE, "data FROM mfa_authenticator"),
        (ENGINE, "email FROM account_emailaddress"),
        (ENGINE, "* FROM account_emailconfirmation"),
        (ENGINE, "* FROM django_admin_log"),
        (ENGINE, "digest FROM tenants_apikey"),
        (ENGINE, "digest FROM tenants_invitation"),
        (ENGINE, "answer FROM messaging_idempotencykey"),
        (ENGINE, "text FROM tenants_auditentry"),
    ],
)
def test_what_a_process_does_not_need_it_can_not_read(role: str, what: str) -> None:
    """security S3"""
    with logged_in(role) as cursor, pytest.raises(REFUSED):
        cursor.execute(f"SELECT {what}")


@pytest.mark.django_db(transaction=True)
def test_the_engine_finds_logins_without_their_passwords() -> None:
    """security section 4: by the name of the table, in whatever statement the ORM makes of it."""
    login = User.objects.create_user("ada@northwind.example", "correct-horse-9")
    with logged_in(ENGINE) as cursor:
        cursor.execute("SELECT id::text, email, password, to_jsonb(u) ->> 'password' FROM tenants_user u")
        assert cursor.fetchall() == [(str(login.pk), login.email, "", "")]
        for write in ("UPDATE tenants_user SET is_superuser = true", "DELETE FROM tenants_user"):
            with pytest.raises(REFUSED):
                cursor.execute(write)


@pytest.mark.django_db(transaction=True)
def test_what_the_engine_sees_of_logins_follows_a_migration_of_their_table() -> None:
    """security section 4: a new column is seen after the next migrate, the password never."""
    columns = [field.column for field in User._meta.concrete_fields]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tenants_user ADD COLUMN nickname varchar(9) DEFAULT 'x'")
        try:
            rls._hide_passwords(cursor)
            with logged_in(ENGINE) as engine:
                engine.execute("SELECT * FROM tenants_user")
                assert {one.name for one in engine.description} == {*columns, "nickname"}
        finally:
            cursor.execute("ALTER TABLE tenants_user DROP COLUMN nickname CASCADE")
            rls._hide_passwords(cursor)


@pytest.mark.django_db(transaction=True)
def test_the_engine_ends_expired_sessions_and_no_others() -> None:
    """security section 4: it may neither read nor delete rows of the table itself."""
    now = timezone.now()
    for key, hours in (("old", -1), ("new", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(hours=hours))
    with logged_in(ENGINE) as cursor:
        with pytest.raises(REFUSED):
            cursor.execute("DELETE FROM tenants_session")
        cursor.execute(f"SELECT * FROM {FORGET.signature}")
        assert cursor.fetchall() == [(1,)]
    assert list(Session.objects.values_list("session_key", flat=True)) == ["new"]


@pytest.mark.django_db(transaction=True)
def test_the_engine_sees_the_rows_of_every_org_that_its_tasks_need() -> None:
    """security section 4: it works for all; what it needs is listed."""
    make_member(make_org("Northwind"), "Ada"), make_member(make_org("Elsewhere"), "Bea")
    with logged_in(ENGINE) as cursor:
        cursor.execute("SELECT name FROM tenants_membership ORDER BY name")
        assert cursor.fetchall() == [("Ada",), ("Bea",)]
        for model in (*tenant_models(), Organization):
            allowed = privileges.ENGINE_MAY.get(model._meta.label, "")
            cursor.execute(
                "SELECT has_table_privilege(%s, 'SELECT'), has_table_privilege(%s, 'DELETE')",
                [model._meta.db_table] * 2,
            )
            readable, deletable = "SELECT" in allowed and "SELECT (" not in allowed, "DELETE" in allowed
            assert cursor.fetchone() == (readable, deletable), model._meta.label


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


@pytest.mark.parametrize("role", LOGINS)
def test_a_process_needs_no_user_and_no_password_of_the_owner(role: str) -> None:
    """security section 4: an address of the database is enough; with the owner's, it is not the owner's login."""
    for url in ("postgres://db:5432/callsign", "postgres://callsign:secret@db:5432/callsign"):
        login = logged_in_as(Env.db_url_config(url), role, prefix="", password="", secret_key="x" * 50)
        assert (login["HOST"], login["NAME"], login["USER"]) == ("db", "callsign", f"callsign_{role}")
        assert len(login["PASSWORD"]) == 64


def test_every_exception_names_a_table() -> None:
    labels = {model._meta.label for model in privileges.managed_models()}
    assert set(privileges.EXCEPTIONS) | set(privileges.ENGINE_MAY) <= labels


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
    assert f'ALTER ROLE "not_there_{ENGINE}" SET search_path = engine, public;' in str(refused.value)
