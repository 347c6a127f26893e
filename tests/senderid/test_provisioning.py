"""Setting up Sender IDs: what is read, what is refused with which code, what saves with a warning."""

import pytest

from senderid.models import ProviderAccount, SenderId
from senderid.phone_numbers import is_safe_name, national, parse, read_number
from senderid.provisioning import add_sender, change_sender, delete_sender, read_value, warnings_of
from tenants.errors import DomainError
from tenants.models import AuditEntry, Organization
from tests.world import give, make_account, make_org, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organization:
    org = make_org()
    make_account(org)
    return org


@pytest.mark.parametrize(
    ("kind", "given", "country", "stored"),
    [
        ("long_code", "+14155550134", "US", "+14155550134"),
        ("long_code", "(415) 555-0134", "US", "+14155550134"),
        ("long_code", "020 7946 0123", "GB", "+442079460123"),
        ("long_code", " +44 20 7946 0123 ", "GB", "+442079460123"),
        ("toll_free", "+1 888 555 0134", "US", "+18885550134"),
        ("toll_free", "+1 888 555 0134", "CA", "+18885550134"),
        ("short_code", "12345", "US", "12345"),
        ("short_code", "123", "NZ", "123"),
        ("short_code", "12345678", "CZ", "12345678"),
        ("short_code", " 40404 ", "US", "40404"),
        ("alphanumeric", "Northwind", "GB", "Northwind"),
        ("alphanumeric", "  Northwind ", "GB", "Northwind"),
        ("alphanumeric", "N1", "GB", "N1"),
        ("alphanumeric", "A-b +_&9 zX", "GB", "A-b +_&9 zX"),
    ],
)
def test_a_value_is_stored_in_one_form(kind: str, given: str, country: str, stored: str) -> None:
    assert read_value(kind=kind, value=given, country=country) == stored


@pytest.mark.parametrize(
    ("kind", "given", "country", "field", "code"),
    [
        ("long_code", "", "US", "value", "required"),
        ("long_code", "12", "US", "value", "invalid_number"),
        ("long_code", "+1415555013", "US", "value", "invalid_number"),
        ("long_code", "+999123456789", "US", "value", "invalid_number"),
        ("long_code", "Northwind", "US", "value", "invalid_number"),
        ("long_code", "+447911123456", "US", "country", "wrong_country"),
        ("long_code", "+16135550134", "US", "country", "wrong_country"),
        ("long_code", "+18885550134", "US", "value", "wrong_kind"),
        ("toll_free", "+14155550134", "US", "value", "wrong_kind"),
        ("toll_free", "+448001234567", "US", "country", "wrong_country"),
        ("short_code", "12", "US", "value", "invalid_short_code"),
        ("short_code", "123456789", "US", "value", "invalid_short_code"),
        ("short_code", "+12345", "US", "value", "invalid_short_code"),
        ("short_code", "12 345", "US", "value", "invalid_short_code"),
        ("short_code", "1234a", "US", "value", "invalid_short_code"),
        ("short_code", "١٢٣٤٥", "US", "value", "invalid_short_code"),
        ("alphanumeric", "", "GB", "value", "invalid_name"),
        ("alphanumeric", "A", "GB", "value", "invalid_name"),
        ("alphanumeric", "Northwinders", "GB", "value", "name_too_long"),
        ("alphanumeric", "12345", "GB", "value", "name_of_digits"),
        ("alphanumeric", "12-34 5", "GB", "value", "name_of_digits"),
        ("alphanumeric", "Café", "GB", "value", "invalid_name"),
        ("alphanumeric", "Hi😀", "GB", "value", "invalid_name"),
        ("alphanumeric", "A@B", "GB", "value", "invalid_name"),
        ("alphanumeric", "A.B", "GB", "value", "invalid_name"),
        ("alphanumeric", "A\tB", "GB", "value", "invalid_name"),
        ("alphanumeric", "Ünder", "GB", "value", "invalid_name"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(
    kind: str, given: str, country: str, field: str, code: str
) -> None:
    with pytest.raises(DomainError) as refused:
        read_value(kind=kind, value=given, country=country)
    assert (refused.value.field, refused.value.code, refused.value.status) == (field, code, 400)


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"kind": "pigeon"}, "kind", "invalid"),
        ({"country": "ZZ"}, "country", "unknown_country"),
        ({"status": "asleep"}, "status", "invalid"),
        ({"direction": "sideways"}, "direction", "invalid"),
        ({"mps": 0}, "mps", "invalid"),
        ({"mps": 1001}, "mps", "invalid"),
        (
            {"kind": "alphanumeric", "value": "Northwind", "direction": "both"},
            "direction",
            "name_cannot_receive",
        ),
        (
            {"kind": "alphanumeric", "value": "Northwind", "direction": "incoming"},
            "direction",
            "name_cannot_receive",
        ),
    ],
)
def test_a_wrong_field_of_a_sender_is_refused(
    org: Organization, fields: dict[str, object], field: str, code: str
) -> None:
    asked = {"kind": "long_code", "value": "+14155550134", "country": "US"} | fields
    with pytest.raises(DomainError) as refused:
        add_sender(org=org, **asked)  # type: ignore[arg-type]
    assert (refused.value.field, refused.value.code, refused.value.status) == (field, code, 400)
    assert not SenderId.objects.for_org(org).exists()


