"""Rows by plain SQL, for the few doors where building the query costs more than asking it.

A SELECT names `columns(Model, alias)`; `build` makes the row of what came; an `Insert` writes one. Whoever uses it
names the org in the statement itself, as row-level security does beneath. Plans are kept (`tenants.kept`).
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, models
from django.db.models.base import ModelState

from tenants.kept import Kept, typed

M = TypeVar("M", bound=models.Model)
_encode = json.JSONEncoder(default=str, ensure_ascii=False).encode


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


def from_json(model: type[M], values: list[Any]) -> M:
    """The row of values that came as JSON: ids and times are text there."""
    for place, read in _texts(model):
        if values[place] is not None:
            values[place] = read(values[place])
    return build(model, values)


@lru_cache(maxsize=200)
def _texts(model: type[models.Model]) -> list[tuple[int, Callable[[str], Any]]]:
    reads: dict[str, Callable[[str], Any]] = {"uuid": UUID, "timestamptz": datetime.fromisoformat}
    kinds = [kind.replace("timestamp with time zone", "timestamptz") for kind in typed(model).values()]
    return [(place, reads[kind]) for place, kind in enumerate(kinds) if kind in reads]


def new(model: type[M], **given: Any) -> M:
    """A new row, as `model(**given)` makes it; what is given by the name of a foreign key is joined to it."""
    defaults, made, joins = _defaults(model)
    values = dict(defaults)
    values.update((name, make()) for name, make in made)
    row = model.__new__(model)
    row._state = ModelState()
    for name, value in given.items():
        attname = joins.get(name)
        if attname is None:
            values[name] = value
        else:
            values[attname] = value.pk if value is not None else None
            row._state.fields_cache[name] = value
    row.__dict__.update(values)
    return row


@lru_cache(maxsize=200)
def _defaults(model: type[models.Model]) -> tuple[dict[str, Any], list[tuple[str, Any]], dict[str, str]]:
    """The values that are always the same, how the others are made, and the attribute of each foreign key."""
    same: dict[str, Any] = {}
    made: list[tuple[str, Any]] = []
    for field in model._meta.concrete_fields:
        if callable(field.default):
            made.append((field.attname, field.get_default))
        else:
            same[field.attname] = field.get_default()
    joins = {field.name: field.attname for field in model._meta.concrete_fields if field.is_relation}
    return same, made, joins


@lru_cache(maxsize=200)
def _shape(model: type[models.Model]) -> tuple[list[str], list[int]]:
    fields = model._meta.concrete_fields
    places = [place for place, field in enumerate(fields) if isinstance(field, models.JSONField)]
    return [field.attname for field in fields], places


class Insert:
    """Writes new rows of a model by a kept statement; `conflict` is an ON CONFLICT clause."""

    def __init__(self, model: type[models.Model], *, conflict: str = "") -> None:
        sql = f"INSERT INTO {table(model)} SELECT {columns(model, 'r')} FROM {given(model, 'row')} r {conflict} RETURNING known.id"  # noqa: S608, E501 - only our own names are put in
        self._kept = Kept(
            f"insert_{model._meta.model_name}", sql, takes={"row": "json"}, gives={"id": "uuid"}
        )

    def __call__(self, row: models.Model) -> bool:
        """Whether it was written; defaults and `auto_now` as the ORM sets them."""
        with connection.cursor() as cursor:
            is_written = self._kept.ask(cursor, {"row": as_json(row)}).fetchone() is not None
        row._state.adding, row._state.db = False, "default"
        return is_written


def table(model: type[models.Model]) -> str:
    """What stands after INSERT INTO: the table and every column."""
    names = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
    return f'"{model._meta.db_table}" AS known ({names})'


def given(model: type[models.Model], parameter: str) -> str:
    """In the FROM of a kept statement: the row that `as_json` made, as one of the model's table.

    One value instead of dozens: adapting each for PostgreSQL took half the time of asking for the write.
    """
    return f'json_populate_record(NULL::"{model._meta.db_table}", %({parameter})s)'


def joined(found: M, like: M) -> M:
    """The row, with what was joined to another one where it is the same."""
    for name, value in like._state.fields_cache.items():
        attname = type(like)._meta.get_field(name).attname  # type: ignore[union-attr]
        if getattr(found, attname) == getattr(like, attname):
            found._state.fields_cache[name] = value
    return found


def as_json(row: models.Model) -> str:
    """Every column as it is stored, `auto_now` set."""
    model = type(row)
    for field in _dated(model):
        field.pre_save(row, True)
    values = row.__dict__
    return _encode({column: values[name] for name, column in _columns(model)})


@lru_cache(maxsize=200)
def _columns(model: type[models.Model]) -> list[tuple[str, str]]:
    return [(field.attname, str(field.column)) for field in model._meta.concrete_fields]


@lru_cache(maxsize=200)
def _dated(model: type[models.Model]) -> list[models.DateTimeField]:
    fields = [field for field in model._meta.concrete_fields if isinstance(field, models.DateTimeField)]
    return [field for field in fields if field.auto_now or field.auto_now_add]
