"""Everything runs, as `make run` runs it; journeys talk to it through HTTP only."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).resolve().parents[1]
OURS = (
    "DJANGO_SETTINGS_MODULE",
    "DATABASE_URL",
    "REDIS_URL",
    "BROKER_URL",
    "SECRET_KEY",
    "FIELD_KEYS",
    "PUBLIC_BASE_URL",
    "LIVE_BASE_URL",
    "EMAIL_URL",
    "PORT",
    "LIVE_PORT",
    "SIMULATOR_PORT",
    "SIMULATOR_SMTP_PORT",
    "DATA_DIR",
    "SIMULATOR_BASE_URL",
)


def eventually(ask: Callable[[], Any], *, within: float = 15.0, what: str = "") -> Any:
    """The first true answer of `ask`; fails when none comes in time."""
    ends = time.monotonic() + within
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > ends:
            raise AssertionError(f"not within {within} s: {what or ask}")
        time.sleep(0.05)


@dataclass
class Stack:
    """A running Callsign."""

    base: str
    simulator: str
    env: dict[str, str]
    process: subprocess.Popen[str]

    def manage(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *args]
        return subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=120, check=check
        )

    def handset(self, number: str) -> list[dict[str, Any]]:
        """What the carrier delivered to a number."""
        ledger = requests.get(f"{self.simulator}/_sim/ledger", timeout=10).json()["messages"]
        return [entry for entry in ledger if entry["to"] == number]

    def text_in(self, *, sender: str, to: str, body: str) -> None:
        """Someone texts us."""
        answer = requests.post(
            f"{self.simulator}/_sim/inbound", json={"to": to, "from": sender, "body": body}, timeout=10
        )
        assert answer.json()["webhook_status"] == 200, answer.text

    def mails(self, to: str) -> list[dict[str, Any]]:
        mails = requests.get(f"{self.simulator}/_sim/mail", timeout=10).json()["mails"]
        return [mail for mail in mails if mail["to"] == to]


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Stack]:
    """A stack of its own in `folder`, ended with the block."""
    env = {name: value for name, value in os.environ.items() if name not in OURS}
    env |= {"DATA_DIR": str(folder / "data"), "SETTLE_SECONDS": "8", "RESOLVE_PAUSE_SECONDS": "2"}
    env |= {"LEASE_SECONDS": "10"} | settings
    said = folder / "run.log"
    with said.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.run"], cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT, text=True
        )  # fmt: skip
    try:
        eventually(
            lambda: "is ready" in said.read_text() or process.poll() is not None,
            within=120,
            what="ready line",
        )
        lines = said.read_text()
        assert "is ready" in lines, lines
        base = lines.split("Callsign is ready: ")[1].split()[0]
        simulator = lines.split("Carrier simulator: ")[1].split()[0].rstrip("/")
        yield Stack(base, simulator, env, process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@dataclass
class Api:
    """The REST API with one key."""

    base: str
    key: str
    org: str
    account: dict[str, str]

    def call(
        self, method: str, path: str, body: Any = None, *, expect: int | None = None, **headers: str
    ) -> Any:
        answer = requests.request(
            method,
            f"{self.base}/api/v1{path}",
            json=body,
            headers={
                "Authorization": f"Bearer {self.key}",
                **{k.replace("_", "-"): v for k, v in headers.items()},
            },
            timeout=30,
        )
        if expect is not None:
            assert answer.status_code == expect, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def get(self, path: str, expect: int = 200) -> Any:
        return self.call("GET", path, expect=expect)

    def post(self, path: str, body: Any = None, expect: int = 201, **headers: str) -> Any:
        return self.call("POST", path, body or {}, expect=expect, **headers)

    def patch(self, path: str, body: Any, expect: int = 200) -> Any:
        return self.call("PATCH", path, body, expect=expect)

    def member(self, name: str, **fields: Any) -> dict[str, Any]:
        email = f"{name.lower()}.{uuid.uuid4().hex[:8]}@{self.org[:8]}.example"
        return self.post("/members", {"email": email, "name": name, "role": "rep", **fields})

    def long_code(self, **fields: Any) -> dict[str, Any]:
        """A US number nobody has yet; fast, so that tests need not wait for its rate."""
        number = f"+1415555{uuid.uuid4().int % 10000:04d}"
        line = {"kind": "long_code", "value": number, "country": "US", "label": "Line", "mps": 100}
        return self.post("/sender-ids", {**line, **fields})

    def assign(self, sender: dict[str, Any], kind: str, pk: str, **fields: Any) -> dict[str, Any]:
        return self.post(
            "/assignments", {"sender_id": sender["id"], "assignee": {"kind": kind, "id": pk}, **fields}
        )


_unused = random.sample(range(10_000), 10_000)


def new_number(prefix: str = "+1628555") -> str:
    """One this process has not had."""
    return f"{prefix}{_unused.pop():04d}"


def bootstrap(stack: Stack) -> Api:
    """A fresh org made by `bootstrap --simulator --json`."""
    name = f"Org {uuid.uuid4().hex[:10]}"
    made = stack.manage(
        "bootstrap", "--org", name, "--email", f"o{uuid.uuid4().hex[:8]}@org.example", "--password", "correct-horse-9",
        "--country", "US", "--simulator", "--json",
    )  # fmt: skip
    answer = json.loads(made.stdout)
    return Api(stack.base, answer["api_key"], str(answer["org"]), answer["provider_account"])


@pytest.fixture
def api(stack: Stack) -> Api:
    """A fresh org."""
    return bootstrap(stack)


@pytest.fixture(scope="session")
def shared_api(stack: Stack) -> Api:
    """One org for tests that leave nothing behind."""
    return bootstrap(stack)
