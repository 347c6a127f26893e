"""`make run` without running it: ports, and the commands that containers share with it."""

import configparser
import os
import re
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from config import run
from config.embedded import DEFAULT_PORTS, PROJECT


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """No port is asked for, and the defaults are others, so that a running Callsign does not matter."""
    for number, name in enumerate(DEFAULT_PORTS):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setitem(run.DEFAULT_PORTS, name, 14100 + os.getpid() % 200 * 4 + number)
    yield monkeypatch
    for name in run._reserved:
        name.close()
    run._reserved.clear()


def chosen() -> dict[str, int]:
    run.choose_ports()
    return {name: int(os.environ[name]) for name in DEFAULT_PORTS}


def test_free_default_ports_are_taken(ports: pytest.MonkeyPatch) -> None:
    assert chosen() == run.DEFAULT_PORTS


def test_a_taken_default_gives_way_to_another_and_says_so(
    ports: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", run.DEFAULT_PORTS["PORT"])):
        found = chosen()

    assert found["PORT"] != run.DEFAULT_PORTS["PORT"]
    assert found["LIVE_PORT"] == run.DEFAULT_PORTS["LIVE_PORT"]
    assert f"PORT is {found['PORT']}" in capsys.readouterr().out


def test_two_starts_at_once_choose_different_ports(ports: pytest.MonkeyPatch) -> None:
    first = chosen()
    for name in DEFAULT_PORTS:
        ports.delenv(name)

    assert not set(first.values()) & set(chosen().values())


def test_a_port_that_was_asked_for_must_be_free(ports: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports.setenv("LIVE_PORT", str(taken.getsockname()[1]))
        with pytest.raises(SystemExit, match=r"LIVE_PORT=\d+ is taken"):
            run.choose_ports()


def supervised() -> dict[str, list[str]]:
    """Each program of `make run` as the words of its command, without what ties it to supervisord."""
    conf = configparser.ConfigParser(interpolation=None, comment_prefixes=(";",))
    conf.read(PROJECT / "config" / "supervisord.conf")
    commands = {name.split(":")[1]: conf[name]["command"] for name in conf.sections() if "program:" in name}
    ours = {name: words for name, words in commands.items() if name not in ("postgres", "valkey")}
    return {
        name: shlex.split(words.replace("%(ENV_LEASH)s ", "").replace("--gate ", ""))
        for name, words in ours.items()
    }


def composed() -> dict[str, dict]:
    return yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]


def test_containers_run_what_make_run_runs() -> None:
    services = composed()
    expected = {
        name: [word.replace("%(ENV_DATA_DIR)s", "/data") for word in words]
        for name, words in supervised().items()
    }
    assert {name: shlex.split(services[name]["command"]) for name in expected} == expected
    assert set(services) == {*expected, "migrate", "postgres", "redis"}


def test_web_and_worker_can_be_scaled() -> None:
    for name in ("web", "worker"):
        service = composed()[name]
        assert "container_name" not in service
        assert all("-" in port.split(":")[0] for port in service.get("ports", []))


def test_nothing_starts_before_the_migrations() -> None:
    for name in supervised():
        assert composed()[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_every_program_is_restarted_for_ever() -> None:
    conf = configparser.ConfigParser(interpolation=None)
    conf.read(PROJECT / "config" / "supervisord.conf")
    for name in filter(lambda section: section.startswith("program:"), conf.sections()):
        kept = {key: conf[name][key] for key in ("autorestart", "startsecs", "stopasgroup", "killasgroup")}
        assert kept == {"autorestart": "true", "startsecs": "0", "stopasgroup": "true", "killasgroup": "true"}


def test_only_migrations_know_the_owner_of_the_database() -> None:
    """security section 4: web and workers are given an address without its login."""
    owners = {
        name for name, service in composed().items() if "POSTGRES_PASSWORD" in str(service.get("environment"))
    }
    assert owners == {"migrate", "postgres"}
    for name in ("web", "worker", "dispatcher", "beat"):
        assert composed()[name]["environment"]["DATABASE_URL"] == "postgres://postgres:5432/callsign"


@pytest.mark.parametrize("file", ["config/settings.py", "docker-compose.yml"])
def test_every_variable_is_documented(file: str) -> None:
    text = Path(PROJECT / file).read_text()
    read = re.findall(r'env\.\w+\(\s*"(\w+)"', text) + re.findall(r"\$\{(\w+)", text)
    documented = re.findall(r"^(\w+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE)

    assert read
    assert set(read) <= set(documented)