@pytest.mark.parametrize(
    ("kind", "value", "mps", "direction"),
    [
        ("long_code", "+14155550134", 1, "both"),
        ("toll_free", "+18885550134", 3, "both"),
        ("alphanumeric", "Northwind", 10, "outgoing"),
        ("short_code", "12345", 100, "both"),
    ],
)
def test_defaults_follow_the_kind(org: Organization, kind: str, value: str, mps: int, direction: str) -> None:
    sender = make_sender(org, value, kind)
    assert (sender.mps, sender.direction, sender.status, sender.label) == (mps, direction, "active", value)
    assert sender.queue_limit == mps * 36_000
    assert AuditEntry.objects.for_org(org).filter(target_id=sender.pk, action="sender.added").exists()


def test_a_value_stands_once_in_an_account(org: Organization) -> None:
    make_sender(org)
    with pytest.raises(DomainError) as refused:
        make_sender(org, "+1 415-555-0134")
    assert (refused.value.code, refused.value.field) == ("duplicate", "value")
    other = make_org("Outsiders")
    make_account(other)
    assert make_sender(other).value == "+14155550134"


@pytest.mark.parametrize("accounts", [0, 2])
def test_the_account_must_be_said_unless_there_is_just_one(accounts: int) -> None:
    org = make_org("Fresh")
    for n in range(accounts):
        make_account(org, sid=f"AC{n}")
    with pytest.raises(DomainError) as refused:
        make_sender(org)
    assert (refused.value.field, refused.value.code) == ("provider_account", "required")


# --- Names: who answers them ---------------------------------------------------------------------------


def test_a_name_may_carry_a_reply_number_and_instruction(org: Organization) -> None:
    number = make_sender(org)
    name = make_sender(
        org,
        "Northwind",
        "alphanumeric",
        country="FR",
        reply_number=number,
        reply_instruction="To reply, text 415-555-0134",
    )
    assert name.can_be_answered and not name.receives
    assert warnings_of(name) == []


def test_a_reply_number_without_an_instruction_is_no_reply_path(org: Organization) -> None:
    name = make_sender(org, "Northwind", "alphanumeric", country="FR", reply_number=make_sender(org))
    assert not name.can_be_answered
    assert [code for code, _ in warnings_of(name)] == ["no_reply_path"]


def test_a_reply_number_must_be_able_to_receive(org: Organization) -> None:
    for one_way in (make_sender(org, direction="outgoing"), make_sender(org, "OtherName", "alphanumeric")):
        with pytest.raises(DomainError) as refused:
            make_sender(org, "Northwind", "alphanumeric", reply_number=one_way)
        assert refused.value.code == "reply_number_one_way"


def test_a_retired_number_is_no_reply_number(org: Organization) -> None:
    retired = make_sender(org, status="retired")
    with pytest.raises(DomainError) as refused:
        make_sender(org, "Northwind", "alphanumeric", reply_number=retired)
    assert refused.value.code == "reply_number_one_way"


