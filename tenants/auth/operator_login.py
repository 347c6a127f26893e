"""The operator's pages log in to PostgreSQL as a role of their own: web's role sees one org at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponse

from tenants.database import OPERATOR, WEB, logged_in_as

PAGES = "/admin/"


class OperatorLogin:
    """Around everything that asks the database for a request below /admin/; no other request gets this connection."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.DATABASE_ROLE != WEB or not request.path.startswith(PAGES):
            return self.get_response(request)
        with as_operator():
            return self.get_response(request)


@contextmanager
def as_operator() -> Iterator[None]:
    """This thread's connection is a new one of the operator's, until the block ends."""
    usual = connections["default"]
    login = logged_in_as(
        usual.settings_dict,
        OPERATOR,
        prefix=settings.DATABASE_ROLE_PREFIX,
        password=settings.DATABASE_PASSWORDS[OPERATOR],
        secret_key=settings.SECRET_KEY,
    )
    connections["default"] = type(usual)(login, "default")
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = usual
