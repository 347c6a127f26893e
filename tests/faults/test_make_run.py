"""`make run` under fire: each part killed, all parts killed, and nothing left behind."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from embedding import bare_environment, wait_until

from config.embedded import PROJECT, running_stack
from config.supervision import find_leftovers

PROGRAMS = {
    "postgres": "bin/postgres", "valkey": "valkey-server", "web": "wsgi:application", "live": "live:application",
    "worker": "celery worker", "dispatcher": "config.dispatcher", "beat": "celery beat", "simulator": "simulator",
}  # fmt: skip


class Run:
    """One `make run` in a folder of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "config.run"], cwd=PROJECT, env=bare_environment(data_dir),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.said = ""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said += line
            if ready := re.match(r"Callsign is ready: (http://127\.0\.0\.1:\d+)$", line):
                self.address = ready[1]
                self.seconds = time.monotonic() - began
                return
        raise AssertionError(self.said)

    def supervisord(self) -> psutil.Process:
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if "supervisord" in " ".join(child.cmdline()))

    def program(self, name: str) -> psutil.Process | None:
        for process in self.supervisord().children():
            with suppress(psutil.Error):
                words = " ".join(process.cmdline())
                if PROGRAMS[name] in words.replace("-A config.celery ", "") and "supervision.py" not in words:
                    return process
        return None

    def answers(self) -> bool:
        with suppress(OSError):
            return urllib.request.urlopen(f"{self.address}/healthz", timeout=2).status == 200
        return False

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path / "data")
    yield run
    if run.process.poll() is None:
        run.stop()
    assert find_leftovers(run.data_dir) == []


def test_it_starts_again_what_was_killed_within_five_seconds(running: Run) -> None:
    for name in PROGRAMS:
        victim = running.program(name)
        assert victim, f"{name} does not run"
        victim.kill()

        def is_back(name: str = name, old: int = victim.pid) -> bool:
            now = running.program(name)
            return now is not None and now.pid != old and running.answers()

        wait_until(is_back, seconds=5)


def test_web_comes_back_when_only_its_worker_process_is_killed(running: Run) -> None:
    web = running.program("web")
    assert web
    web.children()[-1].kill()

    wait_until(lambda: not psutil.pid_exists(web.pid), seconds=5)
    wait_until(running.answers, seconds=5)


def test_old_code_does_not_outlive_its_parent(running: Run) -> None:
    web = running.program("web")
    assert web
    workers = web.children()
    web.kill()

    wait_until(lambda: not any(worker.is_running() for worker in workers), seconds=5)


def test_it_survives_the_death_of_supervisord(running: Run) -> None:
    old = running.supervisord()
    old.kill()
    wait_until(lambda: not old.is_running())
    wait_until(running.answers, seconds=20)


def test_killed_hard_it_leaves_nothing(running: Run) -> None:
    running.process.kill()
    running.process.communicate()

    wait_until(lambda: not find_leftovers(running.data_dir), seconds=30)


def test_killed_with_its_supervisor_it_blocks_no_next_run(running: Run) -> None:
    supervisord = running.supervisord()
    running.process.kill()
    supervisord.kill()
    running.process.communicate()

    following = Run(running.data_dir)

    assert following.answers()
    assert following.stop() == 0


def test_it_stops_cleanly(running: Run) -> None:
    assert running.stop() == 0
    assert running_stack(running.data_dir) is None


def test_a_second_run_in_the_same_folder_is_refused(running: Run) -> None:
    words = [sys.executable, "-m", "config.run"]
    environ = bare_environment(running.data_dir)
    second = subprocess.run(words, cwd=PROJECT, env=environ, capture_output=True, check=False)

    assert second.returncode == 1
    assert b"already runs here" in second.stderr
    assert running.answers()


def test_two_folders_run_side_by_side(running: Run, tmp_path: Path) -> None:
    other = Run(tmp_path / "other")

    assert other.address != running.address
    assert other.answers() and running.answers()
    assert other.stop() == 0


def test_a_command_in_a_second_terminal_finds_it(running: Run) -> None:
    show = "import os; print('ports', os.environ['PORT'], os.environ['SIMULATOR_PORT'])"
    words = [sys.executable, "manage.py", "shell", "-c", show]
    said = subprocess.check_output(words, cwd=PROJECT, env=bare_environment(running.data_dir), text=True)

    assert f"ports {running.address.rsplit(':')[-1]} " in said


def test_the_second_start_is_quick(running: Run) -> None:
    assert running.stop() == 0
    again = Run(running.data_dir)
    print(f"cold {running.seconds:.1f} s, warm {again.seconds:.1f} s, {os.cpu_count()} cores")
    assert again.stop() == 0
    assert again.seconds < 30
