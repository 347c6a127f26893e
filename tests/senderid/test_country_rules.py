"""What each country allows: the table, the verdicts, overrides, registrations."""

import csv
from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from senderid import country_rules
from senderid.country_rules import (
    DATA,
    Held,
    is_valid,
    load,
    override_verdict,
    overrides_of,
    verdict_for,
    verdicts_of,
    with_registration,
)
from senderid.models import CountryRule, Registration, VerdictOverride
from senderid.registration import register
from tenants.errors import CODES, DomainError
from tenants.models import AuditEntry, Organization
from tests.world import make_account, make_member, make_org, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organization:
    org = make_org()
    make_account(org)
    return org


def rule(**columns: object) -> CountryRule:
    plain = {
        "country": "QQ",
        "name": "Quux",
        "alphanumeric": "allowed",
        "alphanumeric_agreement": "agreed",
        "long_code": "yes",
        "short_code": "yes",
        "toll_free": "no",
        "foreign_numeric": "unknown",
        "sources": ["twilio"],
    }
    return CountryRule(**(plain | columns))


# --- The data ------------------------------------------------------------------------------------------


def test_the_table_is_loaded_whole() -> None:
    with (DATA / "country_rules.csv").open(newline="") as file:
        rows = {row["country"]: row for row in csv.DictReader(file)}
    kept = {rule.country: rule for rule in CountryRule.objects.all()}
    assert len(rows) == len(kept) == 243
    for code, row in rows.items():
        assert kept[code].alphanumeric == row["alphanumeric"]
        assert kept[code].sources == ([] if row["sources"] == "none" else row["sources"].split(";"))


@pytest.mark.parametrize(
    ("column", "counts"),
    [
        ("alphanumeric", {"allowed": 128, "registration_required": 65, "not_supported": 38, "unknown": 12}),
        ("alphanumeric_agreement", {"agreed": 121, "disputed": 104, "single": 6, "none": 12}),
        ("long_code", {"yes": 88, "no": 137, "unknown": 18}),
        ("short_code", {"yes": 91, "no": 134, "unknown": 18}),
        ("toll_free", {"yes": 6, "no": 215, "unknown": 22}),
        ("foreign_numeric", {"restricted": 126, "unknown": 117}),
    ],
)
def test_its_counts_are_those_of_the_readme(column: str, counts: dict[str, int]) -> None:
    assert Counter(CountryRule.objects.values_list(column, flat=True)) == counts


def test_a_disputed_row_names_who_says_otherwise() -> None:
    afghanistan = CountryRule.objects.get(pk="AF")
    assert "twilio says allowed" in afghanistan.dissent
    assert "bird" not in afghanistan.dissent
    silent = CountryRule.objects.filter(alphanumeric_agreement="disputed", dissent="")
    assert not silent.exists()


def test_loading_again_leaves_what_the_operator_corrected() -> None:
    CountryRule.objects.filter(pk="DE").update(alphanumeric="not_supported", corrected=True)
    CountryRule.objects.filter(pk="FR").update(alphanumeric="not_supported")
    assert load() == 243
    assert CountryRule.objects.get(pk="DE").alphanumeric == "not_supported"
    assert CountryRule.objects.get(pk="FR").alphanumeric == "allowed"


# --- Verdicts ------------------------------------------------------------------------------------------

VERDICTS = [
    # kind, home, columns → verdict, code
    ("alphanumeric", "US", {"alphanumeric": "allowed"}, "allowed", "name_allowed"),
    (
        "alphanumeric",
        "US",
        {"alphanumeric": "registration_required"},
        "needs_registration",
        "name_needs_registration",
    ),
    ("alphanumeric", "US", {"alphanumeric": "not_supported"}, "refused", "name_not_supported"),
    ("alphanumeric", "QQ", {"alphanumeric": "not_supported"}, "refused", "name_not_supported"),
    ("alphanumeric", "US", {"alphanumeric": "unknown"}, "unknown", "unknown_country_rule"),
    ("short_code", "US", {}, "refused", "short_code_abroad"),
    ("short_code", "QQ", {"short_code": "yes"}, "allowed", "short_code_allowed"),
    ("short_code", "QQ", {"short_code": "no"}, "refused", "short_code_not_supported"),
    ("short_code", "QQ", {"short_code": "unknown"}, "unknown", "unknown_country_rule"),
    ("toll_free", "US", {"toll_free": "yes"}, "allowed", "toll_free_allowed"),
    ("toll_free", "US", {"toll_free": "no"}, "refused", "toll_free_not_supported"),
    ("toll_free", "QQ", {"toll_free": "no"}, "refused", "toll_free_not_supported"),
    ("toll_free", "US", {"toll_free": "unknown"}, "unknown", "unknown_country_rule"),
    (
        "long_code",
        "QQ",
        {"long_code": "yes", "foreign_numeric": "restricted"},
        "allowed",
        "long_code_allowed",
    ),
    ("long_code", "QQ", {"long_code": "no"}, "refused", "long_code_not_supported"),
    ("long_code", "QQ", {"long_code": "unknown"}, "unknown", "unknown_country_rule"),
    (
        "long_code",
        "US",
        {"long_code": "yes", "foreign_numeric": "restricted"},
        "refused",
        "foreign_number_restricted",
    ),
    ("long_code", "US", {"long_code": "no", "foreign_numeric": "unknown"}, "unknown", "foreign_number"),
]


