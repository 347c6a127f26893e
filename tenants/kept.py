"""Statements whose plans PostgreSQL keeps: each is a function of the database, made after each migrate.

A busy door's statement takes longer to parse and plan than to run, most of all under row-level security. The plans of
a function's statements live as long as the connection, and unlike PREPARE they need no session of one's own (PgBouncer).
The SQL stays where it is asked; a function's name carries its hash, so old and new processes each find their own.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, models

MADE: dict[str, "Kept"] = {}
# A plan may be made while a table is still empty and outlive that: these statements look things up by their keys.
SETTINGS = "SET enable_seqscan = off SET plan_cache_mode = force_generic_plan"


# Of the statements that look across orgs: they run as the owner, and find no table or operator of anybody else's.
DEFINER = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"


class Kept:
    """`sql` with parameters as in `%(org)s`; `takes` and `gives` are {name: PostgreSQL type}, in order.

    It runs as whoever asks, so row-level security binds it like any other statement. Only a look-up that finds the org
    runs as the owner (`across_orgs`): it answers one exact question, and only the login roles named may ask it.
    Its module stands in `settings.KEPT_STATEMENTS`, or it would not be made.
    """

    def __init__(
        self,
        name: str,
        sql: str,
        *,
        takes: Mapping[str, str],
        gives: Mapping[str, str],
        across_orgs: Sequence[str] = (),
    ) -> None:
        self.takes, self.gives, self.across_orgs = dict(takes), dict(gives), tuple(across_orgs)
        self.body = sql % {parameter: f"p_{parameter}" for parameter in takes}
        parts = (self.body, self.takes, self.gives, *([DEFINER] if across_orgs else []))
        digest = hashlib.sha256(repr(parts).encode()).hexdigest()
        self.function = f"kept_{name}_{digest[:8]}"
        MADE[self.function] = self

    @cached_property
    def call(self) -> str:
        """Asks for everything it gives; may stand in a longer statement's FROM."""
        return f"{self.function}({', '.join(f'%({parameter})s' for parameter in self.takes)})"

    def ask(self, cursor: Any, given: Mapping[str, Any]) -> Any:
        """The cursor, to fetch what it gives."""
        cursor.execute(f"SELECT * FROM {self.call}", given)  # noqa: S608 - our own names
        return cursor

    @property
    def signature(self) -> str:
        return f"{self.function}({', '.join(self.takes.values())})"

    @property
    def definition(self) -> str:
        takes = ", ".join(f"p_{name} {kind}" for name, kind in self.takes.items())
        gives = ", ".join(f'"{name}" {kind}' for name, kind in self.gives.items())
        return (
            f"CREATE OR REPLACE FUNCTION {self.function}({takes}) RETURNS TABLE ({gives})\n"
            f"LANGUAGE plpgsql {SETTINGS} {DEFINER if self.across_orgs else ''} AS $kept$\n"
            f"#variable_conflict use_column\nBEGIN RETURN QUERY {self.body}; END $kept$"
        )


def typed(model: type[models.Model], prefix: str = "") -> dict[str, str]:
    """{column: PostgreSQL type} of every column, in the order of `rows.columns`."""
    return {
        f"{prefix}{field.column}": str(field.db_type(connection)).split("(")[0] + _array(field)
        for field in model._meta.concrete_fields
    }


def _array(field: models.Field) -> str:
    return "[]" if str(field.db_type(connection)).endswith("[]") else ""


def make_after_migrate(app_config: Any, using: str = "default", **_: Any) -> None:
    """Receiver of post_migrate; works once, after the last app. Functions of earlier versions stay for processes that
    still run."""
    if app_config.name != list(apps.get_app_configs())[-1].name or using != "default":
        return
    for module in settings.KEPT_STATEMENTS:
        import_module(module)
    with connection.cursor() as cursor:
        for kept in MADE.values():
            cursor.execute(kept.definition)
