"""Tenant-owned rows: `objects.for_org(org)` is the only way in, `unscoped` the named, allow-listed way out.

Every model with tenant data inherits TenantOwned. Its foreign keys to other tenant-owned rows are
TenantForeignKeys: the database constraint is (org_id, id), made by `tenants.rls` after each migrate, so a row
can't point into another org whatever the code does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, NoReturn, Self, TypeVar
from uuid import UUID

import uuid_utils.compat
from django.db import connection, models, transaction

M = TypeVar("M", bound=models.Model)


class UnscopedQuery(RuntimeError):
    """Somebody asked for tenant data without saying whose."""


def new_id() -> UUID:
    """A UUIDv7: sorts by time, is the public id."""
    return uuid_utils.compat.uuid7()


class OrgQuerySet(models.QuerySet[M], Generic[M]):
    """A query inside one org; rows made through it belong to that org."""

    _hints: dict[str, Any]

    def within(self, org: Any) -> Self:
        org_id = getattr(org, "pk", org)
        if org_id is None:
            raise UnscopedQuery("for_org needs an organization")
        found = self.filter(org_id=org_id)
        found._hints = {**found._hints, "org_id": org_id}
        return found

    def create(self, **fields: Any) -> M:
        if "org_id" in self._hints:
            fields.setdefault("org_id", self._hints["org_id"])
        return super().create(**fields)


class OrgManager(models.Manager[M]):
    """Refuses every query that does not name its org."""

    def for_org(self, org: Any) -> OrgQuerySet[M]:
        """All rows of one org (an Organization or its id); `create` on it sets the org."""
        return OrgQuerySet(self.model, using=self._db).within(org)

    def get_queryset(self) -> NoReturn:
        raise UnscopedQuery(f"{self.model.__name__}.objects needs for_org(org)")


UnscopedManager = models.Manager.from_queryset(OrgQuerySet)


class TenantForeignKey(models.ForeignKey):
    """A foreign key to a row of the same org; its constraint is (org_id, id) and made in `tenants.rls`."""

    def __init__(self, to: Any, on_delete: Any = models.CASCADE, **options: Any) -> None:
        options.setdefault("db_constraint", False)
        super().__init__(to, on_delete, **options)


class TenantOneToOne(models.OneToOneField):
    """The one-to-one form of TenantForeignKey."""

    def __init__(self, to: Any, on_delete: Any = models.CASCADE, **options: Any) -> None:
        options.setdefault("db_constraint", False)
        super().__init__(to, on_delete, **options)


class OrgOfParent(models.ForeignKey):
    """The org of a row that is written often: a TenantForeignKey that is never null holds the org as well as a key of
    its own would. Spares a look-up and an index entry for each row; lists by org need an index that begins with it."""

    def __init__(
        self, to: Any = "tenants.Organization", on_delete: Any = models.CASCADE, **options: Any
    ) -> None:
        super().__init__(
            to, on_delete, **{"related_name": "+", "db_index": False, "db_constraint": False, **options}
        )


class TenantOwned(models.Model):
    """A row that belongs to one org, named by a UUIDv7."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    org = models.ForeignKey("tenants.Organization", models.CASCADE, related_name="+")
    objects = OrgManager()
    unscoped = UnscopedManager()

    class Meta:
        abstract = True
        base_manager_name = "unscoped"
        default_manager_name = "unscoped"


# In a SELECT that finds a row of an org as the owner: from then on the transaction is that org's.
TAKE_ROLE = "set_config('role', 'callsign_app', true), set_config('app.org_id', {}::text, true)"


@contextmanager
def as_org(org: Any) -> Iterator[None]:
    """One transaction in which PostgreSQL itself shows only this org's rows (row-level security)."""
    with as_owner() as cursor:
        _take_role(cursor, "callsign_app", str(getattr(org, "pk", org)))
        yield


@contextmanager
def as_owner() -> Iterator[Any]:
    """One transaction; its cursor, which may take an org's role (TAKE_ROLE) for the rest of it."""
    nested = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        before = _role_and_org(cursor) if nested else None
        yield cursor
        # PostgreSQL itself restores it when a savepoint rolls back, else only at the end of the outer transaction.
        if before is not None and not connection.needs_rollback:
            _take_role(cursor, *before)


def _role_and_org(cursor: Any) -> tuple[str, str]:
    cursor.execute("SELECT current_setting('role'), COALESCE(current_setting('app.org_id', true), '')")
    role, org_id = cursor.fetchone()
    return role, org_id


def _take_role(cursor: Any, role: str, org_id: str) -> None:
    cursor.execute("SELECT set_config('role', %s, true), set_config('app.org_id', %s, true)", [role, org_id])
