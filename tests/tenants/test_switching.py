"""One login in two organizations: the switcher, and pages that were opened before it was used."""

import re

import pytest
from django.test import Client

from tenants.memberships import end_membership, enroll
from tenants.models import Membership, Organization, Team
from tests.calling import Api
from tests.visiting import visit
from tests.world import make_member, make_org

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> Membership:
    return make_member(make_org("Northwind"), "Ana", "owner")


@pytest.fixture
def second(ana: Membership) -> Membership:
    org = make_org("Globex")
    make_member(org, "Otto", "owner")
    return enroll(org=org, email=ana.email, name="A. Brandt", role="admin", password="x")


def switch(visitor: Client, org: Organization, **extra: str) -> int:
    return visitor.post("/accounts/organization/", {"org": org.pk, **extra}).status_code


def test_the_switcher_moves_the_session(ana: Membership, second: Membership) -> None:
    """console 33, security F2: both orgs can be reached; each shows its own name of the person."""
    visitor = visit(ana)
    page = visitor.get("/people/").content.decode()
    assert "Switch organization" in page and "Globex" in page and "A. Brandt" not in page
    assert switch(visitor, second.org) == 302
    page = visitor.get("/people/").content.decode()
    assert "You’re now working in Globex" in page and "A. Brandt" in page


def test_what_one_org_writes_of_a_shared_login_stays_there(ana: Membership, second: Membership) -> None:
    """security F2: name and title by REST; neither the other org nor the login changes."""
    login = (ana.user.name, ana.user.email)
    Api(second.org).patch(f"/members/{second.pk}", {"name": "HACKED", "title": "Pwned"})
    ana.refresh_from_db()
    ana.user.refresh_from_db()
    assert (ana.name, ana.title, ana.user.name, ana.user.email) == ("Ana", "", *login)
    assert "HACKED" not in visit(ana).get("/people/").content.decode()


def test_with_one_org_there_is_no_switcher(ana: Membership) -> None:
    assert "Switch organization" not in visit(ana).get("/people/").content.decode()


def test_an_org_of_others_is_not_there(ana: Membership, second: Membership) -> None:
    visitor = visit(ana)
    strangers = make_org("Strangers")
    assert switch(visitor, strangers) == 404
    assert visitor.post("/accounts/organization/", {"org": "x"}).status_code == 404
    end_membership(member=second)
    assert switch(visitor, second.org) == 404
    assert (
        Client()
        .post("/accounts/organization/", {"org": ana.org_id})["Location"]
        .startswith("/accounts/login/")
    )
    assert visitor.get("/accounts/organization/").status_code == 405


def test_a_form_of_one_org_never_acts_in_the_other(ana: Membership, second: Membership) -> None:
    """Two tabs: the form was opened in Northwind, then the other tab moved to Globex."""
    visitor = visit(ana)
    form = visitor.get("/people/teams/").content.decode()
    hidden = re.search(r'name="page_org" value="([0-9a-f-]+)"', form)
    assert hidden and hidden[1] == str(ana.org_id)
    switch(visitor, second.org)
    answer = visitor.post("/people/teams/", {"name": "Field", "page_org": hidden[1]})
    assert answer.status_code == 409
    assert "You’re now working in Globex" in answer.content.decode()
    assert not Team.unscoped.exists()
    switch(visitor, ana.org)
    assert visitor.post("/people/teams/", {"name": "Field", "page_org": hidden[1]}).status_code == 302
    assert Team.unscoped.get().org_id == ana.org_id


@pytest.mark.parametrize("method", ["get", "post"])
def test_fragments_of_one_org_are_not_filled_by_the_other(
    ana: Membership, second: Membership, method: str
) -> None:
    """What htmx asks for carries the page's org in a header, by `hx-headers` of the body."""
    visitor = visit(ana)
    assert f'"x-page-org":"{ana.org_id}"' in visitor.get("/people/").content.decode()
    switch(visitor, second.org)
    answer = getattr(visitor, method)("/people/teams/", headers={"x-page-org": str(ana.org_id)})
    assert answer.status_code == 409 and "data-says" in answer.content.decode()


def test_a_session_does_not_move_by_itself_without_a_word(ana: Membership, second: Membership) -> None:
    """security F1: losing one org is said, and a form opened there does nothing here."""
    visitor = visit(ana)
    switch(visitor, second.org)
    visitor.get("/people/")
    end_membership(member=second)
    answer = visitor.post("/people/teams/", {"name": "Field", "page_org": str(second.org_id)})
    assert answer.status_code == 409 and not Team.unscoped.exists()
    assert "no longer have access" in answer.content.decode()


def test_every_form_of_the_console_carries_its_org() -> None:
    """`{% csrf_token %}` brings the org along, so a form without it is the only way round."""
    from django.conf import settings

    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        forms = re.findall(r'<form[^>]*method="post".*?</form>', path.read_text(), re.S)
        assert all("csrf_token" in form for form in forms), path