@pytest.mark.parametrize(("kind", "home", "columns", "verdict", "code"), VERDICTS)
def test_a_verdict_follows_the_table(
    kind: str, home: str, columns: dict[str, str], verdict: str, code: str
) -> None:
    found = verdict_for(kind=kind, home=home, destination="QQ", rule=rule(**columns))
    assert (found.verdict, found.code) == (verdict, code)
    assert found.text.endswith(".")
    assert found.is_eligible is (verdict != "refused")
    if code != "short_code_abroad":
        assert found.sources == ("twilio",)
    if verdict == "unknown":
        assert found.warnings, "unknown is eligible, with a warning"


@pytest.mark.parametrize("kind", ["alphanumeric", "toll_free", "long_code"])
def test_a_country_without_a_row_is_eligible_with_a_warning(kind: str) -> None:
    found = verdict_for(kind=kind, home="US", destination="AQ", rule=None)
    assert (found.verdict, found.code) == ("unknown", "no_rule")
    assert found.warnings


@pytest.mark.parametrize("alphanumeric", ["allowed", "registration_required", "not_supported"])
def test_a_disputed_verdict_warns_and_names_the_other_source(alphanumeric: str) -> None:
    disputed = rule(
        alphanumeric=alphanumeric, alphanumeric_agreement="disputed", dissent="bird says not supported"
    )
    found = verdict_for(kind="alphanumeric", home="US", destination="QQ", rule=disputed)
    assert [code for code, _ in found.warnings] == ["disputed"]
    assert "bird says not supported" in found.warnings[0][1]
    numeric = verdict_for(kind="long_code", home="QQ", destination="QQ", rule=disputed)
    assert numeric.warnings == ()


@pytest.mark.parametrize(
    ("kind", "home", "destination", "verdict"),
    [
        ("alphanumeric", "US", "US", "refused"),
        ("alphanumeric", "US", "DE", "allowed"),
        ("alphanumeric", "US", "IN", "needs_registration"),
        ("alphanumeric", "US", "VA", "unknown"),
        # console 7: the United States demand a registration of every numeric kind, Canada of two.
        ("toll_free", "US", "US", "needs_registration"),
        ("toll_free", "US", "CA", "needs_registration"),
        ("toll_free", "US", "GB", "refused"),
        ("toll_free", "US", "PR", "allowed"),
        ("long_code", "US", "US", "needs_registration"),
        ("long_code", "CA", "CA", "allowed"),
        ("long_code", "CN", "CN", "needs_registration"),
        ("long_code", "US", "GB", "refused"),
        ("long_code", "GB", "DE", "unknown"),
        ("long_code", "IN", "IN", "refused"),
        ("short_code", "US", "US", "needs_registration"),
        ("short_code", "US", "CA", "refused"),
        ("short_code", "GB", "GB", "allowed"),
    ],
)
def test_the_real_table_answers_what_every_admin_asks(
    kind: str, home: str, destination: str, verdict: str
) -> None:
    found = verdict_for(
        kind=kind, home=home, destination=destination, rule=CountryRule.objects.filter(pk=destination).first()
    )
    assert found.verdict == verdict


KINDS = {
    "alphanumeric": "alphanumeric",
    "long_code": "long_code_registration",
    "toll_free": "toll_free_registration",
    "short_code": "short_code_registration",
}


def test_no_verdict_is_green_without_the_registration_its_country_demands() -> None:
    """console 7, 13: every country of the data × kind × home × state of the registration.

    What the country demands is read from the file here, not from the function under test.
    """
    past, ahead = timezone.now() - timedelta(seconds=1), timezone.now() + timedelta(days=400)
    states = [None, *(Held(s, e) for s in Registration.Status.values for e in (None, past, ahead))]
    with (DATA / "country_rules.csv").open(newline="") as file:
        rows = {row["country"]: row for row in csv.DictReader(file)}
    demanding = 0
    for rule in CountryRule.objects.all():
        for kind, column in KINDS.items():
            demands = rows[rule.country][column] not in ("", "allowed", "not_supported", "unknown")
            demanding += demands
            for home in {rule.country, "US", "GB"}:
                base = verdict_for(kind=kind, home=home, destination=rule.country, rule=rule)
                for held in states:
                    found = with_registration(base, held, country=rule.country)
                    valid = held is not None and held.status == "approved" and held.expires_at is not past
                    case = (rule.country, kind, home, held, found)
                    if demands and not valid:
                        assert found.verdict != "allowed", case
                        assert home != rule.country or found.verdict in ("needs_registration", "refused"), (
                            case
                        )
                    if base.verdict == "needs_registration":
                        assert (found.verdict == "allowed") is valid, case
                    else:
                        assert found == base, "a registration changes nothing where none is demanded"
    assert demanding == 65 + 7, "65 countries for names, 7 cells for numbers"


