"""No value anywhere makes a 5xx, shows a traceback or breaks the connection: paths, queries, forms, JSON, headers.

`WALK=full` tries every value in every field; else some of each, by the printed seed (`WALK_SEED` repeats a run).
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.walk import hostile
from tests.walk.asking import FORM, Walk, names_read
from tests.walk.drawn import Form, read
from tests.walk.hostile import encoded, quoted, some
from tests.walk.places import Place, places
from tests.walk.scene import Scene, Visitor

pytestmark = pytest.mark.django_db
PER_FIELD = 8
AT_MOST = 350  # requests of a test, besides those that look what there is
ONLY_ONCE = ("csrfmiddlewaretoken",)


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> None:
    settings.API_RATE_LIMIT = (10_000_000, 10)


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def walk() -> Iterator[Walk]:
    print(f"WALK_SEED={hostile.SEED}")
    found = Walk()
    yield found
    assert found.asked > 100
    assert not found.faults, found.report()


def texts_of(scene: Scene) -> list[bytes]:
    return [
        *hostile.TEXTS,
        scene.theirs["member"].encode(),
        scene.theirs["contact"].encode(),
        scene.rows["org"].encode(),
    ]


def first_path(place: Place, scene: Scene) -> str:
    return place.path(place.arguments(scene.rows)[0])


def visitor_of(place: Place, scene: Scene, visitors: dict[str, Visitor], keys: dict[str, Visitor]) -> Visitor:
    if place.is_api:
        return keys["live key"]
    return visitors["operator" if place.route.startswith("admin/") else "owner"]


class Everybody:
    """The scene with its visitors, each made once."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.people, self.programs = scene, scene.visitors(), scene.keys()

    def of(self, place: Place) -> Visitor:
        return visitor_of(place, self.scene, self.people, self.programs)


def test_paths(scene: Scene, walk: Walk) -> None:
    """security F11: NUL; ids of another org, of no shape, of 10,000 characters."""
    everybody = Everybody(scene)
    for place in places():
        for param in place.params:
            known = place.arguments(scene.rows)[0]
            for text in some(texts_of(scene), 6, f"{place} {param}"):
                path = (place.path(known | {param: "@@@"})).replace("%40%40%40", quoted(text).decode())
                for method in ("GET", "POST"):
                    walk.plan(everybody.of(place), method, path, b"", FORM, place)
    walk.run(AT_MOST, "paths")


def test_queries(scene: Scene, walk: Walk) -> None:
    """security F11: NUL in each search; every name that a view reads from its query, with values one by one."""
    everybody = Everybody(scene)
    texts = texts_of(scene)
    for place in places():
        visitor, path = everybody.of(place), first_path(place, scene)
        with names_read() as names:
            walk.ask(visitor, "GET", path, place=place)
        if place.is_api:
            names |= {"page_size", "cursor", "format"}
        for name in sorted(names):
            for text in some(texts, PER_FIELD, f"{place} {name}"):
                walk.plan(
                    visitor, "GET", f"{path}?{encoded([(name, text)]).decode()}", b"", FORM, f"{place} {name}"
                )
        if names:
            for text in some(texts, 2, f"{place}"):
                pairs: Any = [(name, text) for name in sorted(names) for _ in range(2)]
                walk.plan(visitor, "GET", f"{path}?{encoded(pairs).decode()}", b"", FORM, place)
    walk.run(AT_MOST, "queries")


def drawn_forms(scene: Scene, everybody: Everybody, walk: Walk) -> dict[str, list[Form]]:
    """Every form of every page of an owner (an operator in /admin/), by the address it is sent to."""
    found: dict[str, list[Form]] = defaultdict(list)
    for place in places():
        if place.is_api or place.is_webhook:
            continue
        for arguments in place.arguments(scene.rows):
            path = place.path(arguments)
            response = walk.ask(everybody.of(place), "GET", path, place=place)
            if response.status_code == 200 and "html" in response["Content-Type"]:
                for form in read(response.content.decode(), path).forms:
                    if form.method == "post":
                        found[urlsplit(form.action).path].append(form)
    return found


def test_forms(scene: Scene, walk: Walk) -> None:
    """Each field of each form drawn anywhere, the others as somebody would fill them in; and what else its view reads."""
    everybody = Everybody(scene)
    forms = drawn_forms(scene, everybody, walk)
    assert len(forms) > 50
    targets = {first_path(place, scene): place for place in places() if not place.is_api}
    for path in sorted(forms.keys() | targets.keys()):
        role = "operator" if path.startswith("/admin/") else "owner"
        for number, form in enumerate(unlike(forms.get(path, [])) or [Form(path)]):
            attack(
                walk,
                everybody.people[role],
                path,
                form,
                texts_of(scene),
                f"{targets.get(path, path)} {number}",
            )
    walk.run(AT_MOST, "forms")


def unlike(forms: list[Form]) -> list[Form]:
    """One of each shape."""
    shapes = {tuple(sorted(name for name, _ in form.fields)): form for form in forms}
    return list(shapes.values())


def attack(walk: Walk, visitor: Visitor, path: str, form: Form, texts: list[bytes], place: str) -> None:
    fields = [(name, value) for name, value in form.fields if name not in ONLY_ONCE]
    with names_read() as names:
        walk.ask(visitor, "POST", path, encoded(fields), place=place)
    for button in form.buttons:
        walk.plan(visitor, "POST", path, encoded([*fields, button]), FORM, place)
    every = sorted((names | {name for name, _ in fields}) - set(ONLY_ONCE))
    for name in every:
        others = [pair for pair in fields if pair[0] != name]
        for text in some(texts, PER_FIELD, f"{place} {name}"):
            walk.plan(visitor, "POST", path, encoded([*others, (name, text)]), FORM, f"{place} {name}")
        walk.plan(visitor, "POST", path, encoded(others), FORM, f"{place} {name}")
    for text in some(texts, 1, place):
        query = encoded([(name, text) for name in every]).decode()
        twice: Any = [(name, text) for name in every for _ in range(2)]
        walk.plan(visitor, "POST", f"{path}?{query}", encoded(twice), FORM, place)
