"""Runs commands on embedded stacks of their own, as a second terminal would."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from config.embedded import PROJECT

SETTINGS = {
    "DATABASE_URL", "REDIS_URL", "BROKER_URL", "SECRET_KEY", "FIELD_KEYS", "PUBLIC_BASE_URL", "LIVE_BASE_URL",
    "EMAIL_URL", "PORT", "LIVE_PORT", "SIMULATOR_PORT", "SIMULATOR_SMTP_PORT", "DJANGO_SETTINGS_MODULE",
    "CALLSIGN_STACK",
}  # fmt: skip
CONNECT = """
import os, sys, psycopg2, redis
from config import embedded
embedded.attach()
database = psycopg2.connect(os.environ["DATABASE_URL"])
database.autocommit = True
sql = database.cursor()
hints = redis.Redis.from_url(os.environ["REDIS_URL"])
"""


def bare_environment(data_dir: Path, **more: str) -> dict[str, str]:
    """The test run's own stack must not be seen."""
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return kept | {"DATA_DIR": str(data_dir), "PYTHONPATH": str(PROJECT)} | more


def start(data_dir: Path, code: str, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CONNECT + code], cwd=PROJECT, env=bare_environment(data_dir, **more),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run(data_dir: Path, code: str, **more: str) -> str:
    process = start(data_dir, code, **more)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return said.strip()


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
