"""Runs `crash_points` and `rates` beside a simulator, on the servers of the test run."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from tests.faults.crash_points import ROOT
from tests.simulator.running import RunningSimulator

# A call ends after 3 s; what is open then is asked for until 6 s after its lease.
QUICK = {"LEASE_SECONDS": "7", "SEND_TOTAL_SECONDS": "3", "SETTLE_SECONDS": "6", "RESOLVE_PAUSE_SECONDS": "1"}
CARRIER = {
    "seed": 1,
    "list_delay_ms": 5000,
    "rate_429": 0.05,
    "drop_before": 0.05,
    "drop_after_accept": 0.2,
    "callbacks": {"delay_ms": 100, "duplicate": 0.1, "drop": 0.1},
}


def crash_everywhere(folder: Path, *words: str) -> None:
    """Dies at each crash point; prints the list of them with the hits covered. Fails when a case does."""
    run_beside_simulator(folder, CARRIER, "tests.faults.crash_points", "--folder", str(folder), *words)


def keep_rates(folder: Path, *, seconds: int) -> None:
    """Three drains share the rates of two senders; prints them. Fails when one is off by more than 5 %."""
    faults = {"callbacks": {"drop": 1}}
    run_beside_simulator(folder, faults, "tests.faults.rates", "--seconds", str(seconds))


def run_beside_simulator(folder: Path, faults: dict[str, Any], module: str, *words: str) -> None:
    simulator = RunningSimulator(folder / "simulator")
    simulator.start()
    try:
        answer = requests.post(f"{simulator.url}/_sim/faults", json=faults, timeout=10)
        assert answer.status_code == 200, answer.text
        env = os.environ | QUICK | {"DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT)}
        env |= {"SIMULATOR_PORT": str(simulator.port), "PUBLIC_BASE_URL": "http://127.0.0.1:1"}
        done = subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        simulator.stop()
    print(f"\n{done.stdout}")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-6000:]}"
