"""`web` as it really runs, before the database of the tests."""

import configparser
import http.client
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from config.embedded import PROJECT
from config.run import wait_for_pages
from config.servers import free_port


@contextmanager
def running_web(**environment: str) -> Iterator[int]:
    """The port of a server with the command of `make run` and these variables."""
    known = configparser.RawConfigParser()
    known.read(PROJECT / "config" / "supervisord.conf")
    words = shlex.split(known["program:web"]["command"])
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    port = free_port()
    environ = os.environ | {"GRANIAN_PORT": str(port), "PYTHONPATH": str(PROJECT)} | environment
    environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "REDIS_URL": settings.REDIS_URL}
    environ |= {"DATABASE_URL": urlunsplit(database)}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    server = subprocess.Popen(words[words.index("granian") :], cwd=PROJECT, env=environ)
    try:
        wait_for_pages([f"http://127.0.0.1:{port}/healthz"], alive=lambda: server.poll() is None)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=20)


class Caller:
    """Somebody who sends exactly these header lines, names as they are written."""

    def __init__(self, port: int, host: str = "") -> None:
        self.port, self.host = port, host or urlsplit(settings.PUBLIC_BASE_URL).netloc

    def ask(
        self, method: str, path: str, lines: list[tuple[str, str]], body: str = ""
    ) -> tuple[int, Any, str]:
        """Status, headers, page."""
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        asking.putrequest(method, path, skip_host=True)
        form = [("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", str(len(body)))]
        for name, value in [("Host", self.host), *lines, *(form if body else [])]:
            asking.putheader(name, value)
        asking.endheaders(body.encode())
        answer = asking.getresponse()
        page = answer.read().decode()
        asking.close()
        return answer.status, answer.headers, page

    def log_in(self, email: str, lines: list[tuple[str, str]]) -> str:
        """What a guess meets: "wrong", or "refused" by the limits."""
        _, headers, page = self.ask("GET", "/accounts/login/", [])
        cookie = headers["Set-Cookie"]
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)
        assert token, page
        form = urlencode({"login": email, "password": "guess", "csrfmiddlewaretoken": token[1]})
        status, _, page = self.ask(
            "POST", "/accounts/login/", [("Cookie", cookie.split(";")[0]), *lines], form
        )
        assert status == 200, page
        return "refused" if "Too many failed attempts" in page else "wrong"
