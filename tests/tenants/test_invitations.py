"""An invitation is accepted by the holder of the address, and by nobody else; the inviter learns nothing about logins."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from tenants import invitations
from tenants.errors import DomainError
from tenants.memberships import add_member, end_membership
from tenants.models import AuditEntry, Invitation, Membership, Organization, User
from tests.calling import Api
from tests.visiting import visit
from tests.world import PASSWORD, make_member, make_org

pytestmark = pytest.mark.django_db
NEW = "newhire@northwind.example"
RANDOM = r'[0-9a-f]{8}-[0-9a-f-]{27}|\w{64}|(?<=name="form_token" value=")[\w-]+'  # ids and tokens of a page
CHOICE = {"password": "a-long-new-password", "again": "a-long-new-password"}


@pytest.fixture
def org() -> Organization:
    return make_org()


@pytest.fixture
def owner(org: Organization) -> Membership:
    return make_member(org, "Olivia", "owner")


@pytest.fixture
def outsider() -> Membership:
    return make_member(make_org("Elsewhere"), "Zoe", "owner")


@pytest.fixture
def link(org: Organization, owner: Membership, mailed: Any) -> str:
    """The path of the link that was mailed to NEW."""
    member = add_member(org=org, email=NEW, name="New Hire", role="admin")
    with mailed():
        invitations.invite(member=member, by=owner)
    return link_in(mail.outbox[-1])


@pytest.fixture
def mailed(django_capture_on_commit_callbacks: Any) -> Any:
    return lambda: django_capture_on_commit_callbacks(execute=True)


def link_in(message: Any) -> str:
    found = re.search(r"http://testserver(/accounts/invitations/[\w-]+/)", message.body)
    assert found
    return found[1]


def invited(org: Organization) -> Membership:
    return Membership.objects.for_org(org).get(email=NEW)


def make_later(org: Organization, **by: int) -> None:
    """As if the invitations had been sent longer ago."""
    for row in Invitation.objects.for_org(org):
        row.created_at -= timedelta(**by)
        row.expires_at -= timedelta(**by)
        row.save()


# --- The email -----------------------------------------------------------------------------------------


def test_the_email_says_who_invites_to_what_as_what_until_when(org: Organization, link: str) -> None:
    """console 5, security F21: its own email, HTML and text, links from PUBLIC_BASE_URL, no password reset."""
    message: Any = mail.outbox[-1]
    html = message.alternatives[0][0]
    assert message.subject == "Olivia invited you to Northwind on Callsign"
    assert message.to == [NEW]
    until = timezone.localtime(timezone.now() + invitations.VALID_FOR, timezone.get_fixed_timezone(-300))
    for part in (message.body, html):
        assert all(word in part for word in ("Olivia", "Northwind", "admin", link, NEW, f"{until:%B %Y}"))
        assert "assword" not in part and "eset" not in part


def test_line_breaks_in_names_add_no_header(org: Organization, owner: Membership, mailed: Any) -> None:
    """security F21: names are one line, wherever they come from."""
    Organization.objects.filter(pk=org.pk).update(name="North\r\nBcc: x@evil.example")
    org.refresh_from_db()
    member = add_member(org=org, email=NEW, name="New\r\n Hire\t II", title="Head\nof sales")
    assert (member.name, member.title) == ("New Hire II", "Head of sales")
    with mailed():
        invitations.invite(member=member, by=owner)
    assert mail.outbox[-1].subject == "Olivia invited you to North Bcc: x@evil.example on Callsign"


def test_a_mail_server_that_is_away_loses_nothing(
    org: Organization, owner: Membership, mailed: Any, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with mailed():
        answer = visit(owner).post("/people/add/", {"name": "N", "email": NEW, "role": "rep"})
    page = visit(owner).get(answer["Location"]).content.decode()
    assert "could not be sent" in page


# --- Accepting -----------------------------------------------------------------------------------------


def test_without_a_login_one_chooses_a_password_and_is_in(org: Organization, link: str) -> None:
    visitor = Client()
    page = visitor.get(link).content.decode()
    assert "Choose a password" in page and NEW in page and "Northwind" in page
    assert not User.objects.filter(email=NEW).exists()  # looking accepts nothing
    assert visitor.post(link, CHOICE)["Location"] == "/"
    assert visitor.get("/people/").status_code == 200
    member = invited(org)
    assert (member.status, member.user.email) == ("active", NEW)
    assert AuditEntry.objects.for_org(org).get(action="member.accepted").actor == member


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ({"password": "short", "again": "short"}, "too short"),
        ({"password": "password", "again": "password"}, "too common"),
        ({"password": "a-long-new-password", "again": "another-password"}, "don’t match"),
        ({}, "required"),
    ],
)
def test_a_bad_password_is_refused_in_words(link: str, org: Organization, choice: Any, says: str) -> None:
    answer = Client().post(link, choice)
    assert answer.status_code == 422 and says in answer.content.decode()
    assert invited(org).status == "invited"


def test_with_a_login_one_logs_in_and_then_accepts(
    org: Organization, outsider: Membership, link: str
) -> None:
    """The existing login keeps its password, name and other org."""
    User.objects.filter(pk=outsider.user_id).update(email=NEW)
    visitor = Client()
    page = visitor.get(link).content.decode()
    assert "already have a login" in page and "Choose a password" not in page
    visitor.post(link, CHOICE)
    assert invited(org).status == "invited"
    answer = visitor.post(f"/accounts/login/?next={link}", {"login": NEW, "password": PASSWORD})
    assert answer["Location"] == link
    assert "Accept invitation" in visitor.get(link).content.decode()
    visitor.post(link)
    assert invited(org).user_id == outsider.user_id
    page = visitor.get("/people/").content.decode()
    assert "New Hire" in page and "Zoe" not in page, "they land in the org they accepted"
    outsider.refresh_from_db()
    assert (outsider.is_active, outsider.name, outsider.email) == (True, "Zoe", "zoe@elsewhere.example")


def test_logged_in_as_somebody_else_is_said_and_accepts_nothing(
    org: Organization, outsider: Membership, link: str
) -> None:
    """security F1: the login's address must be the invited one, on the page and in the rule beneath it."""
    somebody = visit(outsider)
    page = somebody.get(link).content.decode()
    assert f"This invitation is for {NEW}, but you’re logged in as zoe@elsewhere.example" in page
    assert somebody.post(link, CHOICE).status_code == 403
    with pytest.raises(DomainError, match="for newhire"):
        invitations.accept_as(secret=link.split("/")[-2], login=outsider.user)
    assert invited(org).status == "invited"


