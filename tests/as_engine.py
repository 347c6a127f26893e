"""Tasks and sweeps run as the role that worker and dispatcher log in as, in tests too; tests themselves are the owner."""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
from celery import current_app
from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from tenants.database import ENGINE
from tenants.login_roles import SEARCH_PATH
from tenants.scoping import database_role

OURS = ("tenants", "senderid", "messaging", "notifications")
# Besides sweeps: what tests call of a task's inside, and what it does in threads of its own.
PARTS = (
    "messaging.campaigns.fold_counts",
    "messaging.carriers.read_account",
    "messaging.chasing.ask_for_the_lost",
    "messaging.claiming.claim",
    "messaging.fanout.write_portion",
    "messaging.receiving.process_waiting",
    "messaging.receiving.reconcile_account",
    "messaging.recording.record",
    "messaging.resolving.settle",
    "messaging.scheduled.promote_scheduled",
    "messaging.settling.settle_next",
    "notifications.notify.deliver_due",
    "notifications.receivers.on_text_received",
)


@contextmanager
def engine() -> Iterator[None]:
    """This thread's connection is the engine's for the block. Past Django's cursor: it is no query of the code's."""
    with suppress(Exception):
        connection.ensure_connection()
    raw = connection.connection
    before = _take(raw, [database_role(ENGINE), SEARCH_PATH])
    try:
        yield
    finally:
        if before is not None:
            _take(raw, before)


def _take(raw: Any, values: list[str]) -> list[str] | None:
    """Sets role and search path; what they were. None where a test took the database away, or broke its transaction."""
    with suppress(psycopg2.Error, AttributeError), raw.cursor() as cursor:
        cursor.execute("SELECT current_setting('role'), current_setting('search_path')")
        before = list(cursor.fetchone())
        cursor.execute("SELECT set_config('role', %s, false), set_config('search_path', %s, false)", values)
        return before
    return None


def _as_engine(work: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(work)
    def run(*args: Any, **named: Any) -> Any:
        with engine():
            return work(*args, **named)

    return run


def install() -> None:
    """Puts it around each, wherever it was imported to."""
    for path in (*settings.SWEEPS, *PARTS):
        work = import_string(path)
        replaced = _as_engine(work)
        for name, module in list(sys.modules.items()):
            if name.split(".")[0] in OURS:
                for key, value in list(vars(module).items()):
                    if value is work:
                        setattr(module, key, replaced)
    current_app.loader.import_default_modules()
    for name, task in current_app.tasks.items():
        if name.split(".")[0] in OURS:
            task.run = _as_engine(task.run)
