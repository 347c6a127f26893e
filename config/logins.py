"""Which role of PostgreSQL a process logs in as, unless DATABASE_ROLE says: set before the settings are read."""

import os

from django.conf import settings


def log_in_as(role: str) -> None:
    """For the entry point of a process, such as `config.wsgi`."""
    if not settings.configured:  # else it is a test that looks at one of them
        os.environ["DATABASE_ROLE"] = os.environ.get("DATABASE_ROLE") or role
