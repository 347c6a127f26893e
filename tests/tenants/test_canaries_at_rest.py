"""A copy of the database, of Redis or of the queue of jobs holds no secret that opens anything (security S9)."""

import queue
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.core import mail
from django.db import connection
from django.test import Client

from config.celery import app as celery_app
from tenants.hints import redis_client
from tests.api_rows import operations
from tests.calling import Api
from tests.office import CARLA, Office
from tests.visiting import visit
from tests.world import PASSWORD, give

pytestmark = pytest.mark.django_db
BODY, ACCOUNT_TOKEN = "canary-body-7431", "canary-token-of-the-carrier"


class Day:
    """People log in, are invited, reset a password, set up a second factor; texts come and go."""

    def __init__(self, commits: Any) -> None:
        self.office = office = Office()
        office.account.set_token(ACCOUNT_TOKEN)
        office.account.save()
        give(office.sender, office.org)
        self.ada, self.person = visit(office["Ada"]), office["Ada"].user
        self.api, self.opened = Api(office.org), {}
        with commits(execute=True):
            self.api.post("/messages", {"to": CARLA, "body": BODY}, expect=202)
            self.ada.post("/people/add/", {"name": "New", "email": "new@northwind.example", "role": "rep"})
            Client().post("/accounts/password/reset/", {"email": office["Ada"].email})
            office.text(f"{BODY} too")
        self.factors()
        self.secrets = {
            "carrier": ACCOUNT_TOKEN, "key": self.api.text, "password": PASSWORD,
            "session": self.ada.cookies[settings.SESSION_COOKIE_NAME].value,
            "live token": self.ada.post("/inbox/live-token").json()["url"].split("token=")[1],
            **self.factors(), **links(),
        }  # fmt: skip

    def factors(self) -> dict[str, str]:
        if not Authenticator.objects.exists():
            secret = generate_totp_secret()
            TOTP.activate(self.person, secret)
            self.opened = {"second factor": secret}
            codes = RecoveryCodes.activate(self.person).generate_codes()
            self.opened |= {f"recovery code {n}": code for n, code in enumerate(codes)}
        return self.opened


def links() -> dict[str, str]:
    words = " ".join(str(message.body) for message in mail.outbox)
    found = {
        "invitation": re.search(r"/accounts/invitations/([\w-]+)/", words),
        "reset": re.search(r"/password/reset/key/[0-9a-z]+-([\w-]+)/", words),
    }
    return {name: match[1] for name, match in found.items() if match}


@pytest.fixture
def day(django_capture_on_commit_callbacks: Any) -> Day:
    redis_client().flushdb()
    return Day(django_capture_on_commit_callbacks)


def everything_in_the_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
        tables = [row[0] for row in cursor.fetchall()]
        parts = []
        for table in tables:
            cursor.execute(f"SELECT coalesce(string_agg(t::text, chr(10)), '') FROM {table} t")
            parts.append(cursor.fetchone()[0])
    assert len(tables) > 50
    return "\n".join(parts)


def everything_in_redis() -> str:
    client, found = redis_client(), []
    for key in client.scan_iter():
        kind = client.type(key)
        read = {
            b"string": client.get, b"hash": client.hgetall, b"set": client.smembers,
            b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
            b"list": lambda key: client.lrange(key, 0, -1),
        }[kind]  # fmt: skip
        found.append(f"{key!r} {read(key)!r}")
    return "\n".join(found)


def test_the_database_holds_no_secret_in_clear(day: Day) -> None:
    """security S9, security F9: as a dump has it, every table."""
    kept = everything_in_the_database()
    assert {"invitation", "reset", "second factor", "recovery code 0"} <= set(day.secrets)
    assert BODY in kept, "the texts themselves are there: the rows are seen"
    assert [name for name, secret in day.secrets.items() if secret in kept] == []


def test_no_page_and_no_answer_shows_a_secret(day: Day) -> None:
    """security S9: what was typed once is never shown again, to an owner neither."""
    olga, account = visit(day.office["Olga"]), day.office.account
    pages = ["/settings/", "/settings/accounts/", f"/settings/accounts/{account.pk}/token/", "/developers/", "/people/",
             f"/people/{day.office['Ada'].pk}/", "/accounts/2fa/", "/why/", "/senders/"]  # fmt: skip
    shown = [olga.get(path, follow=True) for path in pages]
    lists = [op.path for op in operations() if op.method == "GET" and "{" not in op.path]
    shown += [day.api.ask("GET", path) for path in lists]
    assert len(lists) > 15
    assert {answer.status_code for answer in shown} == {200}
    found = "\n".join(answer.content.decode() for answer in shown)
    assert account.account_sid in found and day.api.text[:12] in found, "the account and the key are listed"
    assert [name for name, secret in day.secrets.items() if secret in found] == []


def test_redis_holds_neither_secrets_nor_texts_nor_numbers(day: Day) -> None:
    """security S9: hints, counts of attempts, revocations, limits."""
    kept = everything_in_redis()
    assert kept, "something is there to look at"
    canaries = day.secrets | {
        "body": BODY,
        "number": CARLA,
        "digits": CARLA[1:],
        "email": day.office["Ada"].email,
    }
    assert [name for name, canary in canaries.items() if canary in kept] == []


def test_a_job_carries_nothing(
    day: Day, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    """security S9: what is due is read from the database, so no argument holds a number, a text or a key."""
    jobs: queue.Queue[tuple[Any, ...]] = queue.Queue()

    def send_task(self: Any, name: str, args: Any = (), kwargs: Any = None, **more: Any) -> None:
        jobs.put((name, args, kwargs, more.get("headers")))

    monkeypatch.setattr(type(celery_app), "send_task", send_task)
    with django_capture_on_commit_callbacks(execute=True):
        day.api.post("/messages", {"to": CARLA, "body": "another"}, expect=202)
        day.office.text("and back")
    first = jobs.get(timeout=30)  # hints leave in a thread of their own
    rest = [jobs.get() for _ in range(jobs.qsize())]
    assert [job for job in (first, *rest) if any(job[1:])] == []
