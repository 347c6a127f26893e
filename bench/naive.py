"""The usual way at its best, as a yardstick: a Celery task for each text (`bench.one_task_per_text`)."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from django.db.models import Max, Min

from bench import queueing
from bench.one_task_per_text import send
from bench.queueing import Drained, Scene
from messaging.models import Message

ROOT = Path(__file__).resolve().parents[1]
PROCESSES = 4


def measure(scene: Scene, ours: Drained, *, texts: int) -> dict[str, dict[str, Any]]:
    """`ours` is a drain of the same run."""
    queueing.clear()
    scene.fill(texts=texts, senders=200)
    for pk in Message.unscoped.values_list("pk", flat=True):
        send.delay(str(pk))
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "bench.one_task_per_text",
        "worker",
        "-c",
        str(PROCESSES),
        "-Q",
        "naive",
    ]
    worker = subprocess.Popen(
        command, cwd=ROOT, env=queueing.worker_environ(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        ends = time.monotonic() + 180
        while queueing.accepted() < texts:
            assert time.monotonic() < ends and worker.poll() is None, "the yardstick does not get on"
            time.sleep(0.2)
    finally:
        worker.terminate()
        worker.wait(timeout=30)
    at = Message.unscoped.aggregate(first=Min("accepted_at"), last=Max("accepted_at"))
    rate = (texts - 1) / (at["last"] - at["first"]).total_seconds()
    return {
        "dispatch_vs_naive": {
            "value": round(ours.rate / rate, 1),
            "unit": "ratio",
            "must": ">= 6",
            "note": f"{ours.rate:.0f} texts/s against {rate:.0f} of one task per text ({PROCESSES} processes)",
        }
    }
