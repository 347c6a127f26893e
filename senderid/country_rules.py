"""What each country allows: verdicts of (kind, country), with a code, a sentence and the sources they rest on.

`verdict_for` is the country's answer for a kind; `with_registration` turns it into that of one sender, which is
`needs_registration` until the sender holds an approved, unexpired registration there. Selection, preview, pages and
REST all call the two. The table comes from senderid/data/country_rules.csv by `load`; an org's VerdictOverride goes
before it.
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol
from uuid import UUID

from django.utils import timezone

from senderid.models import CountryRule, Kind, Registration, SenderId, VerdictOverride, state_of
from tenants import audit
from tenants.errors import DomainError
from tenants.limits import readable_country
from tenants.models import AuditEntry, Membership, Organization

DATA = Path(__file__).parent / "data"
ALLOWED, NEEDS_REGISTRATION, REFUSED, UNKNOWN = "allowed", "needs_registration", "refused", "unknown"
VERDICTS = (ALLOWED, NEEDS_REGISTRATION, REFUSED, UNKNOWN)
APPROVED = Registration.Status.APPROVED.value  # a plain word: selection compares it for each candidate
EXPIRES_SOON = timedelta(days=30)
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


class IsRegistration(Protocol):
    """A Registration, or a Held."""

    @property
    def expires_at(self) -> datetime | None: ...
    @property
    def state(self) -> str: ...


class Held(NamedTuple):
    """A sender's registration in one country, as selection needs it: without the cost of a model."""

    status: str
    expires_at: datetime | None

    @property
    def state(self) -> str:
        return self.status if self.expires_at is None else state_of(self.status, self.expires_at)


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


WITH_ARTICLE = re.compile(
    r"United (States|Kingdom|Arab Emirates)|.*\b(Islands|Republic)|Netherlands|Philippines|Bahamas|Gambia|Maldives|Comoros|"
    r"Isle of Man|.* Territory"
)


def in_words(name: str) -> str:
    """The country's name within a sentence: "the United States", "Germany"."""
    return f"the {name}" if WITH_ARTICLE.fullmatch(name) else name


def _starting(name: str) -> str:
    """The same at the start of a sentence."""
    words = in_words(name)
    return words[0].upper() + words[1:]


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
    """May a sender of this kind, at home in `home`, text `destination`? The country's answer, before any registration
    (`with_registration`). Pure: it takes rows and makes no query."""
    if override is not None:
        return Verdict(
            override.verdict,
            "overridden",
            f"An admin of yours decided so: {override.reason}",
            ("your override",),
        )
    if kind == Kind.SHORT_CODE and home != destination:
        return Verdict(
            REFUSED,
            "short_code_abroad",
            f"A short code works only in its own country, {in_words(country_name(home))}.",
        )
    if rule is None:
        text = f"Nothing is known about {in_words(country_name(destination))}; it may be refused."
        return Verdict(UNKNOWN, "no_rule", text, warnings=(("no_rule", text),))
    ask = {
        Kind.ALPHANUMERIC: _name,
        Kind.SHORT_CODE: _short,
        Kind.TOLL_FREE: _toll_free,
        Kind.LONG_CODE: _long,
    }
    return ask[Kind(kind)](rule, home)


def with_registration(verdict: Verdict, registration: IsRegistration | None, *, country: str) -> Verdict:
    """The verdict of one sender, which holds this registration in `country` (None: no registration).

    Only where the country's verdict is NEEDS_REGISTRATION does a registration matter; it is ALLOWED with an approved,
    unexpired one, with a warning while that expires within EXPIRES_SOON. Else it stays, and the sentence says why.
    """
    if verdict.verdict != NEEDS_REGISTRATION:
        return verdict
    if not is_valid(registration):
        return replace(verdict, text=f"{verdict.text} {_missing(registration)}")
    name, ends = in_words(country_name(country)), registration.expires_at if registration else None
    text, warnings = f"It is registered in {name}.", verdict.warnings
    if ends is not None:
        text = f"It is registered in {name} until {date_of(ends)}."
        if ends - timezone.now() <= EXPIRES_SOON:
            soon = f"Its registration in {name} expires on {date_of(ends)}; renew it to keep sending there."
            warnings = (*warnings, ("registration_expires_soon", soon))
    return replace(verdict, verdict=ALLOWED, code="registered", text=text, warnings=warnings)


def is_valid(registration: IsRegistration | None) -> bool:
    """Whether it is approved and not expired: what NEEDS_REGISTRATION requires."""
    return registration is not None and registration.state == APPROVED


def _missing(registration: IsRegistration | None) -> str:
    """Why this registration does not count."""
    if registration is None:
        return "This sender has no registration there."
    on = f" on {date_of(registration.expires_at)}" if registration.expires_at else ""
    return {
        Registration.Status.NOT_NEEDED: "This sender’s registration is marked “not needed”, which does not count there.",
        Registration.Status.DRAFT: "This sender’s registration is a draft.",
        Registration.Status.SUBMITTED: "This sender’s registration is submitted, not approved yet.",
        Registration.Status.REJECTED: "This sender’s registration was rejected.",
        Registration.Status.EXPIRED: f"This sender’s registration expired{on}.",
    }[Registration.Status(registration.state)]


def date_of(at: datetime) -> str:
    """A day in the reader's time zone, as in 3 May 2026."""
    local = timezone.localtime(at)
    return f"{local.day} {local:%B %Y}"


