"""Two who write the same row at the same moment: a third session holds it until both wait."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg2
from django.db import connection


def both_wait_for(table: str, pk: Any, works: list[Callable[[], Any]]) -> list[Any]:
    """What two works return that ran at once; neither could write the row before both had come to it."""
    wanted = ("dbname", "user", "password", "host", "port")
    params = {name: value for name, value in connection.get_connection_params().items() if name in wanted}
    holder = psycopg2.connect(**params)
    try:
        with holder.cursor() as cursor, ThreadPoolExecutor(2) as threads:
            cursor.execute(f"SELECT FROM {table} WHERE id = %s FOR UPDATE", [str(pk)])
            running = [threads.submit(_closing, work) for work in works]
            try:
                _wait_for_two()
            finally:
                holder.rollback()
            return [one.result(timeout=60) for one in running]
    finally:
        holder.close()


def _closing(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connection.close()


def _wait_for_two() -> None:
    """Until two sessions wait for a lock."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        if cursor.fetchone()[0] == 2:
            return
        time.sleep(0.02)
    raise AssertionError("nobody waits")
