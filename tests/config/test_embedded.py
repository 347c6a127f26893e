"""Commands without DATABASE_URL: they find, start, share and leave a real PostgreSQL and Valkey."""

import json
import os
import pwd
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from embedding import bare_environment, run, start, wait_until

from config import embedded
from config.embedded import PROJECT
from config.supervision import MARK, end_leftovers, find_leftovers


def modes(folder: Path) -> dict[str, str]:
    return {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}


def test_a_command_gets_both_servers_and_they_end_with_it(used_dir: Path) -> None:
    said = run(
        used_dir, "sql.execute('SELECT current_user, version()'); print(*sql.fetchone(), hints.ping())"
    )

    assert said.startswith("callsign PostgreSQL 18.")
    assert said.endswith("True")
    assert find_leftovers(used_dir) == []


def test_the_role_is_not_a_superuser(used_dir: Path) -> None:
    assert run(used_dir, "sql.execute('SHOW is_superuser'); print(*sql.fetchone())") == "off"


def test_data_keys_and_ports_stay(used_dir: Path) -> None:
    show = "print(*(os.environ[n] for n in ('DATABASE_URL', 'REDIS_URL', 'SECRET_KEY', 'FIELD_KEYS')))"
    first = run(used_dir, f"sql.execute('CREATE TABLE kept AS SELECT 42 AS answer'); {show}")
    second = run(used_dir, f"sql.execute('SELECT answer FROM kept'); print(sql.fetchone()[0]); {show}")

    assert second == f"42\n{first}"


def test_what_the_caller_set_stays(used_dir: Path) -> None:
    assert run(used_dir, "print(os.environ['SECRET_KEY'])", SECRET_KEY="mine") == "mine"


def test_nobody_else_can_look_in_and_parents_stay_as_they_are(used_dir: Path) -> None:
    """security F22: the log folder was open to others, below a folder that was not."""
    (used_dir / "logs").mkdir(exist_ok=True, parents=True)
    used_dir.chmod(0o700)
    (used_dir / "logs").chmod(0o755)  # as an earlier version made it
    run(used_dir, "")

    assert oct(used_dir.stat().st_mode & 0o777) == "0o700"
    assert oct(used_dir.parent.stat().st_mode & 0o777) == "0o700"
    found = modes(used_dir)
    assert found["keys.json"] == found["ports.json"] == "0o600"
    assert found["postgres"] == found["valkey"] == found["logs"] == "0o700"
    assert "password.txt" not in found


def test_a_second_command_shares_the_stack_and_leaves_it_to_the_first(used_dir: Path) -> None:
    first = start(used_dir, "print(os.environ['DATABASE_URL'], flush=True); input(); sql.execute('SELECT 1')")
    assert first.stdout
    address = first.stdout.readline().strip()
    assert modes(used_dir)["stack.json"] == "0o600"

    assert run(used_dir, "print(os.environ['DATABASE_URL'])") == address

    _, errors = first.communicate("go on\n", timeout=30)
    assert first.returncode == 0, errors
    assert find_leftovers(used_dir) == []


def test_the_first_may_leave_before_the_second(used_dir: Path) -> None:
    first = start(used_dir, "print('up', flush=True); input()")
    assert first.stdout and first.stdout.readline()
    second = start(used_dir, "print('up', flush=True); input(); sql.execute('SELECT 1'); print('still')")
    assert second.stdout and second.stdout.readline()

    first.communicate("go\n", timeout=30)

    said, errors = second.communicate("go\n", timeout=30)
    assert said.strip() == "still", errors
    assert find_leftovers(used_dir) == []


def test_commands_that_start_at_once_share_one_stack(used_dir: Path) -> None:
    several = [start(used_dir, "print(os.environ['DATABASE_URL'])") for _ in range(3)]

    said = [process.communicate(timeout=60) for process in several]

    assert [process.returncode for process in several] == [0, 0, 0], said
    assert find_leftovers(used_dir) == []


def test_servers_end_when_their_command_is_killed(used_dir: Path) -> None:
    command = start(used_dir, "print('up', flush=True); input()")
    assert command.stdout and command.stdout.readline()

    command.kill()
    command.communicate()

    wait_until(lambda: not find_leftovers(used_dir))


