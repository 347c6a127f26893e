"""One case of `crash_points`: a small Callsign in one process (web, sweeps and drain as threads) that dies, and its heir.

Imported after Django was set up on the template; each case turns to a database of its own before it connects.
"""

import base64
import os
import signal
import socketserver
import threading
import time
import uuid
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import psycopg2
import psycopg2.errors
import requests
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connections
from django.urls import get_resolver
from django.utils.module_loading import import_string
from twilio.rest import Client

from config.dispatcher import dispatch
from config.servers import free_port
from config.supervision import end_when_orphaned
from messaging import dispatching, failpoints, invariants
from messaging.media import fetching
from messaging.models import Campaign, Contact, InboundEvent, Message, MessageMedia
from senderid.models import ProviderAccount
from senderid.providers.twilio import announce_account
from senderid.provisioning import add_sender
from tenants import api_keys, hints
from tenants.models import Organization
from tests.faults.crash_points import HIT, NOT_HIT, database_url, execute, fork
from tests.stack import eventually
from tests.world import give, make_account, make_org

CROWD, SINGLES = 8, 3
TEXTS_IN = ["Hello", "STOP", "HELP"]  # the first with a file
SETTLED_WITHIN = 75.0  # seconds, for each of the two processes
GIF = b"GIF89a" + bytes(20)
MEDIA_LEASE = timedelta(seconds=5)  # so that the second process need not wait for a minute
OPEN = ("scheduled", "queued", "sending", "unknown")
HANDED_OVER = ("accepted", "sent", "delivered")


def warm_up() -> None:
    """What a process loads with its first request and its first text, so that no child has to."""
    WSGIHandler()
    assert get_resolver().url_patterns
    assert Client("AC", "token").api.v2010.account.messages
    for path in settings.SWEEPS:
        import_string(path)


def make_template() -> None:
    """Migrated, with one org: two senders, a crowd, a draft of a campaign to it."""
    call_command("migrate", interactive=False, verbosity=0)
    org = make_org("Fire", quiet_hours="off", quiet_hours_reason="a test at any hour")
    make_account(org, is_simulator=True)
    campaigns, org_wide = (
        add_sender(org=org, kind="long_code", value=f"+1415556000{n}", country="US", mps=50) for n in (1, 2)
    )
    Contact.objects.for_org(org).bulk_create(
        Contact(org=org, number=f"+1628557{n:04d}", country="US", timezone="America/New_York", tags=["crowd"])
        for n in range(CROWD)
    )
    campaign = Campaign.objects.for_org(org).create(name="Fire", body="Hi", audience={"tags": ["crowd"]})
    give(campaigns, campaign)
    give(org_wide, org)


def run_case(failpoint: str, admin: str, lane: str) -> int:
    """HIT or NOT_HIT when all is well in the end; raises otherwise."""
    execute(admin, f'CREATE DATABASE "{lane}" TEMPLATE crash_template')
    os.environ["DATABASE_URL"] = database_url(admin, lane)
    connections.settings["default"] |= {"NAME": lane, "CONN_MAX_AGE": 0}
    case = Case()
    try:
        died = case.live(failpoint)
        if died:
            assert not case.live(""), "the second process died by itself"
        case.judge()
    finally:
        connections.close_all()
        drop(admin, lane)
    return HIT if died else NOT_HIT


def drop(admin: str, lane: str) -> None:
    """Autovacuum, which is not ours to end, may be at it."""

    def dropped() -> bool:
        with suppress(psycopg2.errors.InsufficientPrivilege):
            execute(admin, f'DROP DATABASE "{lane}" WITH (FORCE)')
            return True
        return False

    eventually(dropped, within=30, what=f"{lane} to be dropped")


