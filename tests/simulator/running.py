"""A real simulator process, and a small receiver for what it sends."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import requests
from twilio.rest import Client

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT, TOKEN = "AC" + "a1" * 16, "secret-token"
SENDER = "+14155550100"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(question: Callable[[], Any], timeout_s: float = 10) -> Any:
    """The first true answer; asks again until then."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


@dataclass
class RunningSimulator:
    data_dir: Path
    port: int = field(default_factory=free_port)
    smtp_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = os.environ | {
            "SIMULATOR_PORT": str(self.port),
            "SIMULATOR_SMTP_PORT": str(self.smtp_port),
            "DATA_DIR": str(self.data_dir),
        }
        self.process = subprocess.Popen([sys.executable, "-m", "simulator"], cwd=ROOT, env=environment)
        wait_until(self._is_alive, timeout_s=30)

    def _is_alive(self) -> bool:
        assert self.process is not None and self.process.poll() is None, "the simulator ended at its start"
        try:
            return requests.get(f"{self.url}/healthz", timeout=2).ok
        except requests.ConnectionError:
            return False

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=10)

    def get(self, path: str, **params: Any) -> Any:
        answer = requests.get(self.url + path, params=params, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, content: Any = None) -> Any:
        answer = requests.post(self.url + path, json=content, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def page(self, path: str) -> str:
        answer = requests.get(self.url + path, timeout=10)
        answer.raise_for_status()
        return answer.text

    def client(self, account: str = ACCOUNT, token: str = TOKEN) -> Client:
        """The real twilio package, pointed here."""
        client = Client(account, token)
        client.api.base_url = self.url
        return client


@dataclass
class Received:
    path: str
    params: dict[str, str]
    headers: dict[str, str]


class Receiver(ThreadingHTTPServer):
    """Stands for the product's webhooks: keeps what comes, answers what it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.received: list[Received] = []
        self.answers: list[int] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def statuses(self, sid: str | None = None) -> list[str]:
        """The statuses that were called back, in the order in which they came."""
        return [
            held.params["MessageStatus"] for held in self.received if sid in (None, held.params["MessageSid"])
        ]


class _Door(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        params = dict(parse_qsl(body, keep_blank_values=True))
        self.server.received.append(Received(self.path, params, dict(self.headers)))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass
