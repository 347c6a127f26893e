"""security S3: through PgBouncer in transaction mode, connections change hands and nobody sees another org's rows.

`make faults` asks 10,000 times: REQUESTS=10000.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.conf import settings
from django.db import connection, connections

from config.servers import free_port
from config.supervision import give_to_server, prepare_server
from messaging.models import Contact
from tenants.database import WEB, logged_in_as
from tests import as_web
from tests.calling import Api
from tests.config.embedding import wait_until
from tests.visiting import visit
from tests.world import make_member, make_org

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
REQUESTS = int(os.environ.get("REQUESTS", "300"))
ORGS, CLIENTS, SERVERS = 10, 12, 4
CONF = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = plain
auth_file = {users}
pool_mode = transaction
default_pool_size = {servers}
"""

pytestmark = [
    pytest.mark.skipif(
        PGBOUNCER is None, reason="There is no pgbouncer here (Debian's package of that name)."
    ),
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(900 if REQUESTS > 1000 else 120),
]


@pytest.fixture
def pooled(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The database as web logs in to it, by way of a PgBouncer with four connections."""
    login = logged_in_as(
        connection.settings_dict, WEB, prefix="", password="", secret_key=settings.SECRET_KEY
    )
    own, users, conf = free_port(), tmp_path / "users.txt", tmp_path / "pgbouncer.ini"
    users.write_text(f'"{login["USER"]}" "{login["PASSWORD"]}"\n')
    values = {"host": login["HOST"], "port": login["PORT"], "own": own, "users": users, "servers": SERVERS}
    conf.write_text(CONF.format(**values))
    for path in (users, conf):
        give_to_server(path)
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen([str(PGBOUNCER), str(conf)], stderr=log, preexec_fn=prepare_server())
    try:
        pooled = login | {"HOST": "127.0.0.1", "PORT": str(own)}
        wait_until(lambda: server.poll() is not None or answers(pooled), 20)
        assert server.poll() is None, (tmp_path / "log").read_text()
        yield pooled
    finally:
        server.terminate()
        server.wait(timeout=20)


def connect(login: dict[str, Any]) -> Any:
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return psycopg2.connect(**{ours: login[theirs] for ours, theirs in names.items()})


def answers(login: dict[str, Any]) -> bool:
    try:
        connect(login).close()
    except psycopg2.OperationalError:
        return False
    return True


class Visitor:
    """An API key and a member of one org."""

    def __init__(self, number: int) -> None:
        self.name = f"mark-{number:02d}."
        org = make_org(f"Org {self.name}")
        Contact.objects.for_org(org).create(number="+14155550199", name=self.name, country="US")
        self.api = Api(org)
        self.person = visit(make_member(org, self.name, "admin"))

    def ask(self, turn: int) -> str:
        """One of four requests: two that list, one that writes, one that is refused and rolled back."""
        kind = turn % 4
        if kind == 0:
            return self.api.ask("GET", "/contacts").content.decode()
        if kind == 1:
            return self.person.get("/people/").content.decode()
        if kind == 2:
            return self.api.ask("PATCH", "/organization", {"name": f"Org {self.name}"}).content.decode()
        refused = self.api.ask("POST", "/contacts", {"number": "nonsense", "name": self.name})
        assert refused.status_code == 400
        return self.name


@contextmanager
def through(pooled: dict[str, Any]) -> Iterator[None]:
    usual = connections["default"]
    connections["default"] = type(usual)(pooled, "default")
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = usual


def test_mixed_requests_of_ten_orgs_over_four_connections(
    pooled: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """security S3"""
    visitors = [Visitor(number) for number in range(ORGS)]
    marks = [visitor.name for visitor in visitors]
    monkeypatch.setattr(settings, "DATABASE_ROLE", WEB)
    monkeypatch.setattr(as_web, "take", lambda *_: None)

    def client(number: int) -> list[str]:
        strange = []
        with through(pooled):
            for turn in range(number, REQUESTS, CLIENTS):
                visitor = visitors[(turn * 7 + number) % ORGS]
                text = visitor.ask(turn // ORGS + number)
                if [mark for mark in marks if mark in text] != [visitor.name]:
                    strange.append(f"{visitor.name}: {text[:300]}")
        return strange

    with ThreadPoolExecutor(CLIENTS) as crowd:
        strange = [one for found in crowd.map(client, range(CLIENTS)) for one in found]
    assert strange == []
    assert_nothing_lingers(pooled)


def assert_nothing_lingers(pooled: dict[str, Any]) -> None:
    """All server connections at once: none has an org, each is web's."""
    held = [connect(pooled) for _ in range(SERVERS)]
    pids = set()
    for raw in held:
        with raw.cursor() as cursor:
            cursor.execute(
                "SELECT pg_backend_pid(), COALESCE(current_setting('app.org_id', true), ''), current_user"
            )
            pid, org, user = cursor.fetchone()
            assert (org, user) == ("", pooled["USER"])
            pids.add(pid)
    assert len(pids) == SERVERS
    for raw in held:
        with closing(raw):
            raw.rollback()
