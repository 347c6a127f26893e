"""Hints: "look now" to the workers, from a background thread, so that no request waits for the broker.

A hint may be lost: `config.dispatcher` asks PostgreSQL every second anyway. In the lowest layer because every
layer above hints. Repeated hints within 20 ms are one, in a burst those within 100 ms. What Redis has to know for certain
(`insist_after_commit`) is tried again until Redis took it.
"""

import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import transaction

log = logging.getLogger(__name__)
BREAK_SECONDS = 5.0
BURST_SECONDS = 0.1
RETRY_SECONDS = 0.5
_waiting: queue.Queue[tuple[str, str]] = queue.Queue(maxsize=10_000)
_insisted: dict[str, Callable[[Any], None]] = {}
_thread: dict[str, Any] = {}
_lock = threading.Lock()


def after_commit(task: str) -> None:
    """Runs the Celery task `task` (dotted name, no arguments) soon after this transaction commits."""
    transaction.on_commit(lambda: _put(("task", task)), robust=True)


def publish_after_commit(channel: str, payload: str) -> None:
    """Publishes `payload` to a Redis channel after this transaction commits."""
    transaction.on_commit(lambda: _put((channel, payload)), robust=True)


def insist_after_commit(name: str, work: Callable[[Any], None]) -> None:
    """Calls `work(redis)` after this transaction commits, again and again until Redis took it; once per name."""
    transaction.on_commit(lambda: _insist(name, work), robust=True)


def _insist(name: str, work: Callable[[Any], None]) -> None:
    _insisted[name] = work
    _put(("insisted", ""))


def _put(item: tuple[str, str]) -> None:
    with _lock:
        if _thread.get("pid") != os.getpid() or not _thread["thread"].is_alive():
            _thread["pid"] = os.getpid()
            _thread["thread"] = threading.Thread(target=_run, daemon=True, name="hints")
            _thread["thread"].start()
    try:
        _waiting.put_nowait(item)
    except queue.Full:
        log.warning("hint dropped: too many are waiting")


def _run() -> None:
    closed_until = delivered_at = 0.0
    while True:
        batch = _next()
        _deliver_insisted()
        if not batch:
            continue
        # Lets a burst become one hint: sending one costs as much as a request. Nobody waits for this thread.
        time.sleep(max(0.02, delivered_at + BURST_SECONDS - time.monotonic()))
        while not _waiting.empty():
            batch[_waiting.get()] = None
        _deliver_insisted()
        batch.pop(("insisted", ""), None)
        if time.monotonic() < closed_until:
            continue
        try:
            _deliver(list(batch))
            delivered_at = time.monotonic()
        except Exception as error:
            log.warning("hints pause %s s: %s", BREAK_SECONDS, type(error).__name__)
            closed_until = time.monotonic() + BREAK_SECONDS


def _next() -> dict[tuple[str, str], None]:
    """The first hint of a batch; empty when it is time to insist again."""
    try:
        return {_waiting.get(timeout=RETRY_SECONDS if _insisted else None): None}
    except queue.Empty:
        return {}


def _deliver_insisted() -> None:
    """Before any hint and apart from them: a broker that is away must not hold up what Redis has to know."""
    for name, work in list(_insisted.items()):
        try:
            work(redis_client())
        except Exception as error:
            log.warning("Redis did not take %s yet: %s", name, type(error).__name__)
            return
        if _insisted.get(name) is work:
            del _insisted[name]


def _deliver(batch: list[tuple[str, str]]) -> None:
    """What is published goes in one round trip."""
    events = [item for item in batch if item[0] != "task"]
    for _, task in (item for item in batch if item[0] == "task"):
        from celery import current_app

        current_app.send_task(task, retry=False, expires=30)
    if events:
        together = redis_client().pipeline(transaction=False)
        for channel, payload in events:
            together.publish(channel, payload)
        together.execute()


def redis_client() -> Any:
    """This process's Redis client, with timeouts of one second."""
    from django.conf import settings
    from redis import Redis

    if _thread.get("redis_pid") != os.getpid():
        _thread["redis"] = Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
        _thread["redis_pid"] = os.getpid()
    return _thread["redis"]


def send_now(task: str) -> None:
    """A hint without waiting for a commit; for sweeps."""
    _put(("task", task))
