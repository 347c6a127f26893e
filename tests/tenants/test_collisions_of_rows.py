"""Two people save the same at the same moment, or one deletes what the other refers to: words, never a 5xx."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from messaging.models import ContactList
from senderid.models import SenderId
from tenants.models import Profile, Team, TeamMember
from tests.calling import Api
from tests.texting import Texting
from tests.visiting import visit
from tests.walk.drawn import read

pytestmark = pytest.mark.django_db(transaction=True)
WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def in_thread(work: Callable[[], Any]) -> "Future[Any]":
    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    return ThreadPoolExecutor(1).submit(run)


def while_uncommitted(save: Callable[[], Any], ask: Callable[[], Any]) -> Any:
    """The response to `ask`, which began before `save` was committed, as soon as it waited for it."""
    with transaction.atomic():
        save()
        asking = in_thread(ask)
        pause = threading.Event()
        for _ in range(1000):
            with connection.cursor() as cursor:
                cursor.execute(WAITING)
                if cursor.fetchone()[0] or asking.done():
                    break
            pause.wait(0.02)
        assert not asking.done(), asking.result().content[:500]
    return asking.result(timeout=30)


SAME: list[tuple[str, str, dict[str, str], Callable[[Texting], Any]]] = [
    ("/people/teams/", "/teams", {"name": "Support"}, lambda t: Team.objects.for_org(t.org).create(name="support")),
    ("/people/profiles/", "/profiles", {"name": "EMEA"}, lambda t: Profile.objects.for_org(t.org).create(name="Emea")),
    ("/contacts/add/", "/contacts", {"number": "+16285550144"}, lambda t: t.person("+16285550144")),
    ("", "/contact-lists", {"name": "Friends"}, lambda t: ContactList.objects.for_org(t.org).create(name="Friends")),
    (
        "/senders/add/",
        "/sender-ids",
        {"kind": "long_code", "value": "+14155550155", "country": "US"},
        lambda t: SenderId.objects.for_org(t.org).create(
            kind="long_code", value="+14155550155", label="x", country="US", provider_account=t.account, mps=1
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize("page, path, typed, save", SAME, ids=[row[1] for row in SAME])
def test_the_same_row_twice_at_the_same_moment_by_the_api(
    page: str, path: str, typed: dict[str, str], save: Any
) -> None:
    """Issue 8 item 8, collisions; security F12 for other rows than members."""
    texting = Texting()
    api = Api(texting.org)
    api.client.raise_request_exception = False
    response = while_uncommitted(lambda: save(texting), lambda: api.ask("POST", path, typed))
    assert response.status_code in (409, 422), response.content[:500]


PAGES = [row for row in SAME if row[0]]


@pytest.mark.parametrize("page, path, typed, save", PAGES, ids=[row[0] for row in PAGES])
def test_the_same_row_twice_at_the_same_moment_by_a_form(
    page: str, path: str, typed: dict[str, str], save: Any
) -> None:
    """Issue 8 item 8, collisions: the words stand in the form, which keeps what was typed."""
    texting = Texting()
    ada = visit(texting.admin)
    ada.raise_request_exception = False
    forms = read(ada.get(page).content.decode(), page).forms
    form = next(form for form in forms if form.token and form.action == page)
    fields = {name: value for name, value in form.fields if value != "Spring"} | typed
    response = while_uncommitted(lambda: save(texting), lambda: ada.post(page, fields))
    assert response.status_code == 422, response.content[:500]
    assert all(value in response.content.decode() for value in typed.values())


@pytest.mark.parametrize("by", ["page", "api"])
def test_a_team_deleted_while_somebody_is_put_into_it(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 8 item 8, collisions: the foreign key is checked at COMMIT, after the view; that was a 500."""
    texting = Texting()
    team = Team.objects.for_org(texting.org).create(name="Support")
    plain = TeamMember.save

    def saved_too_late(self: Any, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        deletion.append(in_thread(lambda: _delete(team)))
        deletion[0].result(timeout=30)

    deletion: list[Any] = []
    monkeypatch.setattr(TeamMember, "save", saved_too_late)
    monkeypatch.setattr("django.db.models.query.QuerySet.bulk_create", _one_by_one)
    if by == "page":
        ada = Client(raise_request_exception=False)
        ada.force_login(texting.admin.user)
        response: Any = ada.post(
            f"/people/teams/{team.pk}/place/", {"member": str(texting.rob.pk), "what": "in"}
        )
        assert "saved or deleted" in response.content.decode()
    else:
        api = Api(texting.org)
        api.client.raise_request_exception = False
        response = api.ask("PATCH", f"/members/{texting.rob.pk}", {"teams": [str(team.pk)]})
        assert response.json()["code"] == "collision"
    assert deletion and response.status_code == 409
    assert not TeamMember.objects.for_org(texting.org).exists()


def _one_by_one(rows: Any, objects: Any, **_: Any) -> Any:
    for row in objects:
        row.save()
    return objects


def _delete(team: Team) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tenants_team WHERE id = %s", [team.pk])
