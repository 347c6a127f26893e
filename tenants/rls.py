"""The net beneath the code: row-level security and (org_id, id) foreign keys, kept true after each migrate.

A new tenant table can't be forgotten: whatever inherits TenantOwned gets its policy here. The policy binds the
role `callsign_app`, which requests take on with `scoping.as_org`; the owner (fan-out, dispatch, sweeps) names
org_id itself.
"""

from typing import Any

from django.apps import apps
from django.db import connection, models

from tenants.scoping import TenantForeignKey, TenantOneToOne, TenantOwned

ROLE = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'callsign_app') THEN CREATE ROLE callsign_app NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
GRANT callsign_app TO CURRENT_USER;
GRANT USAGE ON SCHEMA public TO callsign_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO callsign_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO callsign_app;
"""
MINE = "nullif(current_setting('app.org_id', true), '')::uuid"


def tenant_models() -> list[type[models.Model]]:
    """Every concrete model that inherits TenantOwned."""
    return [model for model in apps.get_models() if issubclass(model, TenantOwned)]


def protect_after_migrate(app_config: Any, using: str = "default", **_: Any) -> None:
    """Receiver of post_migrate; works once, after the last app."""
    if app_config.name != list(apps.get_app_configs())[-1].name or using != "default":
        return
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        cursor.execute(ROLE)
        existing = _constraint_names(cursor)
        for model in tenant_models():
            if model._meta.db_table in tables:
                _protect(cursor, model, existing)


def _constraint_names(cursor: Any) -> set[str]:
    cursor.execute("SELECT conname FROM pg_constraint UNION SELECT policyname FROM pg_policies")
    return {name for (name,) in cursor.fetchall()}


def _protect(cursor: Any, model: type[models.Model], existing: set[str]) -> None:
    table = model._meta.db_table
    if f"{table}_org" not in existing:
        cursor.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        cursor.execute(
            f'CREATE POLICY "{table}_org" ON "{table}" TO callsign_app USING (org_id = {MINE}) WITH CHECK (org_id = {MINE})'
        )
    for field in model._meta.local_fields:
        if isinstance(field, TenantForeignKey | TenantOneToOne):
            _bind(cursor, table, field, existing)


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
