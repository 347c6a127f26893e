"""The child process that renders what is not proven cheap: `python -m messaging.content.child`, one line a request.

Each request has a second of processor time, enforced by the kernel's timer (which also ends a regular expression or
a copy in C), and the process has MEMORY more than it started with. It has no environment, no database and no secret.
It ends when nobody asks for a minute, so that none is left behind.
"""

import json
import resource
import select
import signal
import sys
from pathlib import Path
from typing import Any

from messaging.content import engine
from messaging.content.faults import LIMIT, Fault

SECONDS = 1.0  # of processor time, for each request
MEMORY = 100 * 2**20  # bytes more than at the start
IDLE = 60.0  # seconds


def main() -> None:
    _limit()
    while select.select([sys.stdin.buffer], [], [], IDLE)[0]:
        line = sys.stdin.buffer.readline()
        if not line:
            return
        answer, is_sound = _answer(line)
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()
        if not is_sound:
            return


def _limit() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for what in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(what, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent


def _answer(line: bytes) -> tuple[dict[str, Any], bool]:
    """The answer, and whether the process may go on: after a lack of memory it may not."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)  # SIGPROF is not handled: it ends the process
    try:
        asked = json.loads(line)
        if asked["do"] == "inspect":
            return {"value": engine.inspect(asked["source"])}, True
        return {"value": engine.render(asked["source"], asked["fields"], escapes=asked["escapes"])}, True
    except Fault as fault:
        return {"fault": fault.as_dict()}, True
    except MemoryError:
        return {"fault": Fault(LIMIT, engine.TOO_MUCH).as_dict()}, False
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
