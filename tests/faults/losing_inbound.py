"""Texts come in while nobody can take them: the carrier's list brings them later, each once."""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from tests.faults.judging import demand_invariants, rows, set_faults, telling
from tests.faults.processes import kill, supervisord
from tests.stack import Api, Stack, eventually

RECONCILE = "from messaging.receiving import reconcile; reconcile()"
EVENTS = "SELECT body, state, message_id FROM messaging_inboundevent WHERE org_id = %s"


def take_in_what_was_missed(stack: Stack, api: Api) -> None:
    """With the web gone no webhook is answered; with PostgreSQL gone it is answered 503."""
    with telling(stack):
        sender = api.long_code()
        api.assign(sender, "organization", api.org)
        set_faults(stack)
        assert _text_in(stack, api, sender["value"], "while all is well") == 200
        with _gone(stack, "web"):
            assert _text_in(stack, api, sender["value"], "no web") is None
        eventually(lambda: _is_ready(stack), within=60, what="the web")
        with _gone(stack, "postgres"):
            assert _text_in(stack, api, sender["value"], "no database") == 503
        eventually(lambda: _is_ready(stack), within=60, what="the database")
        missed = {"while all is well", "no web", "no database"}
        eventually(lambda: _reconciled(stack, api, missed), within=60, what="what was missed")
        stack.manage("shell", "-c", RECONCILE)
        found = rows(stack, EVENTS, api.org)
        assert Counter(body for body, _, _ in found) == Counter(missed), found
        assert len({message for _, _, message in found}) == len(missed)
        demand_invariants(stack)


def _reconciled(stack: Stack, api: Api, wanted: set[str]) -> bool:
    """The beat does this every five minutes; a text is listed 5 s late."""
    stack.manage("shell", "-c", RECONCILE)
    return {body for body, state, _ in rows(stack, EVENTS, api.org) if state == "done"} == wanted


def _text_in(stack: Stack, api: Api, to: str, body: str) -> int | None:
    text = {"to": to, "from": "+16285550177", "body": body, "account_sid": api.account["account_sid"]}
    answer = requests.post(f"{stack.simulator}/_sim/inbound", json=text, timeout=30)
    status: int | None = answer.json()["webhook_status"]
    return status


@contextmanager
def _gone(stack: Stack, program: str) -> Iterator[None]:
    """Killed, and nobody starts it: its supervisor is held."""
    holder = supervisord(stack)
    holder.send_signal(signal.SIGSTOP)
    try:
        assert kill(stack, program)
        yield
    finally:
        holder.send_signal(signal.SIGCONT)


def _is_ready(stack: Stack) -> bool:
    try:
        return requests.get(f"{stack.base}/readyz", timeout=5).status_code == 200
    except requests.RequestException:
        return False
