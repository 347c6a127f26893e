"""What each country allows: verdicts of (kind, country), with a code, a sentence and the sources they rest on.

Selection asks `verdict_for` for each candidate; the console shows `verdicts_of` a sender. The table comes from
senderid/data/country_rules.csv by `load`; an org's VerdictOverride goes before it.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from senderid.models import CountryRule, Kind, SenderId, VerdictOverride
from tenants import audit
from tenants.errors import DomainError
from tenants.limits import readable_country
from tenants.models import Membership, Organization

DATA = Path(__file__).parent / "data"
ALLOWED, NEEDS_REGISTRATION, REFUSED, UNKNOWN = "allowed", "needs_registration", "refused", "unknown"
VERDICTS = (ALLOWED, NEEDS_REGISTRATION, REFUSED, UNKNOWN)
COLUMNS = [f.name for f in CountryRule._meta.fields if f.name not in ("sources", "dissent", "corrected")]


@dataclass(frozen=True)
class Verdict:
    """`verdict` is one of VERDICTS; `code` is stable; `warnings` are (code, text)."""

    verdict: str
    code: str
    text: str
    sources: tuple[str, ...] = ()
    warnings: tuple[tuple[str, str], ...] = field(default=())

    @property
    def is_eligible(self) -> bool:
        """Eligible as far as the country goes; NEEDS_REGISTRATION asks for an approved one besides."""
        return self.verdict != REFUSED


def load(
    rules: Path = DATA / "country_rules.csv", readings: Path = DATA / "country_rules_by_source.csv"
) -> int:
    """Loads the table; rows the operator corrected are left alone. Returns how many countries."""
    said: dict[str, list[tuple[str, str]]] = {}
    with readings.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["alphanumeric"] not in ("", "unknown"):
                said.setdefault(row["country"], []).append((row["source"], row["alphanumeric"]))
    with rules.open(newline="") as file:
        found = [_row(row, said.get(row["country"], [])) for row in csv.DictReader(file)]
    corrected = set(CountryRule.objects.filter(corrected=True).values_list("pk", flat=True))
    fresh = [rule for rule in found if rule.pk not in corrected]
    names = [f.name for f in CountryRule._meta.fields if not f.primary_key]
    CountryRule.objects.bulk_create(
        fresh, update_conflicts=True, unique_fields=["country"], update_fields=names
    )
    return len(found)


def _row(row: dict[str, str], said: list[tuple[str, str]]) -> CountryRule:
    dissent = ", ".join(
        f"{source} says {word.replace('_', ' ')}" for source, word in said if word != row["alphanumeric"]
    )
    sources = [] if row["sources"] == "none" else row["sources"].split(";")
    return CountryRule(**{name: row[name] for name in COLUMNS}, sources=sources, dissent=dissent[:300])


def country_name(code: str) -> str:
    """The country's short English name; the code where we have none."""
    return _names().get(code, code)


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    with (DATA / "country_rules.csv").open(newline="") as file:
        return {row["country"]: row["name"] for row in csv.DictReader(file)}


def verdict_for(
    *,
    kind: str,
    home: str,
    destination: str,
    rule: CountryRule | None,
    override: VerdictOverride | None = None,
) -> Verdict:
    """May a sender of this kind, at home in `home`, text `destination`? Pure: give it the rows."""
    if override is not None:
        return Verdict(
            override.verdict,
            "overridden",
            f"An admin of yours decided so: {override.reason}",
            ("your override",),
        )
    if kind == Kind.SHORT_CODE and home != destination:
        return Verdict(
            REFUSED, "short_code_abroad", f"A short code works only in its own country, {country_name(home)}."
        )
    if rule is None:
        text = f"Nothing is known about {country_name(destination)}; it may be refused."
        return Verdict(UNKNOWN, "no_rule", text, warnings=(("no_rule", text),))
    ask = {
        Kind.ALPHANUMERIC: _name,
        Kind.SHORT_CODE: _short,
        Kind.TOLL_FREE: _toll_free,
        Kind.LONG_CODE: _long,
    }
    return ask[Kind(kind)](rule, home)


