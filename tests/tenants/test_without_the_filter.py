"""security S2: the ORM's filter by org taken away, PostgreSQL still shows nobody another org's rows."""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.urls import NoReverseMatch, reverse

from tenants import scoping
from tenants.scoping import OrgManager, OrgQuerySet
from tests import as_web
from tests.api_rows import operations, rows_of
from tests.calling import Api
from tests.guards.test_console_pages import CONSOLE
from tests.office import Office
from tests.visiting import visit

pytestmark = pytest.mark.django_db
LISTS = [o.path for o in operations() if o.method == "GET" and "{" not in o.path]


class Unfiltered(OrgQuerySet[Any]):
    """What a developer who forgets the filter would ask for."""

    def within(self, org: Any) -> Any:
        self._hints = {**self._hints, "org_id": getattr(org, "pk", org)}
        return self


@pytest.fixture
def ours() -> Office:
    return Office("Northwind")


@pytest.fixture
def theirs() -> Office:
    return Office("Elsewhere")


@pytest.fixture
def marks(ours: Office, theirs: Office) -> list[str]:
    """What tells their rows from ours: every id, and the domain of their addresses."""
    rows_of(ours)
    found = rows_of(theirs)
    ids = {name: value for name, value in found.items() if len(value) == 36}
    return [*ids.values(), "elsewhere.example"]


@pytest.fixture
def mutated(marks: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def for_org(self: Any, org: Any) -> Any:
        return Unfiltered(self.model, using=self._db).within(org)

    monkeypatch.setattr(OrgManager, "for_org", for_org)


def pages() -> list[str]:
    """Every page of the console that needs no id."""
    found = []
    for address in CONSOLE:
        try:
            found.append(reverse(address.name))
        except NoReverseMatch:
            continue
    return found


def lists_with(marks: list[str], ours: Office) -> tuple[set[str], int]:
    """Which lists show something of theirs, and how many were read."""
    api, person = Api(ours.org), visit(ours["Olga"])
    answers = [(path, api.ask("GET", path)) for path in LISTS] + [
        (path, person.get(path)) for path in pages()
    ]
    read = [(path, answer) for path, answer in answers if answer.status_code == 200]
    return {path for path, answer in read if shows(answer, marks)}, len(read)


def shows(answer: HttpResponse, marks: list[str]) -> bool:
    body = b"".join(answer) if answer.streaming else answer.content
    text = body.decode()
    return any(mark in text or json.dumps(mark) in text for mark in marks)


def test_without_the_filter_no_list_shows_a_row_of_another_org(
    ours: Office, marks: list[str], mutated: None
) -> None:
    """security S2"""
    leaking, read = lists_with(marks, ours)
    assert leaking == set()
    assert read >= len(LISTS) + 20


def test_the_mutation_shows_their_rows_where_postgresql_does_not_stand_in_the_way(
    ours: Office, marks: list[str], mutated: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above is only worth something if this one sees them."""
    monkeypatch.setattr(as_web, "take", lambda *_: None)
    monkeypatch.setattr(scoping, "_is_owner", lambda: False)
    leaking, _ = lists_with(marks, ours)
    assert len(leaking & set(LISTS)) > 10
    assert len(leaking & set(pages())) > 5
