"""Makes the roles that processes log in as (`tenants.database`), before the first migration of each run.

An owner that may not create roles is told what an administrator has to run; nothing has been migrated then.
"""

import logging
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import OperationalError, ProgrammingError, connection, connections, transaction

from tenants.database import ENGINE, LOGINS, derived_password, logged_in_as
from tenants.scoping import database_role

log = logging.getLogger(__name__)
IS_SAFE = """
SELECT rolcanlogin AND NOT (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)
  AND NOT pg_has_role(oid, current_user, 'MEMBER'),
  pg_has_role(current_user, oid, 'MEMBER'), COALESCE(rolconfig, '{}') FROM pg_roles WHERE rolname = %s
"""
# Where the engine finds logins without their password hashes (`rls._hide_passwords`); a pool's connections have it, too.
SEARCH_PATH = f"{ENGINE}, public"
REFUSED = """
{why}

Callsign's processes log in to PostgreSQL as roles that own nothing. Let an administrator of the database run

{sql}

and migrate again. Passwords are derived from SECRET_KEY unless WEB_DATABASE_PASSWORD, OPERATOR_DATABASE_PASSWORD and
ENGINE_DATABASE_PASSWORD are set. Nothing has been migrated. See “Login roles” in docs/operations.md."""


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
            if _lacks_search_path(role, found):
                cursor.execute(_search_path(name))
    except ProgrammingError as error:  # it may not create roles, or not change this one
        raise CommandError(REFUSED.format(why=str(error).strip(), sql=_missing_sql()))
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


def _lacks_search_path(role: str, found: Any) -> bool:
    return role == ENGINE and (found is None or f"search_path={SEARCH_PATH}" not in found[2])


def _search_path(name: str) -> str:
    return f'ALTER ROLE "{name}" SET search_path = {SEARCH_PATH}'


def _missing_sql() -> str:
    """What an administrator has to run for this owner."""
    owner = connection.settings_dict["USER"]
    lines = []
    for role in LOGINS:
        name = database_role(role)
        found = _attributes(name)
        if found is None:
            lines.append(_create(name, f"'{password_of(role)}'"))
        elif _why_no_login(role):
            lines.append(f"ALTER ROLE \"{name}\" LOGIN PASSWORD '{password_of(role)}'")
        if found is None or not found[1]:
            lines.append(f'GRANT "{name}" TO "{owner}"')
        if _lacks_search_path(role, found):
            lines.append(_search_path(name))
    return "\n".join(f"    {line};" for line in lines)