class Case:
    """Asks for everything from outside, by HTTP, again and again until it was accepted."""

    def __init__(self) -> None:
        self.port = free_port()
        self.base = settings.PUBLIC_BASE_URL = f"http://127.0.0.1:{self.port}"
        self.org = Organization.objects.get()
        self.account = ProviderAccount.unscoped.get()
        self.account.account_sid, self.account.account_key = f"AC{uuid.uuid4().hex}", uuid.uuid4().hex
        self.account.set_token(uuid.uuid4().hex)
        self.account.save()
        announce_account(self.account)
        self.campaign = Campaign.unscoped.get()
        _, self.key = api_keys.mint(org=self.org, name="tests")
        self.to_ask: dict[str, Any] = {"start": None}
        self.to_ask |= {f"text {n}": f"+1628558{n:04d}" for n in range(SINGLES)}
        self.to_ask |= {f"in {n}": (f"+1628559{n:04d}", body) for n, body in enumerate(TEXTS_IN)}
        self.accepted: list[str] = []
        self.heard: Counter[int | None] = Counter()

    def live(self, failpoint: str) -> bool:
        """One process, until it dies (True) or all is settled (False)."""
        connections.close_all()
        pid = fork(lambda: serve(self.port, failpoint))
        ends = time.monotonic() + SETTLED_WITHIN
        try:
            while time.monotonic() < ends:
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    pid = 0
                    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, f"it ended with {status}"
                    return True
                self._ask()
                if not self.to_ask and self._is_settled():
                    return False
                time.sleep(0.3)
            left = f"left to ask: {list(self.to_ask)}; webhooks answered {dict(self.heard)}"
            raise AssertionError(f"not settled: {self._states()}, {left}")
        finally:
            if pid:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)

    def _ask(self) -> None:
        for name, value in list(self.to_ask.items()):
            with suppress(requests.RequestException):
                if getattr(self, f"_ask_{name.split()[0]}")(name, value):
                    del self.to_ask[name]

    def _ask_start(self, name: str, value: None) -> bool:
        answer = self._post(f"/campaigns/{self.campaign.pk}/start", {}, name)
        assert answer.status_code in (200, 422, 503), answer.text  # 422: it was, before the process died
        return answer.status_code != 503

    def _ask_text(self, name: str, number: str) -> bool:
        answer = self._post("/messages", {"to": number, "body": name}, name)
        assert answer.status_code in (202, 409, 503), answer.text
        if answer.status_code == 202:
            self.accepted.append(answer.json()["id"])
        return answer.status_code == 202

    def _ask_in(self, name: str, said: tuple[str, str]) -> bool:
        number, body = said
        sid = (
            "SM" + uuid.uuid5(uuid.NAMESPACE_URL, f"{self.account.account_sid} {name}").hex
        )  # ports come again
        text = {"to": "+14155560002", "from": number, "body": body, "message_sid": sid}
        text["account_sid"] = self.account.account_sid
        if body == TEXTS_IN[0]:
            text["media"] = [{"content_type": "image/gif", "content": base64.b64encode(GIF).decode()}]
        answer = requests.post(f"{settings.SIMULATOR_BASE_URL}/_sim/inbound", json=text, timeout=20)
        status = answer.json()["webhook_status"]
        self.heard[status] += 1
        return bool(status == 200)

    def _post(self, path: str, body: Any, key: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": key}
        return requests.post(f"{self.base}/api/v1{path}", json=body, headers=headers, timeout=20)

    def _states(self) -> Counter[str]:
        return Counter(Message.unscoped.filter(direction="outbound").values_list("status", flat=True))

    def _is_settled(self) -> bool:
        self.campaign.refresh_from_db(fields=["status"])
        waiting = InboundEvent.unscoped.filter(state="waiting").exists()
        is_open = any(state in OPEN for state in self._states())
        is_fetching = MessageMedia.unscoped.filter(state="waiting").exists()
        return self.campaign.status == "done" and not (waiting or is_open or is_fetching)

    def judge(self) -> None:
        """Every text is at the carrier once, every text in is in an inbox once, every invariant holds."""
        assert set(self._states()) <= set(HANDED_OVER), self._states()
        sent = list(Message.unscoped.filter(direction="outbound").values_list("pk", "to", "origin"))
        assert {str(pk) for pk, _, _ in sent} >= set(self.accepted)
        origins = Counter(origin for _, _, origin in sent)
        assert (origins["campaign"], origins["api"]) == (CROWD, SINGLES), origins
        ledger = requests.get(f"{settings.SIMULATOR_BASE_URL}/_sim/ledger", timeout=20).json()["messages"]
        there = Counter(row["to"] for row in ledger if row["account_sid"] == self.account.account_sid)
        assert there == Counter(to for _, to, _ in sent)
        events = list(InboundEvent.unscoped.values_list("state", "message_id"))
        assert len({pk for state, pk in events if state == "done"}) == len(events) == len(TEXTS_IN), events
        files = [(row.state, row.size) for row in MessageMedia.unscoped.all()]
        assert files == [("loaded", len(GIF))], files
        broken = invariants.broken(settled=True)
        assert broken == [], "\n".join(broken)


def serve(port: int, failpoint: str) -> None:
    """Until it is killed: the web, and every sweep of the dispatcher; the drain works itself, for no hint arrives."""
    end_when_orphaned()
    failpoints.arm(failpoint)
    fetching.LEASE = MEDIA_LEASE
    hints._put = lambda item: None  # type: ignore[assignment]
    web = make_server("127.0.0.1", port, WSGIHandler(), server_class=Web, handler_class=Quiet)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    sweeps = [import_string(path) for path in settings.SWEEPS if path != "messaging.dispatching.sweep"]
    threads = {
        "drain": lambda: dispatching.drain(longest=10),
        "sweeps": lambda: sum(sweep() for sweep in sweeps),
    }
    dispatch(threads, threading.Event())


class Web(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        return
