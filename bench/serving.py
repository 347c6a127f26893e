"""Web servers for benchmarks, started exactly as `make run` starts `web`."""

import configparser
import os
import shlex
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.run import wait_for_pages
from config.servers import free_port

ROOT = Path(__file__).resolve().parents[1]
PRODUCT, BARE = "config.settings", "bench.bare_settings"


@contextmanager
def serving(settings: str) -> Iterator[int]:
    """The port of a server with these settings, up until the block ends."""
    port = free_port()
    environ = {**os.environ, "GRANIAN_PORT": str(port), "DJANGO_SETTINGS_MODULE": settings}
    if settings == BARE:
        environ["DATABASE_ROLE"] = "owner"  # its table is its own
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ.get('PATH', os.defpath)}"
    server = subprocess.Popen(web_command(), cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)
    try:
        wait_for_pages([f"http://127.0.0.1:{port}/healthz"], alive=lambda: server.poll() is None)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=20)


def web_command() -> list[str]:
    """granian and its flags and its application, out of config/supervisord.conf."""
    known = configparser.RawConfigParser()
    known.read(ROOT / "config" / "supervisord.conf")
    words = shlex.split(known["program:web"]["command"])
    return words[words.index("granian") :]


def ratio_of(ours: list[float], theirs: list[float]) -> float:
    """Of the medians of rounds that took turns, so that noise on the machine meets both."""
    return round(statistics.median(ours) / statistics.median(theirs), 2)
