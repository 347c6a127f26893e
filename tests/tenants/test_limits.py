"""What an org says about where it sends; the audit of it."""

import pytest

from tenants import audit
from tenants.errors import CODES, DomainError, NotFound
from tenants.limits import change_organization, readable_country
from tenants.models import AuditEntry, Organization
from tests.world import make_member, make_org

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organization:
    return make_org()


@pytest.mark.parametrize(("given", "code"), [("us", "US"), (" gb ", "GB"), ("DE", "DE")])
def test_a_country_is_read_as_two_capitals(given: str, code: str) -> None:
    assert readable_country(given) == code


@pytest.mark.parametrize("given", ["", "USA", "XX", "U", "EU", "1", None])
def test_what_is_no_country_is_refused(given: str) -> None:
    with pytest.raises(DomainError) as refused:
        readable_country(given, "country")
    assert (refused.value.code, refused.value.field, refused.value.status) == (
        "unknown_country",
        "country",
        400,
    )


def test_allowed_countries_are_a_list_or_all(org: Organization) -> None:
    assert org.may_reach("US") and not org.may_reach("GB")
    change_organization(org=org, allowed_countries=["gb", "US", "GB"])
    assert org.allowed_countries == ["GB", "US"]
    assert org.may_reach("GB") and not org.may_reach("FR")
    change_organization(org=org, allowed_countries="all")
    assert org.may_reach("FR") and org.reaches_every_country


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"allowed_countries": ["US", "ZZ"]}, "allowed_countries"),
        ({"country": "ZZ"}, "country"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
    ],
)
def test_what_cannot_be_read_names_its_field(
    org: Organization, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        change_organization(org=org, **changes)
    assert (refused.value.field, refused.value.status) == (field, 400)


def test_quiet_hours_are_switched_off_only_with_a_reason(org: Organization) -> None:
    with pytest.raises(DomainError) as refused:
        change_organization(org=org, quiet_hours="off")
    assert refused.value.code == "reason_needed"
    org.refresh_from_db()
    assert org.quiet_hours == "by_country"
    change_organization(org=org, quiet_hours="off", quiet_hours_reason="We only send alarms")
    entry = AuditEntry.objects.for_org(org).get(action="organization.changed")
    said = {"quiet_hours": "off", "quiet_hours_reason": "We only send alarms"}
    assert entry.details == said | {"changed": ["quiet_hours", "quiet_hours_reason"]}


def test_an_audit_entry_says_who_did_it(org: Organization) -> None:
    ada, ben = make_member(org, "Ada", "admin"), make_member(org, "Ben")
    token = audit.acting_member.set(ada)
    try:
        entry = audit.note(org_id=org.pk, action="x", target=org, text="t" * 900, on_behalf_of=ben, n=1)
    finally:
        audit.acting_member.reset(token)
    assert (entry.actor, entry.on_behalf_of, entry.target_kind) == (ada, ben, "organization")
    assert len(entry.text) == 500
    assert entry.details == {"n": 1}
    assert audit.note(org_id=org.pk, action="x", target=org, text="t").actor is None


def test_missing_and_foreign_look_the_same() -> None:
    assert (NotFound("sender").status, NotFound("sender").code) == (404, "not_found")


def test_every_code_has_a_sentence() -> None:
    assert {"invalid", "not_found", "forbidden", "last_owner"} <= set(CODES)
    assert all(text.endswith((".", "”", "’")) for text in CODES.values())


def test_an_org_is_an_assignee_from_its_first_moment(org: Organization) -> None:
    org.refresh_from_db()
    assert org.assignee_id == org.pk
    assert org.assignee is not None and org.assignee.kind == "organization"
