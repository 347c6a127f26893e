"""Which role of PostgreSQL a process logs in as, unless DATABASE_ROLE says: set before the settings are read."""

import os
import sys
from pathlib import Path

from django.conf import settings

from tenants.database import ENGINE


def log_in_as(role: str) -> None:
    """For the entry points of web and the dispatcher."""
    if not settings.configured:  # else it is a test that looks at one of them
        os.environ["DATABASE_ROLE"] = os.environ.get("DATABASE_ROLE") or role


def engine_when_started_by_celery() -> None:
    """Worker and beat read the settings by way of `config.celery`, as every process does."""
    program = Path(sys.argv[0])
    if program.name == "celery" or program.parent.name == "celery":
        log_in_as(ENGINE)
