"""Tenant-owned rows: `objects.for_org(org)` is the only way in, `unscoped` the named, allow-listed way out.

Every model with tenant data inherits TenantOwned. Its foreign keys to other tenant-owned rows are
TenantForeignKeys: the database constraint is (org_id, id), made by `tenants.rls` after each migrate, so a row
can't point into another org whatever the code does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, NoReturn, Self, TypeVar
from uuid import UUID

import uuid_utils.compat
from django.conf import settings
from django.db import connection, models, transaction
from django.db.models.functions import Coalesce

from tenants.database import OWNER, WEB, name_of

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


def take_org(org_id: str) -> str:
    """One column of a SELECT that finds a row of an org: from then on the transaction is that org's.

    `org_id` is SQL. A process that logs in as the owner also takes on the role that web logs in as.
    """
    org = f"set_config('app.org_id', {org_id}::text, true)"
    return f"{org} || set_config('role', '{database_role(WEB)}', true)" if _is_owner() else org


def database_role(role: str) -> str:
    """The name in the cluster of a role of this database."""
    return name_of(role, settings.DATABASE_ROLE_PREFIX or connection.settings_dict["NAME"])


def _is_owner() -> bool:
    return settings.DATABASE_ROLE == OWNER


@contextmanager
def as_org(org: Any) -> Iterator[None]:
    """One transaction in which PostgreSQL itself shows web only this org's rows (row-level security)."""
    with transaction_of_an_org() as cursor:
        cursor.execute(f"SELECT {take_org('%s')}", [str(getattr(org, "pk", org))])
        yield


@contextmanager
def transaction_of_an_org() -> Iterator[Any]:
    """One transaction; its cursor, which is to find out the org and take it (`take_org`) for the rest of it."""
    nested = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        before = _role_and_org(cursor) if nested else None
        yield cursor
        # PostgreSQL itself restores it when a savepoint rolls back, else only at the end of the outer transaction.
        if before is not None and not connection.needs_rollback:
            cursor.execute(RESTORE, before)


RESTORE = "SELECT set_config('role', %s, true), set_config('app.org_id', %s, true)"


def _role_and_org(cursor: Any) -> tuple[str, str]:
    cursor.execute("SELECT current_setting('role'), COALESCE(current_setting('app.org_id', true), '')")
    role, org_id = cursor.fetchone()
    return role, org_id


def after_commit_in(org: Any, work: Callable[[], Any]) -> None:
    """Calls `work` after this transaction commits, in a transaction of the org's own."""
    org_id = getattr(org, "pk", org)

    def run() -> None:
        with as_org(org_id):
            work()

    transaction.on_commit(run, robust=True)


def count_of(model: type[TenantOwned], parent: str, **only: Any) -> Coalesce:
    """For `annotate`: how many rows of the model name each row by their foreign key `parent`."""
    named = model.unscoped.filter(**{parent: models.OuterRef("pk"), "org": models.OuterRef("org")}, **only)
    count = named.order_by().values(parent).annotate(count=models.Count("pk")).values("count")
    return Coalesce(models.Subquery(count), 0)
