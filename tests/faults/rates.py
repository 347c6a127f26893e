"""A slow and a fast sender, drained by three processes at once: `python -m tests.faults.rates --seconds 60`.

Prints the texts per second that the carrier took from each, over a steady window. The carrier drops all receipts:
nobody listens here.
"""

import argparse
import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta

import requests

from tests.faults.crash_points import database_url, execute, fork, wait_for

DATABASE = "rates"
SLOW, FAST = 1, 100
PROCESSES = 3
BEFORE = 6.0  # seconds until the first burst is over and every process is at work
TOLERANCE = 0.05


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=60)
    seconds = options.parse_args().seconds
    admin = os.environ["DATABASE_URL"]
    execute(admin, f'DROP DATABASE IF EXISTS "{DATABASE}"', f'CREATE DATABASE "{DATABASE}"')
    os.environ |= {"DATABASE_URL": database_url(admin, DATABASE), "DJANGO_SETTINGS_MODULE": "config.settings"}
    import django

    django.setup()
    assert wait_for(fork(lambda: make(seconds))) == 0
    pids = [fork(drain) for _ in range(PROCESSES)]
    try:
        time.sleep(BEFORE + seconds + 1)
        return judge(seconds)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        execute(admin, f'DROP DATABASE "{DATABASE}" WITH (FORCE)')


def make(seconds: float) -> None:
    """Two senders with more queued than they may send."""
    from django.core.management import call_command
    from django.utils import timezone

    from messaging.models import Contact, Message
    from senderid.provisioning import add_sender
    from tests.world import make_account, make_org

    call_command("migrate", interactive=False, verbosity=0)
    org = make_org("Rates")
    account = make_account(org, is_simulator=True)
    contact = Contact.objects.for_org(org).create(number="+16285550199", country="US")
    now = timezone.now()
    for n, mps in enumerate((SLOW, FAST)):
        sender = add_sender(org=org, kind="long_code", value=value(mps), country="US", mps=mps)
        Message.objects.for_org(org).bulk_create(
            Message(
                org=org, sender=sender, account=account, contact=contact, direction="outbound", origin="campaign",
                status="queued", lane=1, to=f"+1628{557 + n}{i:04d}", from_value=sender.value, country="US",
                body="Hello", encoding="GSM-7", segments=1, due_at=now, expires_at=now + timedelta(hours=1),
            )
            for i in range(min(9999, int(mps * (seconds + 2 * BEFORE)) + 50))
        )  # fmt: skip


def value(mps: int) -> str:
    return f"+1415556{mps:04d}"


def drain() -> None:
    from config.supervision import end_when_orphaned
    from messaging import dispatching
    from tenants import hints

    end_when_orphaned()
    hints._put = lambda item: None  # type: ignore[assignment]
    while True:
        dispatching.drain()


def judge(seconds: float) -> int:
    from django.conf import settings

    ledger = requests.get(f"{settings.SIMULATOR_BASE_URL}/_sim/ledger", timeout=60).json()["messages"]
    began = min(datetime.fromisoformat(row["received_at"]) for row in ledger)
    start = began + timedelta(seconds=BEFORE)
    end = start + timedelta(seconds=seconds)
    assert end < datetime.now(UTC), "the window is not over"
    wrong = 0
    for mps in (SLOW, FAST):
        moments = [datetime.fromisoformat(row["received_at"]) for row in ledger if row["from"] == value(mps)]
        rate = sum(1 for moment in moments if start <= moment < end) / seconds
        wrong += abs(rate - mps) > TOLERANCE * mps
        print(
            f"{mps} a second asked for, {rate:.3f} a second over {seconds:.0f} s with {PROCESSES} processes"
        )
    twice = len(ledger) - len({row["to"] for row in ledger})
    print(f"{len(ledger)} texts at the carrier, {twice} of them twice")
    return 1 if wrong or twice else 0


if __name__ == "__main__":
    sys.exit(main())
