"""Queue texts, kill processes while they leave, and compare with the carrier's ledger."""

import signal
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psutil
import requests

from tests.stack import Api, Stack, eventually

WORDS = {
    "worker": "celery -A config.celery worker",
    "valkey": "valkey-server",
    "dispatcher": "config.dispatcher",
    "postgres": "bin/postgres",
    "web": "wsgi:application",
}


def kill(stack: Stack, program: str) -> None:
    """kill -9 of a program and its children: those of this stack only, by their place below our own process."""
    for process in psutil.Process(stack.process.pid).children(recursive=True):
        try:
            if WORDS[program] in " ".join(process.cmdline()):
                process.send_signal(signal.SIGKILL)
        except psutil.Error:
            continue


def kill_during_delivery(stack: Stack, api: Api, *, texts: int, kills: list[str]) -> None:
    """All texts reach the ledger exactly once, whatever was killed; the invariants hold."""
    mark = uuid.uuid4().hex[:8]
    for _ in range(5):
        api.assign(api.long_code(mps=1000), "organization", api.org)
    senders = [row["id"] for row in api.get("/sender-ids?page_size=100")["results"]]
    requests.post(f"{stack.simulator}/_sim/faults", json={"seed": 7, "latency_ms": 150}, timeout=10)

    def queue(n: int) -> str:
        to, sender = f"+1628556{n:04d}", senders[n % len(senders)]
        return str(api.post("/messages", {"to": to, "body": f"{mark} {n}", "from": sender}, expect=202)["id"])

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(queue, range(texts)))
    for program in kills:
        before = len(arrived(stack, mark))
        eventually(
            lambda b=before: len(arrived(stack, mark)) > min(b + 5, texts - 1),
            within=90,
            what="texts to move",
        )
        kill(stack, program)
    requests.post(f"{stack.simulator}/_sim/faults", json={"seed": 7}, timeout=10)
    eventually(lambda: len(arrived(stack, mark)) >= texts, within=240, what="every text at the carrier")
    assert [n for n in Counter(arrived(stack, mark)).values() if n != 1] == []
    eventually(
        lambda: stack.manage("invariants", check=False).returncode == 0, within=60, what="invariants to hold"
    )
    eventually(lambda: settled(api, ids), within=60, what="every text to be settled")


def arrived(stack: Stack, mark: str) -> list[str]:
    ledger = requests.get(f"{stack.simulator}/_sim/ledger", timeout=20).json()["messages"]
    return [entry["body"] for entry in ledger if entry["body"].startswith(mark)]


def settled(api: Api, ids: list[str]) -> bool:
    rows = api.get("/messages?page_size=1000")["results"]
    states = {row["id"]: row["status"] for row in rows}
    return all(states.get(pk) in ("accepted", "sent", "delivered") for pk in ids)