def _name(rule: CountryRule, _home: str) -> Verdict:
    warnings: tuple[tuple[str, str], ...] = ()
    if rule.alphanumeric_agreement == "disputed":
        warnings = (
            ("disputed", f"Sources differ about names in {rule.name}: {rule.dissent or 'see the notes'}."),
        )
    sources = tuple(rule.sources)
    if rule.alphanumeric == "allowed":
        return Verdict(ALLOWED, "name_allowed", f"{rule.name} takes names.", sources, warnings)
    if rule.alphanumeric == "registration_required":
        text = f"{rule.name} takes only registered names."
        return Verdict(NEEDS_REGISTRATION, "name_needs_registration", text, sources, warnings)
    if rule.alphanumeric == "not_supported":
        text = f"{rule.name} does not take names; they are refused or replaced."
        return Verdict(REFUSED, "name_not_supported", text, sources, warnings)
    return _unknown(rule, "names")


def _short(rule: CountryRule, _home: str) -> Verdict:
    return _by_column(rule, rule.short_code, "short_code", "short codes")


def _toll_free(rule: CountryRule, _home: str) -> Verdict:
    return _by_column(rule, rule.toll_free, "toll_free", "toll-free senders")


def _long(rule: CountryRule, home: str) -> Verdict:
    if home == rule.country:
        return _by_column(rule, rule.long_code, "long_code", "long codes")
    if rule.foreign_numeric == "restricted":
        text = f"{rule.name} blocks or replaces numbers from abroad."
        return Verdict(REFUSED, "foreign_number_restricted", text, tuple(rule.sources))
    text = f"{rule.name} may replace numbers from abroad."
    return Verdict(UNKNOWN, "foreign_number", text, tuple(rule.sources), (("foreign_number", text),))


def _by_column(rule: CountryRule, value: str, code: str, words: str) -> Verdict:
    if value == "yes":
        return Verdict(ALLOWED, f"{code}_allowed", f"{rule.name} takes {words}.", tuple(rule.sources))
    if value == "no":
        text = f"{rule.name} does not take {words}."
        return Verdict(REFUSED, f"{code}_not_supported", text, tuple(rule.sources))
    return _unknown(rule, words)


def _unknown(rule: CountryRule, words: str) -> Verdict:
    text = f"No source says whether {rule.name} takes {words}."
    return Verdict(
        UNKNOWN, "unknown_country_rule", text, tuple(rule.sources), (("unknown_country_rule", text),)
    )


def verdicts_of(
    *, sender: SenderId, countries: Iterable[str] | None = None
) -> list[tuple[CountryRule, Verdict]]:
    """The verdict of a sender for each country (default: all), by name."""
    rules = (
        CountryRule.objects.all() if countries is None else CountryRule.objects.filter(pk__in=list(countries))
    )
    overrides = overrides_of(org_id=sender.org_id)
    return [
        (
            rule,
            verdict_for(
                kind=sender.kind,
                home=sender.country,
                destination=rule.country,
                rule=rule,
                override=overrides.get((sender.kind, rule.country)),
            ),
        )
        for rule in rules
    ]


def overrides_of(*, org_id: UUID) -> dict[tuple[str, str], VerdictOverride]:
    """{(kind, country): override} of one org."""
    return {(o.kind, o.country): o for o in VerdictOverride.objects.for_org(org_id)}


def override_verdict(
    *, org: Organization, kind: str, country: str, verdict: str, reason: str, by: Membership | None
) -> VerdictOverride:
    """An admin's own word, with a written reason; audited, and shown wherever the verdict is."""
    if verdict not in VERDICTS:
        raise DomainError(
            "invalid", f"A verdict is one of: {', '.join(VERDICTS)}.", field="verdict", status=400
        )
    if kind not in Kind.values:
        raise DomainError("invalid", f"A kind is one of: {', '.join(Kind.values)}.", field="kind", status=400)
    country = readable_country(country)
    if len(reason.strip()) < 5:
        raise DomainError(
            "reason_needed", "Write down why; it is shown wherever the verdict is.", field="reason"
        )
    row, _ = VerdictOverride.objects.for_org(org).update_or_create(
        kind=kind, country=country, defaults={"verdict": verdict, "reason": reason.strip(), "made_by": by}
    )
    audit.note(
        org_id=org.pk,
        action="verdict.overridden",
        target=row,
        text=f"{kind} to {country_name(country)}: {verdict}. {reason}",
    )
    return row


def withdraw_override(*, org: Organization, kind: str, country: str) -> None:
    """The table counts again."""
    row = VerdictOverride.objects.for_org(org).filter(kind=kind, country=country).first()
    if row is not None:
        text = f"{kind} to {country_name(country)}: the table counts again"
        audit.note(org_id=org.pk, action="verdict.withdrawn", target=row, text=text)
        row.delete()
