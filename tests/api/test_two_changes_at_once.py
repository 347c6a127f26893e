"""api 19: who sends no If-Match still undoes nothing: two changes of other fields at one moment are both kept."""

import re
from typing import Any

import pytest

from tenants.models import Membership
from tests.api_rows import rows_of
from tests.calling import Api
from tests.office import Office
from tests.racing import both_wait_for
from tests.visiting import visit

pytestmark = pytest.mark.django_db(transaction=True)
# {address: the table of its row, two changes}
PAIRS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "organization": ("tenants_organization", {"name": "Renamed"}, {"daily_cap": 77}),
    "members": ("tenants_membership", {"name": "Renamed"}, {"title": "Boss"}),
    "sender-ids": ("senderid_senderid", {"label": "Renamed"}, {"mps": 2}),
    "assignments": ("senderid_assignment", {"priority": 7}, {"can_send": False}),
    "contacts": ("messaging_contact", {"name": "Renamed"}, {"attributes": {"plan": "gold"}}),
    "campaigns": ("messaging_campaign", {"name": "Renamed"}, {"body": "Another"}),
    "programs": ("messaging_program", {"name": "Renamed"}, {"mode": "notify_only"}),
    "email-templates": ("notifications_emailtemplate", {"name": "Renamed"}, {"subject": "Another"}),
    "delegations": ("tenants_delegation", {"reason": "Holiday"}, {"copy_absent": True}),
}
KINDS = {"members": "member", "sender-ids": "sender", "assignments": "assignment", "contacts": "contact",
         "campaigns": "campaign", "programs": "program", "email-templates": "template",
         "delegations": "delegation"}  # fmt: skip


@pytest.mark.parametrize("kind", PAIRS)
def test_two_changes_of_other_fields_are_both_kept(kind: str) -> None:
    office = Office()
    table, *changes = PAIRS[kind]
    pk = rows_of(office)[KINDS[kind]] if kind in KINDS else str(office.org.pk)
    path = f"/{kind}/{pk}" if kind in KINDS else f"/{kind}"
    apis = [Api(office.org), Api(office.org)]

    statuses = both_wait_for(
        table, pk, [lambda n=n: apis[n].ask("PATCH", path, changes[n]).status_code for n in range(2)]
    )

    found = apis[0].get(path)
    assert statuses == [200, 200]
    assert {name: found[name] for change in changes for name in change} == {**changes[0], **changes[1]}


def test_a_change_and_a_saved_form_are_both_kept() -> None:
    """console 6, api 19: the form names what others changed since it was drawn."""
    office = Office()
    ann, admin, api = office["Ann"], visit(office["Rob"]), Api(office.org)
    Membership.objects.for_org(office.org).filter(pk=office["Rob"].pk).update(role="admin")
    page = admin.get(f"/people/{ann.pk}/edit/").content.decode()
    version = re.search(r'name="version" value="([^"]+)"', page)
    assert version
    body = {"version": version[1], "name": ann.name, "title": "Boss", "role": ann.role,
            "profile": ann.profile_id or "", "teams": [str(place.team_id) for place in ann.places.all()]}  # fmt: skip

    statuses = both_wait_for(
        "tenants_membership",
        ann.pk,
        [
            lambda: api.ask("PATCH", f"/members/{ann.pk}", {"name": "Renamed"}).status_code,
            lambda: admin.post(f"/people/{ann.pk}/edit/", body).status_code,
        ],
    )

    found = api.get(f"/members/{ann.pk}")
    assert statuses == [200, 302]
    assert (found["name"], found["title"]) == ("Renamed", "Boss")
