"""Runs all benchmarks on servers of their own: `make bench`, or `make bench ARGS=--short`."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

SHORT = "--short" in sys.argv
QUIET: dict[str, object] = {"callbacks": {"drop": 1}}  # receipts would load the simulator's only core
ROOT = Path(__file__).resolve().parents[1]


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
    (ROOT / "bench" / "results.json").write_text(json.dumps(results, indent=2) + "\n")


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

    embedded.attach()
    simulator = subprocess.Popen([sys.executable, "-m", "simulator"], cwd=ROOT)
    import django
    from django.core.management import call_command

    django.setup()
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
    _faults(base, QUIET)
    return simulator


def _faults(base: str, faults: dict[str, object]) -> None:
    body = json.dumps({"seed": 1, **faults}).encode()
    urllib.request.urlopen(
        urllib.request.Request(f"{base}/_sim/faults", data=body, headers={"Content-Type": "application/json"})
    )


def _measure() -> dict[str, dict[str, object]]:
    from bench import api, crowded, dispatch, fanout, inbound, naive, queueing, selection

    base = f"http://127.0.0.1:{os.environ['SIMULATOR_PORT']}"
    senders = 500 if SHORT else 10_000
    texts = 3_000 if SHORT else 21_000
    results: dict[str, dict[str, object]] = {}

    def note(rows: dict[str, dict[str, object]]) -> None:
        print(*(f"  {key} {row['value']}" for key, row in rows.items()), sep="\n", flush=True)
        results.update(rows)

    def take(milliseconds: int) -> None:
        _faults(base, {"latency_ms": milliseconds, **QUIET})

    note(dispatch.measure(texts=texts, senders=200))
    scene = queueing.make_scene("Scene", letter="c", senders=senders)
    other = queueing.make_scene("Other", letter="d", senders=1)
    note(dispatch.measure_slow(scene, texts=texts // 2, slow_down=take))
    note(naive.measure(scene, dispatch.drain_all(scene, texts // 2, 200), texts=200 if SHORT else 1_000))
    many = 20_000 if SHORT else 1_000_000
    note(dispatch.measure_flatness(scene, few=texts // 2, many=many, senders=senders))
    note(crowded.measure_burst(scene, seconds=2 if SHORT else 10, texts=texts * 4))
    wait = {"texts": 10_000, "seconds": 3} if SHORT else {"texts": 50_000, "seconds": 15}
    note(crowded.measure_reply_wait(scene, other, **wait))
    queueing.clear()
    note(fanout.measure(contacts=5_000 if SHORT else 100_000))
    queueing.clear()
    rounds = {"rounds": 1, "seconds": 1} if SHORT else {"rounds": 5, "seconds": 2}
    note(api.measure(**rounds))
    note(inbound.measure(**rounds))
    note(selection.measure(senders=senders))
    return results


if __name__ == "__main__":
    main()