def _name(rule: CountryRule, _home: str) -> Verdict:
    warnings: tuple[tuple[str, str], ...] = ()
    if rule.alphanumeric_agreement == "disputed":
        warnings = (
            (
                "disputed",
                f"Sources differ about alphanumeric sender IDs in {in_words(rule.name)}: {rule.dissent or 'see the notes'}.",
            ),
        )
    sources = tuple(rule.sources)
    if rule.alphanumeric == "allowed":
        return Verdict(
            ALLOWED,
            "name_allowed",
            f"{_starting(rule.name)} accepts alphanumeric sender IDs.",
            sources,
            warnings,
        )
    if rule.alphanumeric == "registration_required":
        text = f"{_starting(rule.name)} accepts only registered alphanumeric sender IDs."
        return Verdict(NEEDS_REGISTRATION, "name_needs_registration", text, sources, warnings)
    if rule.alphanumeric == "not_supported":
        text = (
            f"{_starting(rule.name)} does not accept alphanumeric sender IDs; they are refused or replaced."
        )
        return Verdict(REFUSED, "name_not_supported", text, sources, warnings)
    return _unknown(rule, "alphanumeric sender IDs")


def _short(rule: CountryRule, _home: str) -> Verdict:
    return _by_column(rule, rule.short_code, "short_code", "short codes")


def _toll_free(rule: CountryRule, _home: str) -> Verdict:
    return _by_column(rule, rule.toll_free, "toll_free", "toll-free senders")


def _long(rule: CountryRule, home: str) -> Verdict:
    if home == rule.country:
        return _by_column(rule, rule.long_code, "long_code", "long codes")
    if rule.foreign_numeric == "restricted":
        text = f"{_starting(rule.name)} blocks or replaces numbers from abroad."
        return Verdict(REFUSED, "foreign_number_restricted", text, tuple(rule.sources))
    text = f"{_starting(rule.name)} may replace numbers from abroad."
    return Verdict(UNKNOWN, "foreign_number", text, tuple(rule.sources), (("foreign_number", text),))


def _by_column(rule: CountryRule, value: str, code: str, words: str) -> Verdict:
    if value == "no":
        text = f"{_starting(rule.name)} does not accept {words}."
        return Verdict(REFUSED, f"{code}_not_supported", text, tuple(rule.sources))
    if required := getattr(rule, f"{code}_registration"):
        text = f"{_starting(rule.name)} requires {required} for {words}."
        return Verdict(NEEDS_REGISTRATION, f"{code}_needs_registration", text, tuple(rule.sources))
    if value == "yes":
        return Verdict(
            ALLOWED, f"{code}_allowed", f"{_starting(rule.name)} accepts {words}.", tuple(rule.sources)
        )
    return _unknown(rule, words)


def _unknown(rule: CountryRule, words: str) -> Verdict:
    text = f"No source says whether {in_words(rule.name)} accepts {words}."
    return Verdict(
        UNKNOWN, "unknown_country_rule", text, tuple(rule.sources), (("unknown_country_rule", text),)
    )


def verdicts_of(
    *, sender: SenderId, countries: Iterable[str] | None = None
) -> list[tuple[CountryRule, Verdict, Registration | None]]:
    """The verdict of a sender for each country (default: all) with its registration there, by name. Three queries."""
    rules = (
        CountryRule.objects.all() if countries is None else CountryRule.objects.filter(pk__in=list(countries))
    )
    overrides = overrides_of(org_id=sender.org_id)
    registered = {
        row.country: row for row in Registration.objects.for_org(sender.org_id).filter(sender=sender)
    }
    return [
        (
            rule,
            verdict_of(
                sender=sender,
                rule=rule,
                override=overrides.get((sender.kind, rule.country)),
                registration=registered.get(rule.country),
            ),
            registered.get(rule.country),
        )
        for rule in rules
    ]


def verdict_of(
    *,
    sender: SenderId,
    rule: CountryRule,
    override: VerdictOverride | None,
    registration: IsRegistration | None,
) -> Verdict:
    """The verdict of one sender in the country of `rule`, over rows already loaded."""
    base = verdict_for(
        kind=sender.kind, home=sender.country, destination=rule.country, rule=rule, override=override
    )
    return with_registration(base, registration, country=rule.country)


def home_verdicts(senders: Iterable[SenderId]) -> dict[UUID, Verdict]:
    """{sender id: its verdict at home} of senders of one org, saved or not. Three queries."""
    rows = list(senders)
    if not rows:
        return {}
    org_id, homes = rows[0].org_id, {sender.country for sender in rows}
    rules = CountryRule.objects.in_bulk(homes)
    registered = Registration.objects.for_org(org_id).filter(sender__in=rows, country__in=homes)
    held = {(row.sender_id, row.country): row for row in registered}
    overrides = overrides_of(org_id=org_id)
    found = {}
    for sender in rows:
        home = sender.country
        base = verdict_for(
            kind=sender.kind,
            home=home,
            destination=home,
            rule=rules.get(home),
            override=overrides.get((sender.kind, home)),
        )
        found[sender.pk] = with_registration(base, held.get((sender.pk, home)), country=home)
    return found


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


def withdrawal_of(*, org_id: UUID, kind: str, country: str) -> UUID | None:
    """The id of the last override withdrawn, for its author."""
    rows = AuditEntry.objects.for_org(org_id).filter(action="verdict.withdrawn", details__kind=kind)
    return rows.filter(details__country=country).order_by("-at").values_list("target_id", flat=True).first()


def withdraw_override(*, org: Organization, kind: str, country: str) -> None:
    """The table counts again."""
    row = VerdictOverride.objects.for_org(org).filter(kind=kind, country=country).first()
    if row is not None:
        text = f"{kind} to {country_name(country)}: the table counts again"
        audit.note(
            org_id=org.pk,
            action="verdict.withdrawn",
            target=row,
            text=text,
            kind=kind,
            country=row.country,
        )
        row.delete()
