"""Crash points for the fault tests: FAILPOINT=name:N in the environment kills this process at the Nth hit.

`tests/faults/crash_points.py` finds every name in the source by itself.
"""

import os
import signal
from collections import Counter

_hits: Counter[str] = Counter()
_armed: dict[str, int] = {}


def arm(words: str) -> None:
    """Kills at the Nth hit of a point: "name:N"; nothing when empty."""
    name, _, count = words.partition(":")
    _hits.clear()
    _armed.clear()
    if name:
        _armed[name] = int(count or 1)


def failpoint(name: str) -> None:
    """Nothing, unless this point is armed: then kill -9 at its Nth hit."""
    if name in _armed:
        _hits[name] += 1
        if _hits[name] == _armed[name]:
            os.kill(os.getpid(), signal.SIGKILL)


arm(os.environ.get("FAILPOINT", ""))
