"""What happens at once: the same member asked for many times, the same invitation accepted in two browsers."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tenants import invitations
from tenants.errors import DomainError
from tenants.memberships import add_member
from tenants.models import Membership, Organization, User
from tests.calling import Api
from tests.world import make_org

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "newhire@northwind.example"


@pytest.fixture
def org() -> Iterator[Organization]:
    yield make_org()


def at_once(act: Callable[[int], Any], times: int) -> list[Any]:
    def run(number: int) -> Any:
        try:
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def test_the_same_new_member_six_times_at_once(org: Organization) -> None:
    """security F12: one is made, five are told that there is one; never a 500."""
    text = Api(org).text

    def post(number: int) -> int:
        asking = Client(headers={"authorization": f"Bearer {text}"}, raise_request_exception=False)
        body = {"email": NEW if number % 2 else NEW.upper(), "name": "N"}
        return asking.post("/api/v1/members", body, "application/json").status_code

    assert sorted(at_once(post, 6)) == [201, 422, 422, 422, 422, 422]
    assert Membership.objects.for_org(org).count() == 1


def test_one_link_accepted_in_four_browsers_at_once(
    org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    """security F12: one login is made, by one of the passwords; the others are told in words."""
    monkeypatch.setattr(invitations.secrets, "token_urlsafe", lambda size: "the-secret")
    invitations.invite(member=add_member(org=org, email=NEW, name="N"))

    def accept(number: int) -> str:
        try:
            invitations.accept_with_password(secret="the-secret", password=f"long-password-{number}")
        except DomainError as error:
            return error.code
        return "accepted"

    assert sorted(at_once(accept, 4)) == ["accepted", "not_invited", "not_invited", "not_invited"]
    assert User.objects.filter(email=NEW).count() == 1
