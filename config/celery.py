"""The Celery app: queues, routes and the beat. Tasks carry ids only and are safe to run twice."""

import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Any

from billiard import active_children
from celery import Celery, bootsteps
from celery.signals import worker_init, worker_process_init
from kombu import Exchange, Queue

from config.logins import log_in_as
from config.supervision import collect_less
from tenants.database import ENGINE

log = logging.getLogger(__name__)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if (
    "config.settings" not in sys.modules
):  # `celery -A config.celery`: everybody else comes here from the settings
    log_in_as(ENGINE)

app = Celery("callsign")
app.conf.update(
    broker_url=os.environ.get("BROKER_URL") or os.environ["REDIS_URL"],
    broker_connection_retry_on_startup=True,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_soft_time_limit=240,
    task_time_limit=270,
    task_serializer="json",
    accept_content=["json"],
    task_queues=[
        Queue(name, Exchange(name), routing_key=name)
        for name in ("interactive", "bulk", "inbound", "notify", "webhook")
    ],
    task_default_queue="bulk",
    task_routes={
        "messaging.dispatching.*": {"queue": "interactive"},
        "messaging.receiving.*": {"queue": "inbound"},
        "messaging.media.*": {"queue": "webhook"},
        "messaging.resolving.*": {"queue": "bulk"},
        "messaging.campaigns.*": {"queue": "bulk"},
        "messaging.chasing.*": {"queue": "bulk"},
        "notifications.*": {"queue": "notify"},
        "tenants.*": {"queue": "bulk"},
    },
    broker_transport_options={
        "visibility_timeout": 300,
        "unacked_restore_interval": 10,
        "socket_timeout": 5,
        "socket_connect_timeout": 1,
        "socket_keepalive": True,
    },
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    # Celery's Django fixup closes the connection around every task and ignores CONN_MAX_AGE; this prevents it.
    CELERY_DB_REUSE_MAX=1000,
    beat_schedule={
        "reconcile-inbound": {"task": "messaging.receiving.reconcile", "schedule": 300.0},
        "chase-receipts": {"task": "messaging.chasing.chase", "schedule": 300.0},
        "expire-keys": {"task": "tenants.idempotency.forget_expired", "schedule": 3600.0},
        "expire-sessions": {"task": "tenants.auth.sessions.forget_expired", "schedule": 3600.0},
    },
    timezone="UTC",
)

app.autodiscover_tasks()


# SIGTERM may come to the whole group (supervisord) or to the parent alone (docker). A pool process answers it by
# ending in the middle of its calls, whose texts then are unknown until their leases end; so it ignores it, and is
# told by the parent, which waits for the tasks under way. Billiard leaves only ignored signals alone. One that comes
# while a pool process begins waits until that is so: the parent would wait for ever for the job of one that died then.
HELD = (signal.SIGTERM, signal.SIGUSR2)


@worker_init.connect
def hold_signals_of_the_new(**_: Any) -> None:
    """In the parent: whoever it forks begins with these signals blocked."""
    os.register_at_fork(
        before=lambda: _mask(signal.SIG_BLOCK), after_in_parent=lambda: _mask(signal.SIG_UNBLOCK)
    )


@worker_process_init.connect
def end_drains_politely(**_: Any) -> None:
    """In each pool process."""
    from messaging import dispatching

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, dispatching.stop)
    _mask(signal.SIG_UNBLOCK)
    collect_less()


def _mask(how: int) -> None:
    signal.pthread_sigmask(how, HELD)


ENDS_WITHIN = 25.0  # seconds; a call takes 20 at most, and supervisord kills after 28


def end_now() -> None:
    """The parent and its pool, at once."""
    log.warning("the pool did not end within %s s", ENDS_WITHIN)
    for process in active_children():
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    os._exit(1)


class EndDrains(bootsteps.StartStopStep):
    """Before the parent waits for its pool, however it came to end: kombu may raise when Redis is killed, for one.

    Drains claim nothing more, and end when what is under way is recorded. A pool that has not ended long after its
    last call could end is not waited for: Celery was seen to wait for ever for a process that had nothing to do.
    """

    requires = {"celery.worker.components:Pool"}

    def stop(self, parent: Any) -> None:
        for process in active_children():
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGUSR2)
        patience = threading.Timer(ENDS_WITHIN, end_now)
        patience.daemon = True
        patience.start()


app.steps["worker"].add(EndDrains)
