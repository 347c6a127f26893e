"""kill -9 of PostgreSQL under load of the API: every 202 is kept, everything else is a 503, and it heals by itself."""

import socket
import time
from urllib.parse import urlsplit

from tests.faults.asking import Asker
from tests.faults.judging import judge, senders_of_the_org, set_faults, state_of, telling
from tests.faults.processes import kill
from tests.stack import Api, Stack, eventually

HEALTHY_WITHIN = 30.0
# While it is away the answer is 503; a request that the restart of a web process met got no answer at all.
HONEST = {"202", "503"}


def kill_postgres(stack: Stack, api: Api, *, times: int, pause: float) -> None:
    with telling(stack):
        set_faults(stack)
        waits = []
        with Asker(api, senders_of_the_org(api, mps=50), threads=4, pause=0.05) as asker:
            for _ in range(times):
                time.sleep(pause)
                assert kill(stack, "postgres")
                waits.append(_seconds_until_healthy(stack, asker))
            time.sleep(pause)
        figures = judge(stack, api, texts=0, asker=asker)
    print(
        f"\n{times} kills: {figures}; answers {dict(asker.answers)}; healthy after {[round(w, 1) for w in waits]} s"
    )
    assert max(waits) < HEALTHY_WITHIN
    assert set(asker.answers) <= HONEST, asker.answers
    assert asker.answers["503"], "no request met PostgreSQL away"


def _seconds_until_healthy(stack: Stack, asker: Asker) -> float:
    """From its return to the next 202."""
    eventually(lambda: _takes_connections(stack), within=60, what="PostgreSQL to be back")
    back = time.monotonic()
    eventually(lambda: asker.first_accepted_after(back), within=60, what="a 202")
    return time.monotonic() - back


def _takes_connections(stack: Stack) -> bool:
    address = urlsplit(state_of(stack)["DATABASE_URL"])
    try:
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=1):
            return True
    except OSError:
        return False
