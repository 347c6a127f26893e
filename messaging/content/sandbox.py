"""Asks a child process with limits (`child`) to inspect or render a template. At most CHILDREN for each process."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from messaging.content.engine import TOO_MUCH, Inspected
from messaging.content.faults import LIMIT, Fault

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "messaging.content.child"]
CHILDREN = 2
PATIENCE = 10.0  # seconds by the clock, for a machine that is busy; what is limited is processor time
ENVIRONMENT = {"TZ": "UTC", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


class Unavailable(Exception):
    """No child answered; it says nothing about the template."""


class _Child:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=ENVIRONMENT,
            bufsize=0,
        )

    def ask(self, line: bytes) -> dict[str, Any] | None:
        """None when it had ended before it was asked."""
        assert self.process.stdin is not None
        try:
            _write_all(self.process.stdin.fileno(), line)
        except BrokenPipeError:
            return None
        answer = self._read()
        if answer:
            return json.loads(answer)  # type: ignore[no-any-return]
        if self.process.wait(timeout=PATIENCE) == -signal.SIGPROF:
            raise Fault(LIMIT, TOO_MUCH)
        return None

    def _read(self) -> bytes:
        assert self.process.stdout is not None
        found, ends, pipe = b"", time.monotonic() + PATIENCE, self.process.stdout.fileno()
        while not found.endswith(b"\n"):
            if not select.select([pipe], [], [], max(0.0, ends - time.monotonic()))[0]:
                raise Unavailable("The renderer did not answer in time.")
            part = os.read(pipe, 1 << 16)
            if not part:
                return b""
            found += part
        return found

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


class _Pool:
    def __init__(self) -> None:
        self.idle: list[_Child] = []
        self.lock = threading.Lock()
        self.places = threading.BoundedSemaphore(CHILDREN)

    def ask(self, line: bytes) -> dict[str, Any]:
        if not self.places.acquire(timeout=PATIENCE):
            raise Unavailable("The renderer is busy.")
        try:
            for _ in range(CHILDREN + 2):  # those that were idle may have ended
                answer = self._ask_one(line)
                if answer is not None:
                    return answer
        except OSError as error:
            raise Unavailable(f"The renderer can’t be started ({type(error).__name__}).") from error
        finally:
            self.places.release()
        raise Unavailable("The renderer ended without an answer.")

    def _ask_one(self, line: bytes) -> dict[str, Any] | None:
        with self.lock:
            child = self.idle.pop() if self.idle else None
        child = child or _Child()
        answer = None
        try:
            answer = child.ask(line)
        finally:
            if answer is None or child.process.poll() is not None:
                child.end()
            else:
                with self.lock:
                    self.idle.append(child)
        return answer


_pool = _Pool()


def _begin_anew() -> None:
    """A forked process shares no child with its parent."""
    global _pool
    _pool = _Pool()


os.register_at_fork(after_in_child=_begin_anew)


def inspect(source: str) -> Inspected:
    """As `engine.inspect`, within the limits of a child."""
    fields, *rest = _value({"do": "inspect", "source": source})
    return Inspected([(name, index) for name, index in fields], *rest)


def render(source: str, fields: Mapping[str, Any], *, escapes: bool = False) -> str:
    """As `engine.render`, within the limits of a child."""
    asked = {"do": "render", "source": source, "fields": dict(fields), "escapes": escapes}
    return str(_value(asked))


def _value(asked: dict[str, Any]) -> Any:
    answer = _pool.ask(json.dumps(asked).encode() + b"\n")
    if "fault" in answer:
        raise Fault(**answer["fault"])
    return answer["value"]


def _write_all(pipe: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]
