"""What is measured of workers runs as the role they log in as; scenes are made by the owner."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connections

from tenants.database import ENGINE, logged_in_as


@contextmanager
def as_engine() -> Iterator[None]:
    """This thread has a connection of the engine's for the block, and so has each thread that begins in it."""
    usual, known = connections["default"], connections.settings["default"]
    login = logged_in_as(
        usual.settings_dict,
        ENGINE,
        prefix=settings.DATABASE_ROLE_PREFIX,
        password=settings.DATABASE_PASSWORDS[ENGINE],
        secret_key=settings.SECRET_KEY,
    )
    connections["default"], connections.settings["default"] = type(usual)(login, "default"), login
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"], connections.settings["default"] = usual, known
