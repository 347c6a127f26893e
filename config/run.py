"""`make run`: everything, in the foreground, under supervision, until Ctrl-C.

Starts supervisord (see `supervisord.conf`), migrates, seeds the demo, says when all is ready, and waits. With
DATABASE_URL set it runs only Callsign's own processes, on the servers of the environment.
"""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from config.embedded import (
    DEFAULT_PORTS,
    PROJECT,
    data_dir,
    environment,
    fill_environment,
    forget_stack,
    locked,
    record_stack,
    running_stack,
)
from config.servers import free_port, is_free, prepare_servers, wait_for_servers
from config.supervision import MARK, end_leftovers, end_with_parent

READY_SECONDS = 180
_reserved: list[socket.socket] = []  # the names of our ports, held until we end


def main() -> int:
    """Runs until SIGINT or SIGTERM (0), or until the start fails (1)."""
    if "--with-parent" in sys.argv:
        end_with_parent()
    for sig in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sig, _stop)
    folder = data_dir()
    with locked(folder / "start.lock"):
        users = _be_the_only_one(folder)
        choose_ports()
        if embedded := not os.environ.get("DATABASE_URL"):
            prepare_servers(folder)
            fill_environment(environment(folder))
        os.environ |= _surroundings(folder, embedded=embedded)
        record_stack(folder, kind="run", environ=_known_to_others() if embedded else {})
        fcntl.flock(users, fcntl.LOCK_SH)
    try:
        return _supervise(folder)
    finally:
        for sig in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sig, signal.SIG_IGN)
        forget_stack(folder)
        end_leftovers(folder)
        print("Callsign has stopped.", flush=True)


def choose_ports() -> None:
    """Each default port if it is free, else another one; a port that was asked for by name must be free."""
    for name, default in DEFAULT_PORTS.items():
        if asked := os.environ.get(name):
            if not _reserve(int(asked)):
                raise SystemExit(f"{name}={asked} is taken by another program.")
            continue
        port = default if _reserve(default) else next(iter(_free_ports()))
        os.environ[name] = str(port)
        if port != default:
            print(f"Port {default} is taken, {name} is {port}.", flush=True)


