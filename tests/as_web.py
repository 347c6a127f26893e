"""Requests of the test client run as the role that web logs in as; tests themselves are the owner of the tables."""

from collections.abc import Callable
from contextlib import suppress

import psycopg2
from django.db import connection
from django.http import HttpRequest, HttpResponse

from tenants.database import OPERATOR, WEB
from tenants.scoping import database_role


class AsWeb:
    """The outermost middleware of tests. Past Django's cursor: it is no query of the page's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with suppress(Exception):
            connection.ensure_connection()
        login = database_role(OPERATOR if request.path.startswith("/admin/") else WEB)
        before = connection.connection
        take(before, login)
        try:
            return self.get_response(request)
        finally:
            take(before, "none")


def take(raw: object, role: str) -> None:
    """Nothing to do where a test took the database away, or broke its transaction."""
    with suppress(psycopg2.Error, AttributeError), raw.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("SELECT set_config('role', %s, false)", [role])
