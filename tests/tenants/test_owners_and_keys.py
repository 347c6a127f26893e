"""Only owners manage owners, whichever way in; a key never may more, or lives longer, than who made it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tenants.api_keys import SCOPES, mint, revoke
from tenants.errors import DomainError
from tenants.memberships import add_member, change_member
from tenants.models import ApiKey, Membership, Organization
from tests.calling import Api
from tests.visiting import visit, with_version
from tests.world import make_member, make_org

pytestmark = pytest.mark.django_db
ORDINARY = [scope for scope in SCOPES if scope != "manage_owners"]


@pytest.fixture
def org() -> Organization:
    return make_org()


@pytest.fixture
def owner(org: Organization) -> Membership:
    return make_member(org, "Olivia", "owner")


@pytest.fixture
def admin(org: Organization, owner: Membership) -> Membership:
    return make_member(org, "Ana", "admin")


def api_of(member: Membership, **key: Any) -> Api:
    return Api(member.org, created_by=member, **key)


def status_of(text: str) -> int:
    return Client(headers={"authorization": f"Bearer {text}"}).get("/api/v1/members").status_code


# --- Owners --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scopes", [None, ["read", "set_up"], ORDINARY])
def test_an_admins_key_neither_makes_nor_touches_owners(
    owner: Membership, admin: Membership, scopes: list[str] | None
) -> None:
    """security F3: the whole matrix of REST writes on members."""
    api, mine, theirs = api_of(admin, scopes=scopes), f"/members/{admin.pk}", f"/members/{owner.pk}"
    assert "manage_owners" not in api.key.scopes
    for method, path, body in [
        ("PATCH", mine, {"role": "owner"}),
        ("POST", "/members", {"email": "x@y.example", "name": "X", "role": "owner"}),
        ("PATCH", theirs, {"role": "rep"}),
        ("PATCH", theirs, {"is_active": False}),
        ("PATCH", theirs, {"name": "Owned"}),
        ("DELETE", theirs, None),
    ]:
        assert api.call(method, path, body, expect=403)["code"] == "forbidden"
    owner.refresh_from_db()
    admin.refresh_from_db()
    assert (owner.role, owner.is_active, owner.name, admin.role) == ("owner", True, "Olivia", "admin")


def test_an_admin_gives_no_key_the_scope_for_owners(owner: Membership, admin: Membership) -> None:
    """security F3: neither in the console nor with a key."""
    ana = visit(admin)
    assert "manage_owners" not in ana.get("/developers/").content.decode()
    assert ana.post("/developers/", {"name": "x", "scopes": ["manage_owners"]}).status_code == 422
    body = {"name": "x", "scopes": ["manage_owners"]}
    assert api_of(admin).post("/api-keys", body, expect=403)["code"] == "forbidden"
    with pytest.raises(DomainError):
        mint(org=admin.org, name="x", scopes=["manage_owners"], created_by=admin)


def test_an_owners_key_manages_owners_only_with_the_scope(owner: Membership, admin: Membership) -> None:
    path = f"/members/{admin.pk}"
    assert api_of(owner, scopes=ORDINARY).patch(path, {"role": "owner"}, expect=403)["code"] == "forbidden"
    assert api_of(owner, scopes=list(SCOPES)).patch(path, {"role": "owner"})["role"] == "owner"


def test_an_owner_who_has_not_accepted_does_not_count_as_one(org: Organization, owner: Membership) -> None:
    add_member(org=org, email="later@northwind.example", name="Later", role="owner", by=owner)
    with pytest.raises(DomainError) as refused:
        change_member(member=owner, by=owner, role="admin")
    assert refused.value.code == "last_owner"


# --- Keys ----------------------------------------------------------------------------------------------


def test_a_key_that_ends_makes_none_that_outlives_it(owner: Membership) -> None:
    """security F14: the end is inherited, an earlier one is fine, a later one or none is not."""
    end = timezone.now() + timedelta(days=1)
    api = api_of(owner, expires_at=end)
    made = api.post("/api-keys", {"name": "child", "scopes": ["read"]})
    assert ApiKey.unscoped.get(pk=made["id"]).expires_at == end
    assert (
        ApiKey.unscoped.get(
            pk=api.post("/api-keys", {"name": "c", "scopes": ["read"], "expires_at": None})["id"]
        ).expires_at
        == end
    )
    api.post(
        "/api-keys",
        {"name": "sooner", "scopes": ["read"], "expires_at": (end - timedelta(hours=1)).isoformat()},
    )
    later = {"name": "later", "scopes": ["read"], "expires_at": (end + timedelta(seconds=1)).isoformat()}
    assert api.post("/api-keys", later, expect=403)["errors"][0]["field"] == "expires_at"


def test_a_sandbox_key_makes_only_sandbox_keys(owner: Membership) -> None:
    body = {"name": "x", "scopes": ["read"]}
    assert api_of(owner, sandbox=True).post("/api-keys", body, expect=403)["code"] == "forbidden"


def test_revoking_a_key_ends_what_was_made_with_it(owner: Membership) -> None:
    """security F14: a stolen key leaves no children behind."""
    parent = api_of(owner)
    child = parent.post("/api-keys", {"name": "child", "scopes": ["read", "set_up"]})
    grandchild = (
        Client(headers={"authorization": f"Bearer {child['key']}"})
        .post("/api/v1/api-keys", {"name": "grandchild", "scopes": ["read"]}, "application/json")
        .json()
    )
    page = visit(owner).get(f"/developers/{parent.key.pk}/revoke/").content.decode()
    assert "child" in page
    visit(owner).post(f"/developers/{parent.key.pk}/revoke/")
    assert [status_of(text) for text in (parent.text, child["key"], grandchild["key"])] == [401, 401, 401]


def test_a_revoked_key_opens_nothing_from_the_next_request_on(owner: Membership) -> None:
    """security S8: twenty keys, one after another; those that are not revoked go on."""
    apis = [api_of(owner) for _ in range(21)]
    assert [status_of(api.text) for api in apis] == [200] * 21  # whatever is remembered of a key, is now
    for number, api in enumerate(apis[:20], 1):
        revoke(key=api.key)
        assert status_of(api.text) == 401
        assert [status_of(one.text) for one in apis[number:]][-1] == 200


@pytest.mark.parametrize("how", ["demoted", "deactivated", "demoted by REST", "ended by REST"])
def test_keys_end_with_the_power_of_who_made_them(owner: Membership, admin: Membership, how: str) -> None:
    """security F14: keys of the person, those made with their keys too; others' stay."""
    mine, others = api_of(admin), api_of(owner)
    child = mine.post("/api-keys", {"name": "child", "scopes": ["read"]})["key"]
    path = f"/members/{admin.pk}"
    match how:
        case "demoted":
            form = {"name": "Ana", "role": "rep"}
            page, client = f"/people/{admin.pk}/edit/", visit(owner)
            assert client.post(page, with_version(client, page, form)).status_code == 302
        case "deactivated":
            visit(owner).post(f"/people/{admin.pk}/deactivate/")
        case "demoted by REST":
            others.patch(path, {"role": "viewer"})
        case "ended by REST":
            others.call("DELETE", path, expect=204)
    assert [status_of(text) for text in (mine.text, child, others.text)] == [401, 401, 200]
    if how == "deactivated":
        visit(owner).post(f"/people/{admin.pk}/back/")
        assert status_of(mine.text) == 401  # coming back brings no key back


