"""Keys of the REST API: shape, checksum, expiry, revocation, scopes; what is kept at rest."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tenants import api_keys
from tenants.errors import DomainError
from tenants.models import ApiKey, Organization
from tests.world import make_org

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organization:
    return make_org()


def find(header: str) -> ApiKey:
    with api_keys.entered(header) as key:
        return key


def found(text: str) -> ApiKey:
    return find(f"Bearer {text}")


def refused(header: str) -> str:
    with pytest.raises(DomainError) as error:
        find(header)
    assert error.value.status == 401
    return error.value.code


@pytest.mark.parametrize(("sandbox", "prefix"), [(False, "cs_live_"), (True, "cs_test_")])
def test_a_key_is_found_by_its_text(org: Organization, sandbox: bool, prefix: str) -> None:
    key, text = api_keys.mint(org=org, name="CRM", sandbox=sandbox)
    assert text.startswith(prefix)
    assert len(text) == len(prefix) + 43 + 6
    assert (found(text).pk, found(text).org) == (key.pk, org)


def test_only_its_digest_is_kept(org: Organization) -> None:
    key, text = api_keys.mint(org=org, name="CRM")
    kept = " ".join(str(value) for value in ApiKey.unscoped.filter(pk=key.pk).values()[0].values())
    assert text not in kept
    assert text[12:] not in kept
    assert key.digest == api_keys.digest(text)


def test_no_two_keys_are_alike(org: Organization) -> None:
    assert len({api_keys.mint(org=org, name="n")[1] for _ in range(20)}) == 20


def test_a_mistyped_key_is_told_by_its_checksum_without_a_query(
    org: Organization,
    django_assert_num_queries,  # type: ignore[no-untyped-def]
) -> None:
    _, text = api_keys.mint(org=org, name="CRM")
    at = 20
    wrong = text[:at] + ("a" if text[at] != "a" else "b") + text[at + 1 :]
    assert api_keys.looks_like_a_key(text)
    assert not api_keys.looks_like_a_key(wrong)
    with django_assert_num_queries(0):
        assert refused(f"Bearer {wrong}") == "unauthenticated"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer cs_live_", "Bearer cs_live_ä", "cs_live_x"]
)
def test_other_headers_are_refused(header: str) -> None:
    assert refused(header) == "unauthenticated"


def test_the_scheme_is_read_in_any_case(org: Organization) -> None:
    key, text = api_keys.mint(org=org, name="CRM")
    assert find(f"bearer {text}").pk == key.pk


@pytest.mark.parametrize(
    "fields",
    [{"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(seconds=1)}],
)
def test_a_revoked_or_expired_key_is_refused(org: Organization, fields: dict[str, object]) -> None:
    key, text = api_keys.mint(org=org, name="CRM")
    ApiKey.unscoped.filter(pk=key.pk).update(**fields)
    key.refresh_from_db()
    assert not key.is_live
    assert refused(f"Bearer {text}") == "unauthenticated"


def test_a_key_that_expires_later_counts(org: Organization) -> None:
    key, text = api_keys.mint(org=org, name="CRM", expires_at=timezone.now() + timedelta(hours=1))
    assert found(text).is_live
    assert key.is_live


def test_the_key_of_an_ended_org_is_refused(org: Organization) -> None:
    _, text = api_keys.mint(org=org, name="CRM")
    Organization.objects.filter(pk=org.pk).update(is_active=False)
    assert refused(f"Bearer {text}") == "unauthenticated"


def test_scopes_are_those_asked_for_and_all_by_default(org: Organization) -> None:
    assert api_keys.mint(org=org, name="all")[0].scopes == list(api_keys.SCOPES)
    assert api_keys.mint(org=org, name="one", scopes=["read"])[0].scopes == ["read"]
    with pytest.raises(DomainError) as error:
        api_keys.mint(org=org, name="odd", scopes=["fly"])
    assert error.value.field == "scopes"


def test_its_last_use_is_noted_at_most_once_a_minute(org: Organization, time_machine) -> None:  # type: ignore[no-untyped-def]
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    key, text = api_keys.mint(org=org, name="CRM")
    found(text)
    time_machine.move_to(start + timedelta(seconds=30), tick=False)
    found(text)
    key.refresh_from_db()
    assert key.last_used_at == start
    time_machine.move_to(start + timedelta(seconds=90), tick=False)
    found(text)
    key.refresh_from_db()
    assert key.last_used_at == start + timedelta(seconds=90)
