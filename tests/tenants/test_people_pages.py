"""People, profiles, teams and keys at the console: an admin sets up, a rep sees only their own."""

import pytest
from django.core import mail
from django.test import Client

from tenants.memberships import named_group
from tenants.models import ApiKey, AuditEntry, Membership, Organization, Profile, Team
from tests.visiting import visit, with_version
from tests.world import make_member, make_org

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organization:
    return make_org()


@pytest.fixture
def admin(org: Organization) -> Membership:
    make_member(org, "Olivia", "owner")
    return make_member(org, "Ana", "admin")


@pytest.fixture
def ana(admin: Membership) -> Client:
    return visit(admin)


def member_called(org: Organization, name: str) -> Membership:
    return Membership.objects.for_org(org).get(name=name)


def test_a_new_member_gets_role_profile_teams_and_a_way_in(
    org: Organization, ana: Client, django_capture_on_commit_callbacks
) -> None:
    profile = named_group(model=Profile, org=org, name="Renewals")
    team = named_group(model=Team, org=org, name="Field")
    given = {
        "name": "Ben Ito",
        "email": "ben@northwind.example",
        "role": "rep",
        "profile": profile.pk,
        "teams": [team.pk],
    }
    with django_capture_on_commit_callbacks(execute=True):
        answer = ana.post("/people/add/", given)
    ben = member_called(org, "Ben Ito")
    assert answer["Location"] == f"/people/{ben.pk}/"
    assert (ben.role, ben.profile, list(ben.teams.all())) == ("rep", profile, [team])
    assert [m.to for m in mail.outbox] == [["ben@northwind.example"]]
    assert "http://testserver/accounts/invitations/" in mail.outbox[0].body


def test_a_refusal_stands_beside_its_field_and_keeps_what_was_typed(org: Organization, ana: Client) -> None:
    make_member(org, "Ben")
    answer = ana.post("/people/add/", {"name": "Benny", "email": "ben@northwind.example", "role": "rep"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "is already a member" in page
    assert 'value="Benny"' in page


def test_an_admin_is_not_offered_to_make_owners(org: Organization, ana: Client) -> None:
    assert 'value="owner"' not in ana.get("/people/add/").content.decode()
    answer = ana.post("/people/add/", {"name": "Eve", "email": "eve@x.example", "role": "owner"})
    assert answer.status_code == 422
    assert not Membership.objects.for_org(org).filter(email="eve@x.example").exists()


def test_members_are_found_by_words_role_and_state(org: Organization, ana: Client) -> None:
    ben = make_member(org, "Ben")
    make_member(org, "Carla", "viewer")
    assert "Carla" not in ana.get("/people/?q=ben").content.decode()
    assert "Ben" not in ana.get("/people/?role=viewer").content.decode()
    ana.post(f"/people/{ben.pk}/deactivate/")
    assert "ben@" not in ana.get("/people/").content.decode()
    assert "ben@" in ana.get("/people/?status=deactivated").content.decode()


def test_a_deactivated_member_can_be_brought_back(org: Organization, ana: Client) -> None:
    ben = make_member(org, "Ben")
    ana.post(f"/people/{ben.pk}/deactivate/")
    ben.refresh_from_db()
    assert not ben.is_active
    ana.post(f"/people/{ben.pk}/back/")
    ben.refresh_from_db()
    assert ben.is_active


def test_who_is_in_no_organization_any_more_is_told_so_at_login(org: Organization, ana: Client) -> None:
    """security F20: the login succeeded and led back to the login page without a word."""
    ben = make_member(org, "Ben")
    visitor = visit(ben)
    ana.post(f"/people/{ben.pk}/deactivate/")
    assert "You don’t have access to any organization" in visitor.get("/inbox/", follow=True).content.decode()


def test_an_admin_is_not_offered_to_change_an_owner(org: Organization, ana: Client) -> None:
    """security F20: a page offers nothing that the page behind it refuses."""
    olivia, ben = member_called(org, "Olivia"), make_member(org, "Ben")
    for whom, offered in ((olivia, False), (ben, True)):
        page = ana.get(f"/people/{whom.pk}/").content.decode()
        assert (f"/people/{whom.pk}/edit/" in page, f"/people/{whom.pk}/deactivate/" in page) == (
            offered,
            offered,
        )
    page = visit(olivia).get(f"/people/{olivia.pk}/").content.decode()
    assert f"/people/{olivia.pk}/edit/" in page


def test_a_get_never_deactivates(org: Organization, ana: Client) -> None:
    ben = make_member(org, "Ben")
    assert "Deactivate" in ana.get(f"/people/{ben.pk}/deactivate/").content.decode()
    ana.get(f"/people/{ben.pk}/back/")
    ben.refresh_from_db()
    assert ben.is_active


@pytest.mark.parametrize(("kind", "model"), [("profiles", Profile), ("teams", Team)])
def test_groups_are_made_renamed_filled_and_deleted(
    org: Organization, ana: Client, kind: str, model: type
) -> None:
    ben = make_member(org, "Ben")
    answer = ana.post(f"/people/{kind}/", {"name": "Renewals"})
    group = model.objects.for_org(org).get(name="Renewals")
    page = f"/people/{kind}/{group.pk}/"
    assert answer["Location"] == page
    rename = f"{page}rename/"
    ana.post(rename, with_version(ana, rename, {"name": "Renewals US"}))
    ana.post(f"{page}place/", {"member": ben.pk, "what": "in"})
    shown = ana.get(page).content.decode()
    assert "Renewals US" in shown
    assert "1 member" in shown
    ana.post(f"{page}place/", {"member": ben.pk, "what": "out"})
    assert "Nobody is in it yet" in ana.get(page).content.decode()
    ana.post(f"{page}delete/")
    assert not model.objects.for_org(org).exists()


def test_a_name_that_is_taken_is_refused_in_words(org: Organization, ana: Client) -> None:
    named_group(model=Team, org=org, name="Field")
    answer = ana.post("/people/teams/", {"name": "field"})
    assert answer.status_code == 422
    assert "already" in answer.content.decode()


def test_a_member_of_another_org_can_not_be_placed(org: Organization, ana: Client) -> None:
    team = named_group(model=Team, org=org, name="Field")
    stranger = make_member(make_org("Elsewhere"), "Zoe")
    assert ana.post(f"/people/teams/{team.pk}/place/", {"member": stranger.pk}).status_code == 404
    assert not team.members.exists()


def test_a_key_is_shown_once_and_opens_nothing_after_it_is_revoked(org: Organization, ana: Client) -> None:
    page = ana.post("/developers/", {"name": "CRM", "scopes": ["read"]}).content.decode()
    key = ApiKey.objects.for_org(org).get()
    assert "cs_live_" in page
    assert (key.scopes, key.created_by.name) == (["read"], "Ana")
    assert page.count(key.prefix) > ana.get("/developers/").content.decode().count(key.prefix)
    ana.post(f"/developers/{key.pk}/revoke/")
    key.refresh_from_db()
    assert not key.is_live


def test_what_was_done_is_in_the_audit_with_who_did_it(
    org: Organization, admin: Membership, ana: Client
) -> None:
    ana.post("/people/teams/", {"name": "Field"})
    assert AuditEntry.objects.for_org(org).filter(action="team.saved", actor=admin).count() == 1


def test_my_own_page_is_found_without_an_id(org: Organization) -> None:
    ben = make_member(org, "Ben")
    assert visit(ben).get("/people/me/")["Location"] == f"/people/{ben.pk}/"
