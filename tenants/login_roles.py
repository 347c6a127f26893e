"""Makes the roles that processes log in as (`tenants.database`), before the first migration of each run.

An owner that may not create roles is told what an administrator has to run; nothing has been migrated then.
"""

import logging
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import OperationalError, ProgrammingError, connection, connections, transaction

from tenants.database import LOGINS, derived_password, logged_in_as
from tenants.scoping import database_role

log = logging.getLogger(__name__)
IS_SAFE = """
SELECT rolcanlogin AND NOT (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)
  AND NOT pg_has_role(oid, current_user, 'MEMBER'),
  pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = %s
"""
REFUSED = """
{why}

Callsign's web processes log in to PostgreSQL as roles that own nothing. Let an administrator of the database run

{sql}

and migrate again. Passwords are derived from SECRET_KEY unless WEB_DATABASE_PASSWORD and OPERATOR_DATABASE_PASSWORD
are set. Nothing has been migrated. See “Login roles” in docs/operations.md."""


def make_before_migrate(using: str = "default", **_: Any) -> None:
    """Receiver of pre_migrate of this app: all apps are asked before any is migrated."""
    if using == "default":
        for role in LOGINS:
            _make(role)


def password_of(role: str) -> str:
    return settings.DATABASE_PASSWORDS[role] or derived_password(database_role(role), settings.SECRET_KEY)


def _make(role: str) -> None:
    name, password = database_role(role), password_of(role)
    found = _attributes(name)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if found is None:
                cursor.execute(_create(name, "%s"), [password])
            elif why := _why_no_login(role):
                cursor.execute(f'ALTER ROLE "{name}" LOGIN PASSWORD %s', [password])
                log.warning("the password of %s was set anew: %s", name, why)
            if found is None or not found[1]:
                cursor.execute(_grant(name))
    except ProgrammingError as error:  # it may not create roles, or not change this one
        raise CommandError(REFUSED.format(why=str(error).strip(), sql=_all_sql()))
    _demand_harmless(name)


def _why_no_login(role: str) -> str:
    """What PostgreSQL says to a process that logs in as the role; nothing when it may."""
    login = logged_in_as(
        connection.settings_dict,
        role,
        prefix=settings.DATABASE_ROLE_PREFIX,
        password=settings.DATABASE_PASSWORDS[role],
        secret_key=settings.SECRET_KEY,
    )
    other = type(connections["default"])(login, "default")
    try:
        other.ensure_connection()
    except OperationalError as error:
        return str(error).strip()
    finally:
        other.close()
    return ""


def _demand_harmless(name: str) -> None:
    found = _attributes(name)
    if found is None or not found[0]:
        raise CommandError(f"The role {name} may more than a login role should; see docs/operations.md.")


def _attributes(name: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(IS_SAFE, [name])
        return cursor.fetchone()


def _create(name: str, password: str) -> str:
    return f'CREATE ROLE "{name}" LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {password}'


def _grant(name: str) -> str:
    """So that the owner's commands can look through web's eyes; the roles themselves gain nothing by it."""
    return f'GRANT "{name}" TO CURRENT_USER'


def _all_sql() -> str:
    owner = connection.settings_dict["USER"]
    lines = []
    for role in LOGINS:
        name = database_role(role)
        lines += [_create(name, f"'{password_of(role)}'") + ";", f'GRANT "{name}" TO "{owner}";']
    return "\n".join(f"    {line}" for line in lines)
