"""No page offers what it then refuses: each role follows every link, button and form of every page it reaches.

security F20: lists never offer what the page behind them refuses. Owners and admins, who open most pages, only in the
full walk (`WALK=full`).
"""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.walk.asking import FORM, Walk
from tests.walk.drawn import read
from tests.walk.hostile import FULL, encoded
from tests.walk.scene import Scene, Visitor

pytestmark = pytest.mark.django_db
ROLES = ("rep", "rep without a team", "viewer", *(("owner", "admin") if FULL else ()))
IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
PER_SHAPE = 2  # pages of one shape (ids left out) that are opened
LEAVES = ("/accounts/logout/", "/static/", "/live/", "/api/v1/openapi.json")


class Follower:
    """Opens page after page; `refused` says where each 403, 404 or 405 was offered."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.walk = visitor, Walk()
        self.waiting: list[tuple[str, str]] = [("/", "")]
        self.shapes: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        self.opened: set[str] = set()

    def follow(self) -> None:
        while self.waiting:
            path, source = self.waiting.pop()
            response = self.walk.ask(self.visitor, "GET", path)
            self._note("GET", path, source, response)
            if response.status_code in (301, 302):
                self._offer(response["Location"], source)
            elif response.status_code == 200 and "html" in response["Content-Type"]:
                self.opened.add(shape(path))
                self._read(response.content.decode(), path)

    def _read(self, html: str, path: str) -> None:
        offered = read(html, path)
        for target in sorted(offered.gets):
            self._offer(target, path)
        for form in offered.forms:
            if form.method == "get":
                self._offer(form.action, path)
            elif form.method == "post" and not form.action.startswith(LEAVES):
                self._send(form, path)

    def _send(self, form: Any, source: str) -> None:
        key = f"POST {shape(form.action)} {shape(source)}"
        if self._enough(key):
            return
        response = self.walk.ask(self.visitor, "POST", form.action, encoded(form.fields), FORM)
        self._note("POST", form.action, source, response)

    def _offer(self, path: str, source: str) -> None:
        if path.startswith("/") and not path.startswith(LEAVES) and not self._enough(f"{shape(path)}"):
            self.waiting.append((path, source))

    def _enough(self, key: str) -> bool:
        self.shapes[key] = self.shapes.get(key, 0) + 1
        return self.shapes[key] > PER_SHAPE

    def _note(self, method: str, path: str, source: str, response: Any) -> None:
        if response.status_code in (403, 404, 405):
            self.refused[f"{method} {shape(path)} from {shape(source)}"] = (
                f"{response.status_code} {path} on {source}"
            )


def shape(path: str) -> str:
    return IDS.sub("*", urlsplit(path).path)


@pytest.mark.parametrize("role", ROLES)
def test_what_a_page_offers_its_reader_may_open(scene: Scene, role: str) -> None:
    """security F20"""
    follower = Follower(scene.visitors()[role])
    follower.follow()
    assert not follower.refused, "\n".join(f"{key}: {found}" for key, found in follower.refused.items())
    assert not follower.walk.faults, follower.walk.report()
    assert len(follower.opened) >= LEAST_PAGES[role], follower.opened


LEAST_PAGES = {"owner": 40, "admin": 40, "rep": 10, "rep without a team": 8, "viewer": 6}


@pytest.fixture
def scene() -> Scene:
    return Scene()
