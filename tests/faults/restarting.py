"""Ending the worker as supervisord does (SIGTERM to its group) and as docker does (to the parent alone), in turn."""

import os
import signal
import time

import psutil

from tests.faults.asking import Asker
from tests.faults.judging import crowd, handed_over, judge, rows, set_faults, start_campaign, telling
from tests.faults.processes import find, tree
from tests.stack import Api, Stack, eventually

GONE_WITHIN = 30.0


def restart_worker_under_load(stack: Stack, api: Api, *, times: int, texts: int) -> None:
    with telling(stack):
        ids = crowd(stack, api, senders=40, contacts=texts, mps=1)
        set_faults(stack, latency_ms=300)
        with Asker(api, ids, threads=2) as asker:
            start_campaign(api)
            gone = [_restart(stack, whole_group=n % 2 == 0) for n in range(times)]
        figures = judge(stack, api, texts=texts, asker=asker)
        cut = (
            "SELECT count(*) FROM messaging_attempt WHERE org_id = %s AND outcome IN ('', 'found', 'absent')"
        )
        [(cut_short,)] = rows(stack, cut, api.org)
    set_faults(stack)
    seconds = ", ".join(f"{one:.1f}" for one in gone)
    print(f"\n{times} restarts: {figures}; gone after {seconds} s; calls cut short: {cut_short}")
    assert cut_short == 0, "a polite end cuts no call short"


def _restart(stack: Stack, *, whole_group: bool) -> float:
    """Seconds until the whole process tree was gone; returns once texts leave again."""
    worker = eventually(lambda: find(stack, "worker"), within=30, what="a worker")
    eventually(lambda: len(tree(worker)) > 4, within=30, what="its pool")
    before = handed_over(stack)
    eventually(lambda: handed_over(stack) > before + 20, within=30, what="texts to leave")
    everyone, began = tree(worker), time.monotonic()
    os.killpg(worker.pid, signal.SIGTERM) if whole_group else worker.send_signal(signal.SIGTERM)
    _, stubborn = psutil.wait_procs(everyone, timeout=GONE_WITHIN)
    assert not stubborn, f"still there after {GONE_WITHIN} s: {stubborn}"
    return time.monotonic() - began


def end_worker_as_it_begins(stack: Stack, *, waits: list[float]) -> None:
    """SIGTERM to the whole group so many seconds after its first pool process began: all are gone in time."""
    gone = [f"{_end_at_once(stack, wait):.1f}" for wait in waits]
    print(f"\nended as it began: gone after {', '.join(gone)} s")


def _end_at_once(stack: Stack, wait: float) -> float:
    worker = eventually(lambda: find(stack, "worker"), within=30, what="a worker")
    eventually(lambda: len(tree(worker)) > 1, within=30, what="its first pool process")
    time.sleep(wait)
    everyone, began = tree(worker), time.monotonic()
    os.killpg(worker.pid, signal.SIGTERM)
    _, stubborn = psutil.wait_procs(everyone, timeout=GONE_WITHIN)
    assert not stubborn, f"{wait} s after it began; still there after {GONE_WITHIN} s: {stubborn}"
    return time.monotonic() - began
