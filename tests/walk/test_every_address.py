"""No address answers with a 5xx: every URL, by GET and POST, for everybody, with an empty org and with one row of each."""

from contextlib import suppress
from typing import Any

import pytest
from django.db import DatabaseError, connection

from tests.walk.asking import FORM, JSON, Walk
from tests.walk.places import Place, places
from tests.walk.scene import Scene, Visitor

pytestmark = pytest.mark.django_db
API_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


@pytest.fixture(autouse=True)
def no_limits(settings: object) -> None:
    settings.API_RATE_LIMIT = (10_000_000, 10)  # type: ignore[attr-defined]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def plan_all(
    walk: Walk, visitor: Visitor, rows: dict[str, str], chosen: list[Place], methods: tuple[str, ...]
) -> None:
    for place in chosen:
        body, kind = (b"{}", JSON) if place.is_api else (b"", FORM)
        for arguments in place.arguments(rows):
            for method in methods:
                walk.plan(
                    visitor, method, place.path(arguments), b"" if method == "GET" else body, kind, place
                )


def test_every_pattern_has_sample_arguments(scene: Scene) -> None:
    """A new address is walked by all tests here; one whose arguments are unknown fails."""
    found = places()
    assert len(found) > 180
    assert all(place.arguments(scene.rows) for place in found)
    with pytest.raises(LookupError):
        Place("news/%(issue)s/", ("issue",), "news").arguments(scene.rows)


def test_pages_for_every_role(scene: Scene) -> None:
    """security F11, console 1; the owner opens each page, others some of them (all with `WALK=full`)."""
    walk = Walk()
    chosen = [place for place in places() if not place.is_api]
    for role, visitor in scene.visitors().items():
        plan_all(walk, visitor, scene.rows, chosen, ("GET", "POST"))
        walk.run(len(walk.planned) if role == "owner" else 100, f"role {role}")
    assert not walk.faults, walk.report()


def test_pages_of_an_empty_organization(scene: Scene) -> None:
    """security F11: `/inbox/new` of the owner of a fresh org was a 500."""
    walk = Walk()
    chosen = [place for place in places() if place.is_console and not place.params]
    for role, visitor in scene.in_empty_org().items():
        plan_all(walk, visitor, scene.rows, chosen, ("GET", "POST"))
        walk.run(len(walk.planned) if role == "owner" else 30, f"empty {role}")
    assert not walk.faults, walk.report()


def test_the_api_for_every_key(scene: Scene) -> None:
    """security F12"""
    walk = Walk()
    chosen = [place for place in places() if place.is_api]
    for role, visitor in scene.keys().items():
        plan_all(walk, visitor, scene.rows, chosen, API_METHODS)
        walk.run(len(walk.planned) if role == "live key" else 80, f"api {role}")
    assert not walk.faults, walk.report()


def swallow_a_failed_statement(**_: Any) -> dict[str, Any]:
    with suppress(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT 1/0")
    return {}


@pytest.mark.parametrize(
    "faulty", [None, swallow_a_failed_statement], ids=["raises", "breaks the transaction"]
)
def test_the_walk_sees_a_fault(scene: Scene, monkeypatch: pytest.MonkeyPatch, faulty: Any) -> None:
    walk, owner = Walk(), scene.visitors()["owner"]
    walk.ask(owner, "GET", "/inbox/palette?q=x")
    assert not walk.faults
    monkeypatch.setattr("messaging.views.inbox.pages_and_conversations", faulty)
    walk.ask(owner, "GET", "/inbox/palette?q=x")
    assert walk.faults
