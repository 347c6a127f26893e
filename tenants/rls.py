"""The wall beneath the code: row-level security, privileges, and (org_id, id) foreign keys, kept true after each migrate.

A new tenant table can't be forgotten: whatever inherits TenantOwned gets its policies here. They bind the roles that
processes log in as (`tenants.database`): web sees the rows of the org that its transaction took (`scoping.as_org`), the
operator and the engine all rows of the tables of their pages and tasks. The owner (commands) is not bound.
"""

from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

from tenants import privileges
from tenants.database import ENGINE, LOGINS, OPERATOR, WEB
from tenants.kept import MADE
from tenants.models import Organization, User
from tenants.scoping import TenantForeignKey, TenantOneToOne, TenantOwned, database_role

MINE = "nullif(current_setting('app.org_id', true), '')::uuid"
BEFORE = "callsign_app"  # what processes of earlier versions take on; they may still run while we migrate


def tenant_models() -> list[type[models.Model]]:
    """Every concrete model that inherits TenantOwned."""
    return [model for model in apps.get_models() if issubclass(model, TenantOwned)]


def protect_after_migrate(app_config: Any, using: str = "default", **_: Any) -> None:
    """Receiver of post_migrate; works once, after the last app."""
    if app_config.name != list(apps.get_app_configs())[-1].name or using != "default":
        return
    tables = set(connection.introspection.table_names())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('callsign privileges'))")
        _open_schema(cursor)
        existing = _constraint_names(cursor)
        for model in privileges.managed_models():
            if model._meta.db_table in tables:
                _protect(cursor, model, existing)
        if User._meta.db_table in tables:
            _hide_passwords(cursor)


def _names() -> dict[str, str]:
    return {role: f'"{database_role(role)}"' for role in LOGINS}


def _open_schema(cursor: Any) -> None:
    """The schema, the history of migrations (for checks), and the functions that look across orgs."""
    names = _names()
    everyone = ", ".join(names.values())
    cursor.execute(f"GRANT USAGE ON SCHEMA public TO {everyone}")
    cursor.execute(f"REVOKE ALL ON django_migrations FROM {everyone}")
    cursor.execute(f"GRANT SELECT ON django_migrations TO {everyone}")
    for kept in MADE.values():
        if kept.across_orgs:
            cursor.execute(f"REVOKE ALL ON FUNCTION {kept.signature} FROM PUBLIC, {everyone}")
            for role in kept.across_orgs:
                cursor.execute(f"GRANT EXECUTE ON FUNCTION {kept.signature} TO {names[role]}")


def _constraint_names(cursor: Any) -> set[str]:
    cursor.execute("SELECT conname FROM pg_constraint")
    return {name for (name,) in cursor.fetchall()}


def _protect(cursor: Any, model: type[models.Model], existing: set[str]) -> None:
    table = model._meta.db_table
    cursor.execute(";".join(privileges.statements(table, privileges.of(model), _names())))
    if model is Organization:
        _limit(cursor, model, "id")
    elif issubclass(model, TenantOwned):
        _limit(cursor, model, "org_id")
        for field in model._meta.local_fields:
            if isinstance(field, TenantForeignKey | TenantOneToOne):
                _bind(cursor, table, field, existing)


def _limit(cursor: Any, model: type[models.Model], column: str) -> None:
    """Web sees what `column` says is its org's; the operator and the engine all, where they may look at all."""
    table = model._meta.db_table
    cursor.execute("SELECT relrowsecurity FROM pg_class WHERE oid = %s::regclass", [f'"{table}"'])
    if not cursor.fetchone()[0]:
        cursor.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    names = _names()
    _allow(cursor, table, "org", f"{names[WEB]}{_before(cursor)}", f"{column} = {MINE}")
    for role, policy in ((OPERATOR, "all"), (ENGINE, "engine")):
        if role in privileges.of(model):
            _allow(cursor, table, policy, names[role], "true")


def _hide_passwords(cursor: Any) -> None:
    """What the engine finds as the table of logins (`login_roles.SEARCH_PATH`): a view of it without password hashes.

    Made anew when the table's columns changed. A migration that changes a column's type drops the view first.
    """
    table, view, role = User._meta.db_table, f'{ENGINE}."{User._meta.db_table}"', _names()[ENGINE]
    cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {ENGINE}")
    if (columns := _columns(cursor, f'public."{table}"')) != _columns(cursor, view):
        shown = ", ".join(f"''::{kind} AS {name}" if name == "password" else name for name, kind in columns)
        cursor.execute(f"DROP VIEW IF EXISTS {view}")
        cursor.execute(f'CREATE VIEW {view} AS SELECT {shown} FROM public."{table}"')  # noqa: S608 - our own names
    cursor.execute(f"GRANT USAGE ON SCHEMA {ENGINE} TO {role}; GRANT SELECT ON {view} TO {role}")


def _columns(cursor: Any, relation: str) -> list[tuple[str, str]]:
    cursor.execute(
        "SELECT quote_ident(attname), format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [relation],
    )
    return list(cursor.fetchall())


def _before(cursor: Any) -> str:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [BEFORE])
    return f", {BEFORE}" if cursor.fetchone() else ""


def _allow(cursor: Any, table: str, name: str, roles: str, condition: str) -> None:
    policy = f"{table}_{name}"
    cursor.execute(
        "SELECT roles::text[] FROM pg_policies WHERE tablename = %s AND policyname = %s", [table, policy]
    )
    found = cursor.fetchone()
    if found is None:
        rule = f"USING ({condition}) WITH CHECK ({condition})"
        cursor.execute(f'CREATE POLICY "{policy}" ON "{table}" TO {roles} {rule}')
    elif set(found[0]) != set(roles.replace('"', "").split(", ")):
        cursor.execute(f'ALTER POLICY "{policy}" ON "{table}" TO {roles}')


def _bind(cursor: Any, table: str, field: Any, existing: set[str]) -> None:
    """FOREIGN KEY (org_id, x_id) REFERENCES target (org_id, id), checked at commit."""
    name = f"{table}_{field.column}_org"[:63]
    target = field.remote_field.model._meta
    if name in existing:
        return
    key = f"{target.db_table}_org_key"
    if key not in existing:
        cursor.execute(f'ALTER TABLE "{target.db_table}" ADD CONSTRAINT "{key}" UNIQUE (org_id, id)')
        existing.add(key)
    cursor.execute(
        f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" FOREIGN KEY (org_id, "{field.column}") '
        f'REFERENCES "{target.db_table}" (org_id, id) DEFERRABLE INITIALLY DEFERRED'
    )
