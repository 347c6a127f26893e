"""1,000 rows of each kind: no page fails, and none asks more of the database than it does with 10 of each."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.db import connection
from django.urls import resolve

from messaging.api.contacts import ContactListViewSet
from tenants.rest.filters import ChoiceFilter, FlagFilter, IdFilter
from tests.walk.asking import Walk
from tests.walk.drawn import Offered, read
from tests.walk.hostile import SEED, some
from tests.walk.many import MOST_COUNTRIES, Many, owned
from tests.walk.places import Place, places
from tests.walk.scene import Scene, Visitor

pytestmark = pytest.mark.django_db
FEW, LOTS = 10, 1000
SLACK = 6  # statements
PLACES, FILTERS = (
    25,
    20,
)  # addresses and filters of each visitor by the seed, of an owner twice that; all with `WALK=full`
PAGING = {"page", "after", "before", "most", "cursor", "page_size"}
PER_NAME = 6  # choices of one filter that are tried
SLOW = 2.0  # seconds, printed


@dataclass
class Asked:
    statements: int
    seconds: float
    next: list[str]
    filters: list[str]
    is_shown: bool = True


class Count:
    """Django's own log of queries keeps only the last 9,000."""

    statements = 0

    def __call__(self, execute: Callable[..., Any], *rest: Any) -> Any:
        self.statements += 1
        return execute(*rest)


class Reader:
    """Opens each list, filter and page as one visitor; `few` is what it took before."""

    def __init__(self, walk: Walk, visitor: Visitor, rows: dict[str, str]) -> None:
        self.walk, self.visitor, self.rows = walk, visitor, rows
        self.few: dict[str, Asked] = {}
        self.worse: dict[str, str] = {}

    def read_all(self, chosen: list[Place]) -> dict[str, Asked]:
        """What each address, and the filters its page offers, took."""
        paths = [place.path(arguments) for place in chosen for arguments in place.arguments(self.rows)]
        found = {path: self.ask(path) for path in paths}
        others = {other for asked in found.values() for other in asked.filters} - found.keys()
        return found | {other: self.ask(other) for other in some(sorted(others), FILTERS, self.visitor.role)}

    def read_again(self) -> dict[str, Asked]:
        return {path: self.ask(path) for path, asked in self.few.items() if asked.is_shown}

    def ask(self, path: str) -> Asked:
        start = monotonic()
        counted = Count()
        with connection.execute_wrapper(counted):
            response = self.walk.ask(self.visitor, "GET", path, place=urlsplit(path).path)
        seconds = monotonic() - start
        if response.status_code != 200:
            return Asked(counted.statements, seconds, [], [], is_shown=False)
        if response["Content-Type"].startswith("text/html"):
            offered = read(response.content.decode(), path)
            return Asked(counted.statements, seconds, pages_of(offered, path), filters_of(offered, path))
        filters = list(api_filters(path, self.rows)) if "?" not in path else []
        return Asked(counted.statements, seconds, next_of(response, path), filters)

    def compare(self, many: dict[str, Asked]) -> None:
        """Each page, and the second page of each list, against what the first took with few rows."""
        for path, asked in many.items():
            self._note(path, asked, self.few.get(path))
            for other in asked.next[:2]:
                self._note(other, self.ask(other), asked)

    def _note(self, path: str, asked: Asked, before: Asked | None) -> None:
        if asked.seconds > SLOW:
            print(f"slow: {asked.seconds:.1f} s, {self.visitor.role}: {path}")
        if before is not None and asked.statements > before.statements + SLACK:
            said = (
                f"{asked.statements} statements, {before.statements} before: {self.visitor.role}: GET {path}"
            )
            self.worse.setdefault(urlsplit(path).path, said)


def api_filters(path: str, rows: dict[str, str]) -> Iterator[str]:
    """A list of the API by each of its filters."""
    view = resolve(path).func
    if getattr(view, "actions", {}).get("get") != "list":
        return
    for name, one in {**view.cls.parameters, **view.cls.filters}.items():
        for value in values_of(name, one, rows):
            yield f"{path}?{urlencode({name: value, 'page_size': 100})}"


