"""Which organization a request acts in comes from the session, the key or the webhook's address, from nothing else.

security S1: the organization itself is an id slot, too.
"""

from typing import Any

import pytest
from django.test import Client

from messaging.models import Contact, InboundEvent
from tenants.models import Membership, Organization, Team
from tests.calling import Api
from tests.office import Office
from tests.visiting import visit
from tests.world import make_member, make_org

pytestmark = pytest.mark.django_db
NAMES = ("org", "org_id", "organization", "organization_id", "page_org", "tenant")


@pytest.fixture
def theirs() -> Organization:
    """Another organization with a contact and a team."""
    org = make_org("Elsewhere")
    make_member(org, "Otto", "owner")
    Contact.objects.for_org(org).create(number="+14155550111", name="Olga", country="US")
    Team.objects.for_org(org).create(name="Their team")
    return org


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.mark.parametrize("name", NAMES)
def test_a_key_acts_in_its_own_org_whatever_is_named(office: Office, theirs: Organization, name: str) -> None:
    """security S1: in the address, the body and a header."""
    api, before = Api(office.org), Contact.objects.for_org(theirs).count()
    answer = api.ask("GET", f"/contacts?{name}={theirs.pk}", **{f"X_{name}": str(theirs.pk)})
    assert answer.status_code in (200, 400) and b"Olga" not in answer.content
    body = {"number": "+14155550122", "name": "New", name: str(theirs.pk)}
    assert api.ask("POST", "/contacts", body).status_code == 400, "an unknown field is refused by name"
    assert (
        api.ask("POST", "/contacts", {"number": "+14155550122"}, X_Page_Org=str(theirs.pk)).status_code == 201
    )
    assert Contact.objects.for_org(theirs).count() == before
    assert Contact.objects.for_org(office.org).filter(number="+14155550122").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_session_acts_in_its_own_org_whatever_is_named(
    office: Office, theirs: Organization, name: str
) -> None:
    """security S1: a page of another org is refused (409); nothing is ever done there."""
    ada = visit(office["Ada"])
    page = ada.get(f"/contacts/?{name}={theirs.pk}", headers={f"x-{name.replace('_', '-')}": str(theirs.pk)})
    assert page.status_code == (409 if name == "page_org" else 200) and "Olga" not in page.content.decode()
    answer = ada.post("/people/teams/", {"name": "Field", name: str(theirs.pk)})
    assert answer.status_code == (409 if name == "page_org" else 302)
    assert [team.name for team in Team.objects.for_org(theirs)] == ["Their team"]


def test_a_session_that_names_an_org_of_others_stays_in_its_own(office: Office, theirs: Organization) -> None:
    """security S1: also where the membership there has ended."""
    ada = visit(office["Ada"])
    session = ada.session
    session["org"] = str(theirs.pk)
    session.save()
    page = ada.get("/people/").content.decode()
    assert "Ada" in page and "Otto" not in page


def test_a_login_that_is_no_member_any_more_is_nowhere(office: Office, theirs: Organization) -> None:
    """security S1: no organization is found for it, so none is taken."""
    ada = visit(office["Ada"])
    Membership.objects.for_org(office.org).filter(pk=office["Ada"].pk).update(is_active=False)
    assert ada.get("/people/").status_code == 302
    assert ada.post("/people/teams/", {"name": "Field", "page_org": str(office.org.pk)}).status_code in (
        302,
        403,
    )
    assert not Team.objects.for_org(office.org).filter(name="Field").exists()


def test_a_webhook_acts_in_the_org_of_its_address(office: Office, theirs: Organization) -> None:
    """security S1, S4: what the form or the address names besides changes nothing."""
    form: dict[str, Any] = {
        "AccountSid": office.account.account_sid, "MessageSid": "SM" + "1" * 32, "To": office.sender.value,
        "From": "+14155550133", "Body": "Hi", "org": str(theirs.pk), "org_id": str(theirs.pk),
    }  # fmt: skip
    from twilio.request_validator import RequestValidator

    path = f"/webhooks/twilio/{office.account.account_key}/inbound?org={theirs.pk}"
    signature = RequestValidator(office.account.auth_token).compute_signature(
        f"http://testserver{path}", form
    )
    answer = Client().post(path, form, headers={"x-twilio-signature": signature})
    assert answer.status_code == 200
    assert InboundEvent.objects.for_org(office.org).count() == 1
    assert not InboundEvent.objects.for_org(theirs).exists()
