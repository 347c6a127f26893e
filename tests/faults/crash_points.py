"""Every crash point at its Nth hit, N = 1, 2, 3 … until it is not hit any more: `python -m tests.faults.crash_points`.

Each case has a database of its own on one PostgreSQL, made from a template, and an account of its own at one
simulator. A first process dies at its crash point (or gets through: then this point is done), a second one goes
on until all is settled; then the ledger and the invariants are asked. Cases run side by side, forked from this
process, so that none waits for Django to be imported. Ends with the list of points and the hits covered.
"""

import argparse
import os
import re
import signal
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from config.supervision import end_with_parent

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = "crash_template"
AT_ONCE = 14
MOST_FIRST_TRIES = 4
LONGEST_CASE = 170.0  # seconds


def crash_points() -> list[str]:
    """Every name in the source, so that a new one can't be forgotten."""
    found: set[str] = set()
    for app in ("tenants", "senderid", "messaging", "notifications"):
        for path in (ROOT / app).rglob("*.py"):
            found |= set(re.findall(r'failpoint\("(\w+)"\)', path.read_text()))
    return sorted(found)


@dataclass
class Point:
    """How far one crash point was tried."""

    name: str
    most: int
    begun: int = 0
    covered: set[int] = field(default_factory=set)
    exhausted: bool = False
    first_tries: int = 1
    tries_first_again: bool = False

    def missed(self, n: int) -> None:
        """The dice may not have thrown what leads to it: the first hit is tried again before that is believed."""
        if n == 1 and self.first_tries < MOST_FIRST_TRIES:
            self.first_tries += 1
            self.tries_first_again = True
        else:
            self.exhausted = True

    def next(self) -> int | None:
        if self.tries_first_again:
            self.tries_first_again = False
            return 1
        if self.exhausted or self.begun >= self.most:
            return None
        self.begun += 1
        return self.begun


@dataclass(frozen=True)
class Running:
    point: Point
    n: int
    began: float
    said: Path


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--most", type=int, default=40, help="the highest N")
    options.add_argument("--folder", type=Path, required=True, help="for what the processes say")
    options.add_argument("--only", nargs="*", help="names of points; default: all")
    asked = options.parse_args()
    admin = os.environ["DATABASE_URL"]
    execute(admin, f'DROP DATABASE IF EXISTS "{TEMPLATE}"', f'CREATE DATABASE "{TEMPLATE}"')
    os.environ["DATABASE_URL"] = database_url(admin, TEMPLATE)
    os.environ["DATABASE_ROLE_PREFIX"] = TEMPLATE  # copies of the database keep its roles
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    from tests.faults import crash_scene

    if wait_for(fork(crash_scene.make_template)) != 0:
        return 1
    crash_scene.warm_up()
    points = [Point(name, asked.most) for name in asked.only or crash_points()]
    failed = try_all(points, admin, asked.folder)
    execute(admin, f'DROP DATABASE "{TEMPLATE}"')
    for point in points:
        end = "until not hit" if point.exhausted else f"at most {point.most} asked for"
        hits = f"N = 1 … {max(point.covered)}" if point.covered else "NEVER HIT"
        print(f"{point.name:20} {hits} ({len(point.covered)} crashes, {end})")
        failed += not point.covered
    return 1 if failed else 0


def try_all(points: list[Point], admin: str, folder: Path) -> int:
    """Runs AT_ONCE cases side by side, each point's in order; returns how many failed."""
    from tests.faults import crash_scene

    running: dict[int, Running] = {}
    failed, count = 0, 0
    while True:
        while len(running) < AT_ONCE and (due := _next(points)) is not None:
            point, n = due
            count += 1
            said, lane = folder / f"{point.name}-{n}.log", f"crash_{count}"
            pid = fork(lambda: crash_scene.run_case(f"{point.name}:{n}", admin, lane), said)  # noqa: B023
            running[pid] = Running(point, n, time.monotonic(), said)
        if not running:
            return failed
        for pid in list(running):
            if (code := ended(pid, running[pid].began)) is not None:
                failed += _note(running.pop(pid), code)
        time.sleep(0.05)


def _next(points: list[Point]) -> tuple[Point, int] | None:
    """The lowest N first, so that every point is met before one is met often."""
    for point in sorted(points, key=lambda point: point.begun):
        if (n := point.next()) is not None:
            return point, n
    return None


def _note(case: Running, code: int) -> bool:
    """Whether the case failed; the exit code says whether the point was hit."""
    if code == HIT:
        case.point.covered.add(case.n)
    elif code == NOT_HIT:
        case.point.missed(case.n)
    else:
        print(
            f"FAILED {case.point.name}:{case.n} (exit code {code})\n{case.said.read_text()[-6000:]}",
            flush=True,
        )
        return True
    return False


HIT, NOT_HIT = 10, 11


def fork(work: object, said: Path | None = None) -> int:
    """A child of its own process group, that runs `work` and ends with what it returns, or with its parent."""
    if pid := os.fork():
        return pid
    os.setpgid(0, 0)
    end_with_parent(signal.SIGKILL)
    code = 1
    try:
        if said is not None:
            file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, 1)
            os.dup2(file, 2)
        code = int(work() or 0)  # type: ignore[operator]
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def ended(pid: int, began: float) -> int | None:
    """Its exit code; a case that takes too long is killed with its children."""
    if time.monotonic() - began > LONGEST_CASE:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    done, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None


def wait_for(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def database_url(admin: str, name: str) -> str:
    return urlunsplit(urlsplit(admin)._replace(path=f"/{name}"))


def execute(url: str, *statements: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        for statement in statements:
            connection.cursor().execute(statement)


if __name__ == "__main__":
    sys.exit(main())
