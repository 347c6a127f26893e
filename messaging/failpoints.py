"""Crash points for the fault tests: FAILPOINT=name:N in the environment kills this process at the Nth hit."""

import os
import signal
from collections import Counter

_hits: Counter[str] = Counter()
_name, _, _count = os.environ.get("FAILPOINT", "").partition(":")


def failpoint(name: str) -> None:
    """Nothing, unless the environment names this point: then kill -9 at the Nth hit."""
    if name == _name:
        _hits[name] += 1
        if _hits[name] == int(_count or 1):
            os.kill(os.getpid(), signal.SIGKILL)