def test_an_expired_link_says_so(org: Organization, link: str) -> None:
    make_later(org, days=8)
    assert "has expired" in Client().get(link).content.decode()
    assert Client().post(link, CHOICE).status_code == 409
    assert not User.objects.filter(email=NEW).exists()


def test_a_withdrawn_link_says_so_and_stays_closed(org: Organization, owner: Membership, link: str) -> None:
    member = invited(org)
    visit(owner).post(f"/people/{member.pk}/withdraw/")
    assert "has been withdrawn" in Client().get(link).content.decode()
    assert Client().post(link, CHOICE).status_code == 409
    visit(owner).post(f"/people/{member.pk}/back/")
    assert "has expired" in Client().get(link).content.decode()
    assert invited(org).status == "invited"


def test_a_resent_invitation_replaces_the_link_before(
    org: Organization, owner: Membership, link: str, mailed: Any
) -> None:
    member = invited(org)
    again = f"/people/{member.pk}/invite/"
    assert visit(owner).post(again).status_code == 422  # within a minute: no mail bomb
    make_later(org, minutes=2)
    with mailed():
        visit(owner).post(again)
    newer = link_in(mail.outbox[-1])
    assert newer != link and "newer invitation" in Client().get(link).content.decode()
    Client().post(newer, CHOICE)
    assert invited(org).status == "active"


def test_a_link_works_once(org: Organization, link: str) -> None:
    Client().post(link, CHOICE)
    assert "already been accepted" in Client().get(link).content.decode()
    assert (
        Client().post(link, {"password": "attackers-password", "again": "attackers-password"}).status_code
        == 409
    )
    assert User.objects.get(email=NEW).check_password(CHOICE["password"])


def test_the_second_of_two_tabs_is_told(org: Organization, link: str) -> None:
    """Both tabs hold the form; the first accepts, which logs in and changes the CSRF token."""
    browser = Client(enforce_csrf_checks=True)
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', browser.get(link).content.decode())
    assert token
    body = {**CHOICE, "csrfmiddlewaretoken": token[1]}
    assert browser.post(link, body)["Location"] == "/"
    answer = browser.post(link, body)
    assert answer.status_code == 302 and answer["Location"] == link
    assert "already been accepted" in browser.get(link).content.decode()


def test_a_link_nobody_made_opens_nothing() -> None:
    assert Client().get("/accounts/invitations/xxxxxxxx/").status_code == 404


def test_one_who_was_deactivated_meanwhile_can_not_accept(org: Organization, link: str) -> None:
    end_membership(member=invited(org))
    Client().post(link, CHOICE)
    assert invited(org).user_id is None


# --- What the inviter learns, and may do ---------------------------------------------------------------