def test_only_a_name_has_a_reply_number(org: Organization) -> None:
    number = make_sender(org)
    with pytest.raises(DomainError) as refused:
        make_sender(org, "+14155550135", reply_number=number)
    assert refused.value.code == "reply_number_not_needed"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Northwind", True),
        ("N1a", True),
        ("NW", False),
        ("1Call", False),
        ("A B C", False),
        ("North-wind", False),
    ],
)
def test_a_name_some_countries_refuse_saves_with_a_warning(org: Organization, name: str, safe: bool) -> None:
    sender = make_sender(org, name, "alphanumeric")
    assert is_safe_name(name) is safe
    assert ("unsafe_name" in dict(warnings_of(sender))) is not safe


# --- The life of a sender ------------------------------------------------------------------------------


def test_retiring_notes_when(org: Organization) -> None:
    sender = change_sender(sender=make_sender(org), status="retired")
    assert sender.retired_at is not None
    with pytest.raises(DomainError) as refused:
        give(sender, org)
    assert refused.value.code == "sender_retired"


def test_one_that_never_spoke_may_be_deleted(org: Organization) -> None:
    delete_sender(sender=make_sender(org))
    assert not SenderId.objects.for_org(org).exists()


def test_one_with_history_is_only_retired(org: Organization) -> None:
    from messaging.models import Contact, Conversation

    sender = make_sender(org)
    contact = Contact.objects.for_org(org).create(number="+14155550199")
    Conversation.objects.for_org(org).create(sender=sender, contact=contact)
    with pytest.raises(DomainError) as refused:
        delete_sender(sender=sender)
    assert refused.value.code == "in_use"
    assert SenderId.objects.for_org(org).exists()


# --- Numbers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("+442079460123", "GB"),
        ("+441481960194", "GG"),
        ("+14155550134", "US"),
        ("+16135550134", "CA"),
        ("+18765550134", "JM"),
        ("+77012345678", "KZ"),
        ("+79161234567", "RU"),
    ],
)
def test_the_country_comes_from_the_number_not_its_calling_code(text: str, country: str) -> None:
    found = parse(text)
    assert found is not None and found.country == country


@pytest.mark.parametrize("text", ["12345", "Northwind", "", "+", "+1", "0" * 50, "+" + "1" * 60, "tel"])
def test_short_codes_and_names_are_not_numbers(text: str) -> None:
    assert parse(text) is None


def test_a_number_knows_its_zone_and_kind() -> None:
    assert read_number("+14155550134").timezone == "America/Los_Angeles"
    assert read_number("+18885550134").toll_free
    assert read_number("+19005550134").premium


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("+14155550134", "(415) 555-0134"),
        ("+442079460123", "+44 20 7946 0123"),
        ("12345", "12345"),
        ("Northwind", "Northwind"),
        ("+nonsense", "+nonsense"),
    ],
)
def test_people_see_it_as_its_country_writes_it(value: str, shown: str) -> None:
    assert national(value) == shown


# --- Credentials ---------------------------------------------------------------------------------------


def test_a_token_is_sealed_at_rest_and_opens(org: Organization) -> None:
    account = ProviderAccount.objects.for_org(org).get()
    kept = " ".join(
        str(value) for value in ProviderAccount.unscoped.filter(pk=account.pk).values()[0].values()
    )
    assert account.auth_token == "token-1111"
    assert "token-1111" not in kept
    assert len(account.account_key) >= 32


def test_while_rotating_both_tokens_count(org: Organization) -> None:
    account = ProviderAccount.objects.for_org(org).get()
    account.set_token("the-new-one")
    account.save()
    account.refresh_from_db()
    assert account.tokens == ["the-new-one", "token-1111"]
    assert account.auth_token == "the-new-one"


def test_a_secret_sealed_with_an_older_key_still_opens(settings) -> None:  # type: ignore[no-untyped-def]
    from cryptography.fernet import Fernet

    from tenants.sealing import open_secret, seal

    sealed = seal("hush")
    settings.FIELD_KEYS = [Fernet.generate_key().decode(), *settings.FIELD_KEYS]
    assert open_secret(sealed) == "hush"
    fresh = seal("hush")
    settings.FIELD_KEYS = settings.FIELD_KEYS[:1]
    assert open_secret(fresh) == "hush"