def test_a_former_owners_key_no_longer_manages_owners(org: Organization, owner: Membership) -> None:
    """security F14: demotion to admin narrows, it does not end."""
    other = make_member(org, "Otto", "owner")
    api = api_of(other, scopes=list(SCOPES))
    change_member(member=other, by=owner, role="admin")
    assert api.patch(f"/members/{owner.pk}", {"role": "rep"}, expect=403)["code"] == "forbidden"
    assert status_of(api.text) == 200


def test_the_pages_name_the_keys_that_would_end(owner: Membership, admin: Membership) -> None:
    """security F14: before deactivating, and before changing the role."""
    mint(org=admin.org, name="CRM sync", created_by=admin)
    for page in ("deactivate", "edit"):
        assert "CRM sync" in visit(owner).get(f"/people/{admin.pk}/{page}/").content.decode()


def test_one_without_set_up_mints_no_key(org: Organization) -> None:
    with pytest.raises(DomainError):
        mint(org=org, name="x", created_by=make_member(org, "Rob"))


@pytest.mark.parametrize("field", ["id", "created_at"])
def test_what_an_organization_never_changes_is_refused_by_name(org: Organization, field: str) -> None:
    """security F21: `id` in PATCH /organization was ignored without a word."""
    problem = Api(org).patch("/organization", {field: "x", "name": "New"}, expect=400)
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, "read_only")]
    org.refresh_from_db()
    assert org.name == "Northwind"