def test_an_existing_login_looks_like_none(
    org: Organization, owner: Membership, outsider: Membership, django_assert_num_queries: Any
) -> None:
    """security F2, console 8: same words, same queries; no name, no membership without a yes."""
    admin = visit(owner)
    admin.get("/people/add/")
    pages = []
    for email in ("zoe@elsewhere.example", "nobody@elsewhere.example"):
        answer = admin.post("/people/add/", {"name": "Ana again", "email": email, "role": "rep"}, follow=True)
        page = re.sub(RANDOM, "", answer.content.decode())
        pages.append(page.replace(email, "EMAIL"))
    assert pages[0] == pages[1]
    assert "Zoe" not in pages[0]
    member = Membership.objects.for_org(org).get(email="zoe@elsewhere.example")
    assert (member.user_id, member.name, member.status) == (None, "Ana again", "invited")


def test_asking_takes_the_same_statements_for_both(
    org: Organization, outsider: Membership, django_assert_num_queries: Any
) -> None:
    """security F2: not even the time tells."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    api = Api(org)
    api.get("/members")
    counts = []
    for email in ("zoe@elsewhere.example", "nobody@elsewhere.example"):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            row = api.post("/members", {"email": email, "name": "Z", "send_invitation": True})
        counts.append(len(asked))
        assert "tenants_user" not in " ".join(q["sql"] for q in asked).replace("tenants_user_", "")
        assert row["status"] == "invited"
    assert counts[0] == counts[1]


def test_another_org_never_changes_a_person_of_this_one(
    org: Organization, owner: Membership, outsider: Membership
) -> None:
    """security F2: name and title are the membership's own."""
    theirs = Api(outsider.org)
    row = theirs.post("/members", {"email": owner.email, "name": "x"})
    theirs.patch(f"/members/{row['id']}", {"name": "HACKED", "title": "Pwned"})
    theirs.call("DELETE", f"/members/{row['id']}", expect=204)
    owner.refresh_from_db()
    owner.user.refresh_from_db()
    assert (owner.name, owner.title, owner.is_active, owner.user.name) == ("Olivia", "", True, "")
    assert visit(owner).get("/people/").status_code == 200


def test_squatting_an_address_gains_nothing(org: Organization, outsider: Membership, link: str) -> None:
    """security F2: the first org to type an address neither names the person nor decides where they land."""
    add_member(org=outsider.org, email=NEW, name="Mallory")
    visitor = Client()
    visitor.post(link, CHOICE)
    page = visitor.get("/people/").content.decode()
    assert "New Hire" in page and "Mallory" not in page and "Elsewhere" not in page


def test_an_invited_member_counts_for_the_api_but_can_not_log_in(org: Organization) -> None:
    """The public contract: the id works at once, without anybody accepting."""
    api = Api(org)
    row = api.post("/members", {"email": NEW, "name": "N"})
    assert (row["status"], row["is_active"], row["accepted_at"]) == ("invited", True, None)
    api.post(
        "/delegations", {"from": row["id"], "start": "2030-01-01T00:00:00Z", "end": "2030-01-02T00:00:00Z"}
    )
    assert mail.outbox == []
    assert Client().post("/accounts/login/", {"login": NEW, "password": ""}).status_code == 200
    assert not User.objects.filter(email=NEW).exists()


def test_the_api_sends_and_resends_when_asked(org: Organization, mailed: Any) -> None:
    api = Api(org)
    with mailed():
        row = api.post("/members", {"email": NEW, "name": "N", "send_invitation": True})
    assert mail.outbox[-1].subject == "Join Northwind on Callsign"
    path = f"/members/{row['id']}/invitation"
    assert api.post(path, expect=422)["code"] == "too_soon"
    make_later(org, minutes=2)
    api.post(path, expect=202)
    Client().post(link_in(mail.outbox[-1]), CHOICE)


@pytest.mark.parametrize(
    "path",
    ["email/", "signup/", "3rdparty/", "social/login/cancelled/", "confirm-email/", "confirm-email/x/",
     "password/set/", "login/code/confirm/", "login/code/", "2fa/webauthn/"],
)  # fmt: skip
def test_pages_that_are_not_needed_are_gone(owner: Membership, path: str) -> None:
    """security F1, F12: nobody takes an address by typing it, so it can't collide either."""
    for visitor in (Client(), visit(owner)):
        assert visitor.get(f"/accounts/{path}").status_code == 404
        body = {"email": "newhire@seca.example", "action_add": "", "action_primary": ""}
        assert visitor.post(f"/accounts/{path}", body).status_code == 404
    assert User.objects.get(pk=owner.user_id).email == owner.email


@pytest.mark.parametrize("path", ["login/", "password/reset/", "password/reset/done/", "inactive/"])
def test_pages_that_are_needed_open(path: str) -> None:
    assert Client().get(f"/accounts/{path}").status_code == 200


@pytest.mark.parametrize("path", ["2fa/", "reauthenticate/", "password/change/", "logout/"])
def test_pages_of_ones_own_login_open(owner: Membership, path: str) -> None:
    assert visit(owner).get(f"/accounts/{path}", follow=True).status_code == 200
