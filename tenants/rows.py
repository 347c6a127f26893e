"""Rows by plain SQL, for the few doors where building the query costs more than asking it.

A SELECT names `columns(Model, alias)`; `build` makes the row of what came; `insert` writes one. Whoever uses it names
the org in the statement itself, as row-level security does beneath.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models.base import ModelState

M = TypeVar("M", bound=models.Model)


@lru_cache(maxsize=200)
def columns(model: type[models.Model], alias: str) -> str:
    """Every column of the model, in the order in which `build` takes them."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


def width(model: type[models.Model]) -> int:
    """How many values `build` takes."""
    return len(model._meta.concrete_fields)


def build(model: type[M], values: Sequence[Any]) -> M:
    """The row of these values, as if the ORM had loaded it; only pre_init and post_init are not sent.

    A fifth of the time of `Model.from_db`, which sets each attribute by its descriptor.
    """
    names, places = _shape(model)
    if places:
        values = list(values)
        for place in places:
            if isinstance(values[place], str):
                values[place] = json.loads(values[place])
    row = model.__new__(model)
    row.__dict__.update(zip(names, values, strict=True))
    row._state = ModelState()
    row._state.adding, row._state.db = False, "default"
    return row


@lru_cache(maxsize=200)
def _shape(model: type[models.Model]) -> tuple[list[str], list[int]]:
    fields = model._meta.concrete_fields
    places = [place for place, field in enumerate(fields) if isinstance(field, models.JSONField)]
    return [field.attname for field in fields], places


def insert(row: models.Model, *, conflict: str = "") -> bool:
    """Writes a new row, defaults and `auto_now` as the ORM sets them; `conflict` is an ON CONFLICT clause.

    Whether it was written.
    """
    values = _values(row)
    with connection.cursor() as cursor:
        cursor.execute(_insert(type(row)) + conflict, values)
        row._state.adding, row._state.db = False, "default"
        return bool(cursor.rowcount)


def upsert(row: M, *, key: Sequence[str], changes: str) -> M:
    """Writes the row, or makes `changes` (SQL; `known` is the row there is) to the one with the same `key`.

    The row as it stands then; what was joined to the given one is joined to it too.
    """
    model = type(row)
    table = f'INTO "{model._meta.db_table}"'
    with connection.cursor() as cursor:
        cursor.execute(
            _insert(model).replace(table, f"{table} AS known", 1)
            + f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes} RETURNING {columns(model, 'known')}",
            _values(row),
        )
        found = build(model, cursor.fetchone())
    for name, value in row._state.fields_cache.items():
        attname = model._meta.get_field(name).attname  # type: ignore[union-attr]
        if getattr(found, attname) == getattr(row, attname):
            found._state.fields_cache[name] = value
    return found


@lru_cache(maxsize=200)
def _insert(model: type[models.Model]) -> str:
    fields = model._meta.concrete_fields
    names = ", ".join(f'"{field.column}"' for field in fields)
    return f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({", ".join(["%s"] * len(fields))}) '  # noqa: S608 - only our own names are put in


def _values(row: models.Model) -> list[Any]:
    """As they are stored: `auto_now` set, JSON as text."""
    for field in _dated(type(row)):
        field.pre_save(row, True)
    names, places = _shape(type(row))
    values = [row.__dict__[name] for name in names]
    for place in places:
        values[place] = json.dumps(values[place])
    return values


@lru_cache(maxsize=200)
def _dated(model: type[models.Model]) -> list[models.DateTimeField]:
    fields = [field for field in model._meta.concrete_fields if isinstance(field, models.DateTimeField)]
    return [field for field in fields if field.auto_now or field.auto_now_add]
