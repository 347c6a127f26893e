"""One request of the walk: undone afterwards, and examined for a fault."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from typing import Any

from django.core.signals import got_request_exception
from django.db import connection, transaction
from django.http import HttpResponse, QueryDict

from tests.walk.hostile import some
from tests.walk.scene import Visitor

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MARKS = (b"Traceback (most recent call last)", b"psycopg2", b"django.db.utils")


class Walk:
    """Asks, and keeps what went wrong: `faults` are sentences, one for each kind of fault and address."""

    def __init__(self) -> None:
        self.faults: dict[tuple[str, str], str] = {}
        self.asked = 0
        self.planned: list[tuple[Any, ...]] = []

    def plan(self, *request: Any, **headers: str) -> None:
        """A request to `ask` later, when `run` chooses it."""
        self.planned.append((request, headers))

    def run(self, count: int, salt: str) -> None:
        """Asks `count` of what was planned, chosen by the seed; all of it in the full walk."""
        for request, headers in some(self.planned, count, salt):
            self.ask(*request, **headers)
        self.planned.clear()

    def ask(
        self,
        visitor: Visitor,
        method: str,
        path: str,
        body: bytes = b"",
        kind: str = FORM,
        place: Any = "",
        **headers: str,
    ) -> HttpResponse:
        """The response; whatever the request wrote is rolled back, and the visitor's cookies are as before."""
        self.asked += 1
        cookies = SimpleCookie(visitor.client.cookies.output(header="", sep=";"))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with exceptions() as raised, transaction.atomic():
            response: Any = visitor.client.generic(method, path, body, kind, headers=named)
            content = b"".join(response.streaming_content) if response.streaming else response.content
            fault = _fault(response, content, raised) or _connection_fault()
            transaction.set_rollback(True)
        visitor.client.cookies = cookies
        if fault:
            shown = f"{visitor.role}: {method} {path[:300]} {body[:300]!r} {named or ''}: {fault}"
            self.faults.setdefault((f"{method} {place or path}", fault), shown)
        return response

    def report(self) -> str:
        return f"{self.asked} requests, {len(self.faults)} faults\n" + "\n".join(self.faults.values())


def _fault(response: Any, content: bytes, raised: list[BaseException]) -> str:
    if response.status_code >= 500:
        return f"{response.status_code} {raised[-1]!r:.300}" if raised else str(response.status_code)
    if found := [mark for mark in MARKS if mark in content]:
        return f"{response.status_code} with {found[0].decode()}"
    return ""


def _connection_fault() -> str:
    if connection.needs_rollback:
        return "the transaction is left broken"
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as error:
        connection.needs_rollback = True
        return f"the connection is left broken: {error!r:.200}"
    return ""


@contextmanager
def exceptions() -> Iterator[list[BaseException]]:
    """What views raised."""
    raised: list[BaseException] = []

    def note(**_: Any) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            raised.append(error)

    got_request_exception.connect(note)
    try:
        yield raised
    finally:
        got_request_exception.disconnect(note)


@contextmanager
def names_read() -> Iterator[set[str]]:
    """The names that views look up in a query or a form while this lasts."""
    names: set[str] = set()
    plain = {name: getattr(QueryDict, name) for name in ("__getitem__", "getlist", "__contains__")}

    def noting(lookup: Any) -> Any:
        def look_up(self: QueryDict, key: Any, *rest: Any) -> Any:
            if isinstance(key, str):
                names.add(key)
            return lookup(self, key, *rest)

        return look_up

    for name, lookup in plain.items():
        setattr(QueryDict, name, noting(lookup))
    try:
        yield names
    finally:
        for name in plain:
            if name in ("__getitem__", "getlist", "__contains__"):
                delattr(QueryDict, name)