def test_everything_killed_at_once_blocks_nothing(used_dir: Path) -> None:
    command = start(
        used_dir, "sql.execute('CREATE TABLE crash AS SELECT 7 AS n'); print(flush=True); input()"
    )
    assert command.stdout and command.stdout.readline()
    for process in [psutil.Process(command.pid), *find_leftovers(used_dir)]:
        with suppress(psutil.NoSuchProcess):  # the death of the first ends others
            process.kill()
    command.communicate()

    assert run(used_dir, "sql.execute('SELECT n FROM crash'); print(*sql.fetchone())") == "7"


def test_a_stale_pid_file_that_names_another_process_is_ignored(used_dir: Path) -> None:
    run(used_dir, "")
    stale = f"{os.getpid()}\n{used_dir / 'postgres'}\n1\n15000\n\n127.0.0.1\n1 1\nready\n"
    (used_dir / "postgres" / "postmaster.pid").write_text(stale)

    assert run(used_dir, "sql.execute('SELECT 1'); print(*sql.fetchone())") == "1"


def test_two_folders_have_two_stacks_at_once(used_dir: Path, tmp_path: Path) -> None:
    ours = start(used_dir, "print(hints.connection_pool.connection_kwargs['port'], flush=True); input()")
    assert ours.stdout
    other = run(tmp_path / "other", "print(hints.connection_pool.connection_kwargs['port'])")

    assert ours.stdout.readline().strip() != other
    ours.communicate("go\n", timeout=30)


def test_with_database_url_nothing_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    before = dict(os.environ)

    embedded.attach()

    assert not (tmp_path / "data").exists()
    assert dict(os.environ) == before


def test_a_folder_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "thesis.txt").touch()
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    with pytest.raises(SystemExit, match="holds files of others"):
        embedded.data_dir()

    assert oct(tmp_path.stat().st_mode & 0o777) == "0o755"


def test_a_stack_whose_owner_is_dead_is_none(tmp_path: Path) -> None:
    state = {"kind": "run", "owner": {"pid": os.getpid(), "started": 1.0}, "environ": {}}
    (tmp_path / "stack.json").write_text(json.dumps(state))

    assert embedded.running_stack(tmp_path) is None


def test_leftovers_are_known_by_their_mark_and_nobody_else_is_touched(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "input()"]
    ours = subprocess.Popen(words, env=os.environ | {MARK: str(tmp_path)}, stdin=subprocess.PIPE)
    other = subprocess.Popen(words, env=os.environ | {MARK: str(tmp_path / "else")}, stdin=subprocess.PIPE)
    wait_until(lambda: [process.pid for process in find_leftovers(tmp_path)] == [ours.pid])

    assert end_leftovers(tmp_path) == 1

    assert not psutil.pid_exists(ours.pid)
    assert other.poll() is None
    other.communicate(b"\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="all other tests run as a plain user already")
def test_it_works_for_a_plain_user() -> None:
    python = _python_for_nobody()
    if python is None:
        pytest.skip("no Python 3.11 that nobody may run")
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    if subprocess.run(["ls", packages], user="nobody", stdout=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("nobody may not read the installed packages: this checkout lies in a private folder")
    home = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    try:
        shutil.chown(home, "nobody")
        shutil.copytree(PROJECT / "config", home / "config")
        (home / "config").chmod(0o755)
        environ = bare_environment(home / "data", PYTHONPATH=f"{home}:{packages}", HOME=str(home))
        done = subprocess.run(
            [python, "-c", "from config import embedded; embedded.attach(); print('up')"],
            cwd=home, env=environ, user="nobody", extra_groups=[], capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout.strip() == "up", done.stderr
        assert (home / "data" / "postgres").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    finally:
        shutil.rmtree(home)


def _python_for_nobody() -> str | None:
    """The packages are built for this very version, so another one will not do."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for folder in ("/usr/bin", "/usr/local/bin"):
        words = [f"{folder}/python{version}", "-c", "import sys; print(1)"]
        if Path(words[0]).exists() and subprocess.run(words, user="nobody", check=False).returncode == 0:
            return words[0]
    return None