def prepare(gate: int) -> None:
    """A process of its own: migrates, opens the gate to the programs that wait for it, seeds the demo."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.core.management import call_command, get_commands

    django.setup()
    embedded = os.environ["EMBEDDED"] == "true"
    if embedded:
        wait_for_servers(Path(os.environ["DATA_DIR"]))
    call_command("migrate", interactive=False, verbosity=1, stdout=sys.stderr)
    os.close(gate)
    if embedded and "seed_demo" in get_commands():
        wait_for_pages([_simulator()], alive=lambda: True)
        call_command("seed_demo")


def wait_for_pages(urls: list[str], *, alive: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
    """Returns once each of `urls` has answered 200; raises TimeoutError naming the one that did not."""
    deadline = time.monotonic() + seconds
    for url in urls:
        while not _answers(url):
            if not alive() or time.monotonic() > deadline:
                raise TimeoutError(f"{url} does not answer.")
            time.sleep(0.05)


def _supervise(folder: Path) -> int:
    """Runs supervisord, and runs it again should it be killed: its programs end with it."""
    supervisord: subprocess.Popen[bytes] | None = None
    try:
        print("Callsign is starting.", flush=True)
        gate = _close_gate(folder)
        supervisord = started = _start_supervisord()
        logins = _prepare(folder, gate)
        wait_for_pages(_pages(), alive=lambda: started.poll() is None)
        _say_ready(folder, logins)
        while True:
            supervisord.wait()
            end_leftovers(folder)
            supervisord = _start_supervisord()
    except (TimeoutError, RuntimeError) as error:
        print(f"Callsign did not start: {error} See {folder / 'logs'}.", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("\nStopping…", flush=True)
        return 0
    finally:
        for sig in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sig, signal.SIG_IGN)
        if supervisord is not None:
            _end_supervisord(supervisord)


def _be_the_only_one(folder: Path) -> IO[str]:
    """Waits for passing commands, refuses a second run, ends what a killed run left; returns the lock."""
    state = running_stack(folder)
    if state and state["kind"] == "run":
        raise SystemExit(f"Callsign already runs here (process {int(state['owner']['pid'])}).")
    users = open(folder / "users.lock", "a")  # noqa: SIM115 (held until the process ends)
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Waiting for another command that uses the database…", flush=True)
        fcntl.flock(users, fcntl.LOCK_EX)
    if count := end_leftovers(folder):
        print(f"Ended {count} processes that an earlier run left behind.", flush=True)
    forget_stack(folder)
    return users


def _reserve(port: int) -> bool:
    """True if the port is free and no other start has its eye on it (granian would silently share it)."""
    if not is_free(port):
        return False
    if sys.platform == "linux":
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0callsign-port-{port}")  # abstract: gone with the process, whatever becomes of it
        except OSError:
            name.close()
            return False
        _reserved.append(name)
    return True


def _free_ports() -> list[int]:
    return [port for port in (free_port() for _ in range(50)) if _reserve(port)][:1]


def _surroundings(folder: Path, *, embedded: bool) -> dict[str, str]:
    return {
        "DATA_DIR": str(folder),
        "EMBEDDED": str(embedded).lower(),
        "LEASH": f'"{sys.executable}" -S config/supervision.py',
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(PROJECT),
        MARK: str(folder),
    }


def _known_to_others() -> dict[str, str]:
    """What a command in a second terminal needs to work with this run."""
    names = [
        "DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY",
        "FIELD_KEYS",
        "PUBLIC_BASE_URL",
        "EMAIL_URL",
        "DATA_DIR",
    ]
    return {name: os.environ[name] for name in (*names, *DEFAULT_PORTS)}


def _close_gate(folder: Path) -> IO[str]:
    gate = open(folder / "gate.lock", "a")  # noqa: SIM115 (handed on to `prepare`)
    fcntl.flock(gate, fcntl.LOCK_EX)
    return gate


def _start_supervisord() -> subprocess.Popen[bytes]:
    """In its own session: Ctrl-C reaches us, and we decide in which order things end."""
    return subprocess.Popen(
        [sys.executable, "-m", "supervisor.supervisord", "-c", "config/supervisord.conf"],
        cwd=PROJECT, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=end_with_parent,
    )  # fmt: skip


def _prepare(folder: Path, gate: IO[str]) -> str:
    """Runs `prepare`, which inherits the closed gate; returns what the seeding said (the demo logins)."""
    with open(folder / "logs" / "prepare.log", "w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.run", "prepare", str(gate.fileno())],
            cwd=PROJECT, pass_fds=[gate.fileno()], stdout=subprocess.PIPE, stderr=log, text=True,
            start_new_session=True, preexec_fn=end_with_parent,
        )  # fmt: skip
        gate.close()
        said, _ = process.communicate()
        if process.returncode != 0:
            log.seek(0)
            raise RuntimeError(f"preparing the database failed.\n{log.read()[-3000:]}\n")
    return said


def _pages() -> list[str]:
    ours = [f"http://127.0.0.1:{os.environ[name]}/healthz" for name in ("PORT", "LIVE_PORT")]
    return [*ours, _simulator()] if os.environ["EMBEDDED"] == "true" else ours


def _simulator() -> str:
    return f"http://127.0.0.1:{os.environ['SIMULATOR_PORT']}/"


def _answers(url: str) -> bool:
    with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def _say_ready(folder: Path, logins: str) -> None:
    print(f"Callsign is ready: http://127.0.0.1:{os.environ['PORT']}", flush=True)
    if logins.strip():
        print(logins.strip("\n"), flush=True)
    if os.environ["EMBEDDED"] == "true":
        print(f"Carrier simulator: {_simulator()} (its mail: {_simulator()}mail)")
    print(f"Logs: {folder / 'logs'}. Ctrl-C stops everything.", flush=True)


def _end_supervisord(supervisord: subprocess.Popen[bytes]) -> None:
    supervisord.terminate()
    try:
        supervisord.wait(timeout=40)
    except subprocess.TimeoutExpired:
        supervisord.kill()
        supervisord.wait()


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    if sys.argv[1:2] == ["prepare"]:
        prepare(int(sys.argv[2]))
    else:
        try:
            sys.exit(main())
        except KeyboardInterrupt:
            sys.exit(0)
