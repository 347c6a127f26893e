"""No number, text, token, key, e-mail address or reset link reaches a log line (security S9)."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test import Client

from config.logs import Structured
from tests.calling import Api
from tests.office import CARLA, Office
from tests.world import PASSWORD, give

pytestmark = pytest.mark.django_db
BODY = "canary-body-7431"
log = logging.getLogger("callsign.test")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the process would write, at the level of production, plus all that libraries say at INFO."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Structured("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    request_log = logging.getLogger("django.request")
    request_level = request_log.level
    request_log.setLevel(logging.WARNING)
    yield stream
    request_log.setLevel(request_level)
    root.setLevel(before)
    root.removeHandler(handler)


def broken(*_: Any, **__: Any) -> None:
    raise RuntimeError(f"broken while sending {BODY.upper()}")


def test_a_day_with_failures_leaves_no_canary(lines: io.StringIO, monkeypatch: Any) -> None:
    """security S9: logins that fail, a reset, a text by API, a refused key, and pages that break."""
    cache.clear()
    office = Office()
    give(office.sender, office.org)
    ada = office.people["Ada"]
    api = Api(office.org)
    client = Client(raise_request_exception=False)
    client.post("/accounts/login/", {"login": ada.email, "password": "canary-password"})
    client.post("/accounts/login/", {"login": ada.email, "password": PASSWORD})
    client.post("/accounts/password/reset/", {"email": ada.email})
    link = next(word for word in mail.outbox[0].body.split() if "/password/reset/key/" in word)
    key = link.rstrip("/").rpartition("/")[2]
    api.post("/messages", {"to": CARLA, "body": BODY}, expect=202)
    client.get("/api/v1/messages", headers={"authorization": f"Bearer {api.text}x"})
    client.get(f"/contacts/?q={CARLA.replace('+', '%2B')}")
    monkeypatch.setattr("allauth.account.views.PasswordResetFromKeyView.dispatch", broken)
    client.get(link.removeprefix("http://testserver"))
    client.get(f"/nowhere/?token={key}")
    written = lines.getvalue()
    assert "broken while sending" in written, "the lines are seen"
    canaries = [
        CARLA,
        CARLA[1:],
        BODY,
        "canary-password",
        PASSWORD,
        ada.email,
        key,
        api.text,
        office.account.auth_token,
    ]
    assert [canary for canary in canaries if canary in written] == []


def test_what_postgresql_says_of_a_refused_row_is_masked(lines: io.StringIO) -> None:
    """security S9: its DETAIL quotes the row."""
    office = Office()
    email = office.people["Ada"].email
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO tenants_user SELECT * FROM tenants_user WHERE email = %s", [email])
    except IntegrityError:
        log.exception("refused", extra={"org": str(office.org.pk)})
    [line] = [json.loads(text) for text in lines.getvalue().splitlines() if '"refused"' in text]
    assert line["org"] == str(office.org.pk), "ids stay"
    assert "DETAIL: …" in line["exc_info"]
    assert email not in str(line)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("texting +14155550134", "texting +…"),
        ("GET /contacts/?q=%2B14155550134", "GET /contacts/?q=+…"),
        ("mail to ana.lee+x@northwind.example.", "mail to …@…"),
        ("key cs_live_abcdefghijkl0123", "key cs_live_…"),
        ("/accounts/password/reset/key/1-abc-def/ broke", "/accounts/password/reset/key/…/ broke"),
        ("GET /events?token=abc:def&x=1", "GET /events?token=…&x=1"),
        ("attempt 01a2-bc accepted 30003", "attempt 01a2-bc accepted 30003"),
        ('Failing row\nDETAIL:  (1, "words\n\nmore", +1415)', "Failing row\nDETAIL: …"),
        ("DETAIL:  a\n\nThe above exception", "DETAIL: …\n\nThe above exception"),
    ],
)
def test_each_kind_has_its_mask(said: str, shown: str) -> None:
    """security S9."""
    record = log.makeRecord("t", logging.INFO, "f", 1, said, (), None)
    assert json.loads(Structured("%(message)s").format(record))["message"] == shown