def test_every_refusing_verdict_is_a_code_of_the_catalogue() -> None:
    refusing = {code for _, _, _, verdict, code in VERDICTS if verdict == "refused"}
    assert refusing <= set(CODES)


def test_the_verdicts_of_a_sender_take_three_queries_for_all_countries(
    org: Organization,
    django_assert_max_num_queries,  # type: ignore[no-untyped-def]
) -> None:
    sender = make_sender(org, "Northwind", "alphanumeric")
    with django_assert_max_num_queries(3):
        found = verdicts_of(sender=sender)
    assert len(found) == 243
    assert [rule.name for rule, *_ in found] == sorted(rule.name for rule, *_ in found)


# --- Overrides -----------------------------------------------------------------------------------------


def test_an_override_goes_first_with_its_reason_and_is_audited(org: Organization) -> None:
    ada = make_member(org, "Ada", "admin")
    override_verdict(
        org=org, kind="alphanumeric", country="US", verdict="allowed", reason="Our carrier does", by=ada
    )
    found = verdict_for(
        kind="alphanumeric",
        home="US",
        destination="US",
        rule=CountryRule.objects.get(pk="US"),
        override=overrides_of(org_id=org.pk)[("alphanumeric", "US")],
    )
    assert (found.verdict, found.code) == ("allowed", "overridden")
    assert "Our carrier does" in found.text
    assert AuditEntry.objects.for_org(org).filter(action="verdict.overridden").count() == 1


def test_an_override_is_changed_not_doubled(org: Organization) -> None:
    for verdict in ("allowed", "refused"):
        override_verdict(org=org, kind="long_code", country="GB", verdict=verdict, reason="A reason", by=None)
    assert VerdictOverride.objects.for_org(org).get().verdict == "refused"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"verdict": "perhaps"}, "verdict"),
        ({"reason": "    "}, "reason"),
        ({"kind": "pigeon"}, "kind"),
        ({"country": "ZZ"}, "country"),
    ],
)
def test_an_override_that_cannot_be_read_is_refused(
    org: Organization, changes: dict[str, str], field: str
) -> None:
    asked = {"kind": "long_code", "country": "GB", "verdict": "allowed", "reason": "A reason"} | changes
    with pytest.raises(DomainError) as refused:
        override_verdict(org=org, by=None, **asked)
    assert refused.value.field == field
    assert not VerdictOverride.objects.for_org(org).exists()


def test_an_override_counts_only_in_its_org(org: Organization) -> None:
    override_verdict(
        org=make_org("Outsiders"),
        kind="long_code",
        country="GB",
        verdict="allowed",
        reason="Because",
        by=None,
    )
    assert overrides_of(org_id=org.pk) == {}


# --- Registrations -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "approved"),
    [
        ("not_needed", False),
        ("draft", False),
        ("submitted", False),
        ("approved", True),
        ("rejected", False),
        ("expired", False),
    ],
)
def test_only_an_approved_registration_counts(org: Organization, status: str, approved: bool) -> None:
    sender = make_sender(org, "Northwind", "alphanumeric")
    assert is_valid(register(sender=sender, country="in", status=status)) is approved


@pytest.mark.parametrize(("days", "approved"), [(-1, False), (1, True)])
def test_an_approved_one_that_ran_out_does_not_count(org: Organization, days: int, approved: bool) -> None:
    assert is_valid(Held("approved", timezone.now() + timedelta(days=days))) is approved


def test_there_is_one_registration_per_country(org: Organization) -> None:
    sender = make_sender(org, "Northwind", "alphanumeric")
    register(sender=sender, country="IN", status="submitted")
    register(sender=sender, country="IN", status="approved", reference="R-1")
    assert Registration.objects.for_org(org).get().reference == "R-1"
    assert not is_valid(None)


@pytest.mark.parametrize(
    ("country", "status", "field"), [("ZZ", "approved", "country"), ("IN", "maybe", "status")]
)
def test_a_registration_that_cannot_be_read_is_refused(
    org: Organization, country: str, status: str, field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        register(sender=make_sender(org), country=country, status=status)
    assert refused.value.field == field


def test_a_country_has_a_name_and_an_unknown_one_its_code() -> None:
    assert country_rules.country_name("GB") == "United Kingdom"
    assert country_rules.country_name("ZZ") == "ZZ"
