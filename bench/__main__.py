"""Runs the benchmarks on servers of their own: `make bench`, `make bench ARGS=--short`, or some of them by the names of
`GROUPS`: `make bench ARGS="api selection"`, which leaves the other rows of results.json as they were."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

SHORT = "--short" in sys.argv
QUIET: dict[str, object] = {"callbacks": {"drop": 1}}  # receipts would load the simulator's only core
SENDERS = 500 if SHORT else 10_000
TEXTS = 3_000 if SHORT else 21_000
ROUNDS = {"rounds": 1, "seconds": 1} if SHORT else {"rounds": 5, "seconds": 2}
ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results.json"
Rows = dict[str, dict[str, object]]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="callsign-bench-") as folder:
        os.chmod(folder, 0o700)
        simulator = _surroundings(folder)
        try:
            results = _measure()
        finally:
            simulator.terminate()
            simulator.wait(timeout=10)
    for key, row in results.items():
        print(f"{key:<28} {row['value']:>10} {row['unit']:<8} must {row['must']:<8} {row['note']}")
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**known, **results}, indent=2) + "\n")


def _surroundings(folder: str) -> subprocess.Popen[bytes]:
    """PostgreSQL, Valkey, migrations and a simulator, all in `folder`."""
    from config.servers import free_port

    os.environ |= {
        "DATA_DIR": folder,
        "SIMULATOR_PORT": str(free_port()),
        "SIMULATOR_SMTP_PORT": str(free_port()),
        "PUBLIC_BASE_URL": "http://127.0.0.1:9",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    from config import embedded
    from config.supervision import collect_less

    embedded.attach()
    simulator = subprocess.Popen([sys.executable, "-m", "simulator"], cwd=ROOT)
    import django
    from django.core.management import call_command

    django.setup()
    collect_less()  # as worker processes do
    call_command("migrate", verbosity=0)
    base = f"http://127.0.0.1:{os.environ['SIMULATOR_PORT']}"
    ends = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(f"{base}/healthz", timeout=1)
            break
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)
    _faults(QUIET)
    return simulator


def _faults(faults: dict[str, object]) -> None:
    base = f"http://127.0.0.1:{os.environ['SIMULATOR_PORT']}"
    body = json.dumps({"seed": 1, **faults}).encode()
    urllib.request.urlopen(
        urllib.request.Request(f"{base}/_sim/faults", data=body, headers={"Content-Type": "application/json"})
    )


def _measure() -> dict[str, dict[str, object]]:
    results: dict[str, dict[str, object]] = {}
    for name in [name for name in GROUPS if name in sys.argv] or GROUPS:
        for rows in GROUPS[name]():
            print(*(f"  {key} {row['value']}" for key, row in rows.items()), sep="\n", flush=True)
            results.update(rows)
        _clear()
    return results


def _clear() -> None:
    from bench import queueing

    queueing.clear()


def _dispatch() -> Iterator[Rows]:
    from bench import crowded, dispatch, naive, queueing

    def take(milliseconds: int) -> None:
        _faults({"latency_ms": milliseconds, **QUIET})

    yield dispatch.measure(texts=TEXTS, senders=200)
    scene = queueing.make_scene("Scene", letter="c", senders=SENDERS)
    other = queueing.make_scene("Other", letter="d", senders=1)
    yield dispatch.measure_slow(scene, texts=TEXTS // 2, slow_down=take)
    yield naive.measure(scene, dispatch.drain_all(scene, TEXTS // 2, 200), texts=200 if SHORT else 1_000)
    many = 20_000 if SHORT else 1_000_000
    yield dispatch.measure_flatness(scene, few=TEXTS // 2, many=many, senders=SENDERS)
    yield crowded.measure_burst(scene, seconds=2 if SHORT else 10, texts=TEXTS * 4)
    wait = {"texts": 10_000, "seconds": 3} if SHORT else {"texts": 50_000, "seconds": 11}
    yield crowded.measure_reply_wait(scene, other, **wait)


def _fanout() -> Iterator[Rows]:
    from bench import fanout

    yield fanout.measure(contacts=5_000 if SHORT else 100_000)


def _api() -> Iterator[Rows]:
    from bench import api

    yield api.measure(**ROUNDS)


def _inbound() -> Iterator[Rows]:
    from bench import inbound

    yield inbound.measure(**ROUNDS)


def _selection() -> Iterator[Rows]:
    from bench import selection

    yield selection.measure(senders=SENDERS)


GROUPS = {
    "dispatch": _dispatch,
    "fanout": _fanout,
    "api": _api,
    "inbound": _inbound,
    "selection": _selection,
}


if __name__ == "__main__":
    main()
