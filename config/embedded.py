"""A real PostgreSQL and a real Valkey out of pip packages, for whoever sets no DATABASE_URL.

`attach()` fills the environment for one command: from the stack that runs in DATA_DIR, else from one that is
started for as long as somebody uses it. `config.run` supervises the same two servers for `make run`. With
DATABASE_URL set nothing here starts or is generated.

Two locks in DATA_DIR keep it straight. `start.lock`: held by whoever starts. `users.lock`: held shared by all
who use the servers; the keeper of a passing stack waits for it exclusively, so the kernel tells it that the
last user is gone, however it went.
"""

import atexit
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from config.servers import prepare_servers, read_keys, server_ports, wait_for_servers, write_private
from config.supervision import MARK, end_leftovers, identity, is_alive

PROJECT = Path(__file__).resolve().parent.parent
DEFAULT_PORTS = {"PORT": 8000, "LIVE_PORT": 8001, "SIMULATOR_PORT": 8010, "SIMULATOR_SMTP_PORT": 8025}

_held: list[IO[str]] = []  # the lock of an attached command lives as long as its process


def attach(*, disposable: bool = False) -> None:
    """Gives this process a stack: sets the variables that settings need, where they are not set yet.

    `disposable`, for tests, is a stack of its own that forgoes durability and leaves no file behind.
    """
    if os.environ.get("DATABASE_URL"):
        return
    if disposable:
        os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="callsign-")
    folder = data_dir()
    with locked(folder / "start.lock"):
        users = open(folder / "users.lock", "a")  # noqa: SIM115 (held until the process ends)
        fcntl.flock(users, fcntl.LOCK_SH)
        state = running_stack(folder)
        keeper = None
        if state is None:
            end_leftovers(folder)
            keeper = _start_keeper(folder, disposable=disposable)
            state = json.loads((folder / "stack.json").read_text(encoding="utf-8"))
    _held.append(users)
    if not state["environ"]:
        raise SystemExit("What runs here uses a DATABASE_URL of its own: set it for this command, too.")
    wait_for_servers(folder)
    fill_environment(state["environ"])
    if state["kind"] == "passing":
        atexit.register(_leave, os.getpid(), users, state, keeper)


def data_dir() -> Path:
    """DATA_DIR, made if need be, for its owner's eyes only."""
    folder = Path(os.environ.get("DATA_DIR") or PROJECT / ".data").resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_mode & 0o077:
        strange = [entry.name for entry in folder.iterdir()]
        if strange and "keys.json" not in strange:
            raise SystemExit(
                f"DATA_DIR {folder} is open to others and holds files of others: name another folder."
            )
        folder.chmod(0o700)
    (folder / "logs").mkdir(exist_ok=True, mode=0o700)
    (folder / "logs").chmod(0o700)  # also one that an earlier version made
    return folder


def running_stack(folder: Path) -> dict[str, Any] | None:
    """What runs in `folder`: `{kind: run | passing, owner, environ}`; None when its owner is dead."""
    try:
        state: dict[str, Any] = json.loads((folder / "stack.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return state if is_alive(state["owner"]) else None


def record_stack(folder: Path, *, kind: str, environ: dict[str, str]) -> None:
    state = {"kind": kind, "owner": identity(os.getpid()), "environ": environ}
    write_private(folder / "stack.json", json.dumps(state, indent=1))


def forget_stack(folder: Path) -> None:
    (folder / "stack.json").unlink(missing_ok=True)


def fill_environment(values: dict[str, str]) -> None:
    """What the caller set stays."""
    for name, value in values.items():
        if not os.environ.get(name):
            os.environ[name] = value


def environment(folder: Path) -> dict[str, str]:
    """The variables of a stack in `folder`; keys and server ports are made once and kept."""
    keys, ports = read_keys(folder), server_ports(folder)
    database = f"callsign:{keys['DATABASE_PASSWORD']}@127.0.0.1:{ports['postgres']}/callsign"
    chosen = {name: os.environ.get(name) or str(port) for name, port in DEFAULT_PORTS.items()}
    return {
        "DATABASE_URL": f"postgres://{database}",
        "REDIS_URL": f"redis://:{keys['REDIS_PASSWORD']}@127.0.0.1:{ports['valkey']}/0",
        "SECRET_KEY": keys["SECRET_KEY"],
        "FIELD_KEYS": keys["FIELD_KEYS"],
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{chosen['PORT']}",
        "EMAIL_URL": f"smtp://127.0.0.1:{chosen['SIMULATOR_SMTP_PORT']}",
        "DATA_DIR": str(folder),
        **chosen,
    }


@contextmanager
def locked(path: Path) -> Iterator[IO[str]]:
    with open(path, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def keep(ready: int, *, disposable: bool) -> None:
    """The keeper of a passing stack: runs both servers until nobody uses them any more, or until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder = data_dir()
    servers: list[subprocess.Popen[bytes]] = []
    try:
        prepare_servers(folder, disposable=disposable)
        servers = [_start_server(folder, name) for name in ("valkey", "postgres")]
        wait_for_servers(folder, alive=lambda: all(server.poll() is None for server in servers))
        record_stack(folder, kind="passing", environ=environment(folder))
        os.write(ready, b"ready")
        os.close(ready)
        users = open(folder / "users.lock", "a")  # noqa: SIM115 (held until all is down)
        fcntl.flock(users, fcntl.LOCK_EX)
    finally:
        forget_stack(folder)
        _stop(servers)
        if disposable:
            shutil.rmtree(folder, ignore_errors=True)


def _start_keeper(folder: Path, *, disposable: bool) -> subprocess.Popen[bytes]:
    """Its own session, so that Ctrl-C in the terminal reaches only the command."""
    hear, say = os.pipe()
    words = [sys.executable, "-m", "config.embedded", str(say), *(["--disposable"] if disposable else [])]
    environ = os.environ | {"DATA_DIR": str(folder), MARK: str(folder)}
    with open(folder / "logs" / "keeper.log", "w") as log:
        keeper = subprocess.Popen(
            words, cwd=PROJECT, env=environ, pass_fds=[say], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    os.close(say)
    with os.fdopen(hear, "rb") as pipe:
        if pipe.read() != b"ready":
            why = (folder / "logs" / "keeper.log").read_text(encoding="utf-8", errors="replace")[-2000:]
            raise SystemExit(f"The embedded servers did not start; see {folder / 'logs'}.\n{why}")
    return keeper


def _leave(owner: int, users: IO[str], state: dict[str, Any], keeper: subprocess.Popen[bytes] | None) -> None:
    """The last user waits until the servers are down, so that DATA_DIR is quiet when the command ends."""
    if os.getpid() != owner:  # a forked child inherits the hook, not the duty
        return
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # others go on using it, or the keeper was quicker
    with suppress(ProcessLookupError):
        os.kill(int(state["owner"]["pid"]), signal.SIGTERM)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and is_alive(state["owner"]):
        if keeper is not None:
            keeper.poll()
        time.sleep(0.01)


def _start_server(folder: Path, name: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "config.servers", name]
    with open(folder / "logs" / f"{name}.log", "a") as log:
        return subprocess.Popen(words, cwd=PROJECT, stdout=log, stderr=log)


def _stop(servers: list[subprocess.Popen[bytes]]) -> None:
    for server in servers:
        if server.poll() is None:
            server.send_signal(signal.SIGINT)  # to both a clean and quick shutdown
    for server in servers:
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


if __name__ == "__main__":
    keep(int(sys.argv[1]), disposable="--disposable" in sys.argv)
