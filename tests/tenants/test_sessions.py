"""A copy of the database logs nobody in (security F9)."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session as DjangosSession
from django.test import Client
from django.utils import timezone

from config.celery import app as celery_app
from tenants.auth.sessions import digest
from tenants.models import Session
from tests.visiting import visit
from tests.world import make_member, make_org

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> Client:
    return visit(make_member(make_org(), "Ana", "owner"))


def cookie(client: Client) -> str:
    return client.cookies[django_settings.SESSION_COOKIE_NAME].value


def test_the_row_holds_a_digest_of_the_cookie(ana: Client) -> None:
    """security F9: what stands in the row is no session id."""
    assert ana.get("/people/me/").status_code == 302
    [row] = Session.objects.all()
    assert row.session_key == digest(cookie(ana)) != cookie(ana)
    assert not DjangosSession.objects.exists()
    thief = Client()
    thief.cookies[django_settings.SESSION_COOKIE_NAME] = row.session_key
    assert thief.get("/inbox/")["Location"].startswith("/accounts/login/")
    assert Session.objects.count() == 1


def test_its_data_are_sealed(ana: Client) -> None:
    """security F9: neither the login nor what a page keeps there can be read."""
    [row] = Session.objects.all()
    assert row.session_data.startswith("gAAAA")
    assert row.get_decoded()["_auth_user_id"]


def test_logging_out_ends_it(ana: Client) -> None:
    key = cookie(ana)
    ana.post("/accounts/logout/")
    assert not Session.objects.filter(session_key=digest(key)).exists()
    thief = Client()
    thief.cookies[django_settings.SESSION_COOKIE_NAME] = key
    assert thief.get("/inbox/").status_code == 302


def test_logging_in_changes_the_key() -> None:
    """No session id that was known before the login is worth anything after it."""
    member, client = make_member(make_org(), "Ana"), Client()
    session = client.session
    session["x"] = 1
    session.save()
    client.cookies[django_settings.SESSION_COOKIE_NAME] = session.session_key
    client.force_login(member.user)
    assert cookie(client) != session.session_key
    assert [row.session_key for row in Session.objects.all()] == [digest(cookie(client))]


def test_an_expired_one_is_over_and_is_cleared_every_hour(ana: Client) -> None:
    """security F9: what is over does not lie about; a session that lives stays."""
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert ana.get("/inbox/").status_code == 302
    alive = visit(make_member(make_org("Elsewhere"), "Zoe"))
    [job] = [one for one in celery_app.conf.beat_schedule.values() if "sessions" in one["task"]]
    assert job["schedule"] <= 3600
    celery_app.tasks[job["task"]]()
    assert [row.session_key for row in Session.objects.all()] == [digest(cookie(alive))]


def test_when_its_key_is_gone_the_session_ends(ana: Client, settings: Any) -> None:
    """security S9: an old FIELD_KEY can be removed; who was logged in logs in again."""
    settings.FIELD_KEYS = [Fernet.generate_key().decode(), *settings.FIELD_KEYS]
    assert ana.get("/inbox/").status_code == 200
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    assert ana.get("/inbox/").status_code == 302
