"""After the fire: every text is with the carrier exactly once, and every invariant holds."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import requests

from tests.faults.asking import Asker
from tests.faults.crowd import TAG
from tests.stack import Api, Stack, eventually

# The carrier of every fault run lists a text 5 s late.
LATE = {"list_delay_ms": 5000}
OPEN = ("scheduled", "queued", "sending", "unknown")
HANDED_OVER = ("accepted", "sent", "delivered", "undelivered")


def state_of(stack: Stack) -> dict[str, str]:
    """Where its servers are."""
    state = json.loads((Path(stack.env["DATA_DIR"]) / "stack.json").read_text())
    return dict(state["environ"])


def rows(stack: Stack, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(state_of(stack)["DATABASE_URL"])) as connection:
        cursor = connection.cursor()
        cursor.execute(sql, values)
        return cursor.fetchall()


def set_faults(stack: Stack, seed: int = 1, **faults: Any) -> None:
    answer = requests.post(
        f"{stack.simulator}/_sim/faults", json={"seed": seed, **LATE, **faults}, timeout=10
    )
    assert answer.status_code == 200, answer.text


def handed_over(stack: Stack) -> int:
    """How many texts the carrier has taken so far, of everybody."""
    return int(requests.get(f"{stack.simulator}/_sim/stats", timeout=20).json()["messages"]["outbound"])


def crowd(stack: Stack, api: Api, *, senders: int, contacts: int, mps: int) -> list[str]:
    """Fills the org; returns the ids of four senders of nobody in particular, for an `Asker`."""
    words = f"senders={senders}, contacts={contacts}, mps={mps}"
    stack.manage("shell", "-c", f"from tests.faults.crowd import build; build({api.org!r}, {words})")
    return senders_of_the_org(api)


def senders_of_the_org(api: Api, mps: int = 20) -> list[str]:
    made = [api.long_code(mps=mps) for _ in range(4)]
    for sender in made:
        api.assign(sender, "organization", api.org)
    return [sender["id"] for sender in made]


def start_campaign(api: Api) -> str:
    """To the whole crowd, from each owner's own sender."""
    made = api.post(
        "/campaigns",
        {
            "name": "Fire",
            "body": "Hi {{ contact.name }}, it is burning",
            "audience": {"tags": [TAG]},
            "sender_mode": "contact_owner",
        },
    )
    api.post(f"/campaigns/{made['id']}/start", expect=200)
    return str(made["id"])


def states(stack: Stack, api: Api) -> Counter[str]:
    """Texts by state, and how many campaigns are still at work."""
    sql = "SELECT status, count(*) FROM messaging_message WHERE org_id = %s AND direction = 'outbound' GROUP BY 1"
    at_work = (
        "SELECT count(*) FROM messaging_campaign WHERE org_id = %s AND status IN ('scheduled', 'sending')"
    )
    return Counter(dict(rows(stack, sql, api.org))) + Counter(campaigns=rows(stack, at_work, api.org)[0][0])


def settle(stack: Stack, api: Api, *, within: float) -> Counter[str]:
    """Waits until nothing is open any more, or `within` seconds; returns the texts by state."""
    ends = time.monotonic() + within
    while True:
        found = states(stack, api)
        if not any(found[state] for state in (*OPEN, "campaigns")) or time.monotonic() > ends:
            return found
        time.sleep(0.5)


def judge(stack: Stack, api: Api, *, texts: int, asker: Asker | None = None, within: float = 120) -> str:
    """0 lost, 0 twice, at most 0.1 % unknown, invariants green; returns the figures."""
    found = settle(stack, api, within=within)
    unknown, open_still = found["unknown"], [state for state in (*OPEN[:3], "campaigns") if found[state]]
    assert not open_still, f"not settled within {within} s: {dict(found)}"
    asked = {} if asker is None else asker.accepted
    if asker is not None:
        assert not asker.given_up, (
            f"never accepted: {asker.given_up[:5]}; {dict(asker.answers)} {asker.refused}"
        )
    expected = texts + len(asked)
    assert sum(found.values()) == expected, f"{expected} were asked for: {dict(found)}"
    sent = {
        number: status
        for number, status in rows(
            stack, 'SELECT "to", status FROM messaging_message WHERE org_id = %s AND direction = %s',
            api.org, "outbound",
        )
    }  # fmt: skip
    assert set(asked.values()) <= set(sent)
    ledger = requests.get(f"{stack.simulator}/_sim/ledger", timeout=60).json()["messages"]
    at_carrier = Counter(
        entry["to"] for entry in ledger if entry["account_sid"] == api.account["account_sid"]
    )
    twice = [number for number, n in at_carrier.items() if n > 1]
    lost = [to for to, status in sent.items() if status in HANDED_OVER and not at_carrier[to]]
    strange = {
        status: n for status, n in found.items() if status not in (*HANDED_OVER, "unknown", "cancelled")
    }
    figures = f"{expected} texts, lost {len(lost)}, twice {len(twice)}, unknown {unknown}, {dict(found)}"
    assert not twice and not lost and not strange, figures
    assert unknown <= expected / 1000, figures
    demand_invariants(stack)
    return figures


def demand_invariants(stack: Stack) -> None:
    said = ""

    def hold() -> bool:
        nonlocal said
        done = stack.manage("invariants", "--settled", check=False)
        said = done.stdout + done.stderr[-2000:]
        return done.returncode == 0

    try:
        eventually(hold, within=20)
    except AssertionError:
        raise AssertionError(said) from None


@contextmanager
def telling(stack: Stack) -> Iterator[None]:
    """A failing run shows the ends of its logs."""
    try:
        yield
    except BaseException:
        for log in sorted((Path(stack.env["DATA_DIR"]) / "logs").glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()
            loud = [line for line in lines if "ERROR" in line or "Traceback" in line or "WARNING" in line]
            print(
                f"--- {log.name} ({len(lines)} lines), loud ones",
                *loud[-15:],
                "… the end",
                *lines[-15:],
                sep="\n",
            )
        print(requests.get(f"{stack.simulator}/_sim/stats", timeout=20).text)
        raise