def values_of(name: str, one: Any, rows: dict[str, str]) -> list[str]:
    if isinstance(one, ChoiceFilter):
        return list(one.choices)
    if isinstance(one, FlagFilter):
        return ["true", "false"]
    kind = {"as_member": "member", "assignee": "member", "owner": "member"}.get(
        name, name.removesuffix("_id")
    )
    return [rows.get(kind, rows["member"] if isinstance(one, IdFilter) else "vip")]


def next_of(response: Any, path: str) -> list[str]:
    cursor = response.json().get("next") if response["Content-Type"].startswith("application/json") else None
    parts = urlsplit(path)
    return [f"{parts.path}?{urlencode([*parse_qsl(parts.query), ('cursor', cursor)])}"] if cursor else []


def pages_of(offered: Offered, path: str) -> list[str]:
    """Links to other pages of what is shown here."""
    return sorted(to for to in offered.gets if PAGING & dict(parse_qsl(urlsplit(to).query)).keys())


def filters_of(offered: Offered, path: str) -> list[str]:
    """Each choice of each filter of this page, and its other lists."""
    here, found = urlsplit(path).path, defaultdict(list)
    for form in offered.forms:
        if form.method == "get":
            target = urlsplit(form.action).path
            typed = [(name, "1") for name, value in form.fields if name in ("q", "number", "to")]
            for name, value in [*typed, *form.options]:
                found[target, name].append(f"{target}?{urlencode({name: value})}")
    for link in sorted(offered.gets):
        parts = urlsplit(link)
        names = dict(parse_qsl(parts.query)).keys()
        if parts.path == here and names and not PAGING & names:
            found[parts.path, tuple(names)].append(link)
    return [one for choices in found.values() for one in dict.fromkeys(choices[:PER_NAME])]


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> None:
    settings.API_RATE_LIMIT = (10_000_000, 10)


def readers(scene: Scene, walk: Walk) -> list[tuple[Reader, list[Place]]]:
    people, key = scene.visitors(), scene.keys()["live key"]
    console = [place for place in places() if place.is_console]
    api = [place for place in places() if place.is_api and "openapi" not in place.route]
    chosen = [(people[role], some(console, PLACES, role)) for role in ("rep", "viewer")]
    every = [
        (people["owner"], some(console, PLACES * 2, "owner")),
        *chosen,
        (key, some(api, PLACES * 2, "key")),
    ]
    return [(Reader(walk, visitor, scene.rows), found) for visitor, found in every]


def test_a_page_takes_as_many_statements_with_1000_rows_as_with_10() -> None:
    """security F11: lists, filters and pages, read by an owner, a rep, a viewer and an API key."""
    print(f"WALK_SEED={SEED}")
    start = monotonic()
    scene, walk = Scene(), Walk()
    many, chosen = Many(scene), readers(scene, walk)
    many.grow(FEW)
    for reader, found in chosen:
        reader.few = reader.read_all(found)
    print(f"few: {monotonic() - start:.1f} s")
    many.grow(LOTS)
    print(f"many: {monotonic() - start:.1f} s")
    short = {model.__name__: count for model in owned() if (count := rows_in(model, scene)) < LOTS}
    assert short.keys() <= {model.__name__ for model in MOST_COUNTRIES}, short
    for reader, _ in chosen:
        reader.compare(reader.read_again())
        print(f"{reader.visitor.role}: {len(reader.few)} addresses, at {monotonic() - start:.1f} s")
    assert not walk.faults, walk.report()
    worse = [said for reader, _ in chosen for said in reader.worse.values()]
    assert not worse, "\n".join(worse)


def test_a_statement_for_each_row_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, walk = Scene(), Walk()
    many, reader = Many(scene), Reader(walk, scene.keys()["live key"], scene.rows)
    chosen = [place for place in places() if place.route == "api/v1/contact-lists"]
    many.grow(2)
    reader.few = reader.read_all(chosen)
    many.grow(FEW)
    reader.compare(reader.read_again())
    assert not reader.worse
    monkeypatch.setattr(ContactListViewSet, "show", lambda _, row: {"size": row.entries.count()})
    reader.compare(reader.read_again())
    assert list(reader.worse) == ["/api/v1/contact-lists"]


def rows_in(model: Any, scene: Scene) -> int:
    return int(model.objects.for_org(scene.ours.org).count())
