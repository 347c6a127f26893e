"""The SQLite file behind the ledger. Writes are queued and committed together every few milliseconds.

What is in memory is the truth that every page and endpoint answers from; the file lets it survive a restart.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

COMMIT_EVERY_S = 0.02

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    sid TEXT PRIMARY KEY, auth_token TEXT NOT NULL, inbound_url TEXT NOT NULL, created REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS numbers (
    sid TEXT PRIMARY KEY, account_sid TEXT NOT NULL, number TEXT NOT NULL, sms_url TEXT NOT NULL,
    friendly_name TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL, UNIQUE (account_sid, number)
);
CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY, sid TEXT NOT NULL, account_sid TEXT NOT NULL, recipient TEXT NOT NULL,
    sender TEXT NOT NULL, body TEXT NOT NULL, direction TEXT NOT NULL, status TEXT NOT NULL,
    created REAL NOT NULL, updated REAL NOT NULL, sent REAL, error_code INTEGER, segments INTEGER NOT NULL,
    status_callback TEXT NOT NULL, service_sid TEXT NOT NULL, media TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS media (
    sid TEXT PRIMARY KEY, message_sid TEXT NOT NULL, account_sid TEXT NOT NULL, content_type TEXT NOT NULL,
    content BLOB NOT NULL, created REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS mails (
    id INTEGER PRIMARY KEY, recipient TEXT NOT NULL, sender TEXT NOT NULL, subject TEXT NOT NULL,
    text TEXT NOT NULL, html TEXT NOT NULL, source TEXT NOT NULL, received REAL NOT NULL
);
"""


class Storage:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(SCHEMA)
        self._pending: list[tuple[str, tuple[Any, ...]]] = []
        self._timer: asyncio.TimerHandle | None = None

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        return iter(self._connection.execute(sql))

    def write(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        """Queue one statement; within COMMIT_EVERY_S it is in the file, in its turn."""
        self._pending.append((sql, values))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(COMMIT_EVERY_S, self.commit)

    def commit(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._pending = self._pending, []
        if not batch:
            return
        self._connection.execute("BEGIN")
        for sql, group in groupby(batch, key=lambda statement: statement[0]):
            self._connection.executemany(sql, [values for _, values in group])
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self.commit()
        self._connection.close()
