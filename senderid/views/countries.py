"""What each country allows: the two lists admins ask for, one country, and one country for one sender."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from senderid import country_rules
from senderid.forms import OverrideForm, RegistrationForm
from senderid.models import CountryRule, Kind, Registration, SenderId, VerdictOverride
from senderid.views.senders import sender_of, sender_to_edit
from tenants import roles
from tenants.errors import NotFound
from tenants.names import folded
from tenants.views.doors import MemberRequest, page, show
from tenants.views.editing import save_edit

LISTS: dict[str, tuple[str, dict[str, Any]]] = {
    "inbound": ("where inbound numbers are available", {}),
    "names": ("where names are allowed", {"alphanumeric__in": ["allowed", "registration_required"]}),
    "all": ("every country", {}),
}
TWO_WAY = ("long_code_two_way", "short_code_two_way")


@page(roles.SET_UP)
def countries(request: MemberRequest) -> HttpResponse:
    which = request.GET.get("list", "inbound")
    which = which if which in LISTS else "inbound"
    rules = list(CountryRule.objects.filter(**LISTS[which][1]))
    if which == "inbound":
        rules = [rule for rule in rules if any(getattr(rule, column) == "yes" for column in TWO_WAY)]
    if request.GET.get("only") == "disputed":
        rules = [rule for rule in rules if rule.alphanumeric_agreement == "disputed"]
    if request.GET.get("only") == "free":
        rules = [rule for rule in rules if rule.alphanumeric == "allowed"]
    rules = _matching(rules, request.GET.get("q", ""))
    lists = [(name, words) for name, (words, _) in LISTS.items()]
    return show(request, "countries/list.html", rules=rules, which=which, lists=lists)


def _matching(rules: list[CountryRule], words: str) -> list[CountryRule]:
    """By part of the name, by code, by calling code."""
    words = folded(words.strip())
    if not words:
        return rules
    return [
        rule
        for rule in rules
        if words in folded(rule.name)
        or words == rule.country.lower()
        or words.lstrip("+") == rule.calling_code
    ]


@page(roles.SET_UP)
def country(request: MemberRequest, code: str) -> HttpResponse:
    rule = rule_of(code)
    overrides = (
        VerdictOverride.objects.for_org(request.org)
        .filter(country=rule.country)
        .select_related("made_by__user")
    )
    by_kind = {row.kind: row for row in overrides}
    verdicts = []
    for kind, word in Kind.choices:
        for home, where in ((rule.country, "of its own"), (_elsewhere(rule), "from abroad")):
            if kind in (Kind.ALPHANUMERIC, Kind.TOLL_FREE) and where == "from abroad":
                continue
            verdict = country_rules.verdict_for(
                kind=kind, home=home, destination=rule.country, rule=rule, override=by_kind.get(kind)
            )
            verdicts.append((word, "" if kind in (Kind.ALPHANUMERIC, Kind.TOLL_FREE) else where, verdict))
    senders = _senders_there(request, rule, by_kind)
    return show(request, "countries/one.html", rule=rule, verdicts=verdicts, senders=senders)


def _senders_there(
    request: MemberRequest, rule: CountryRule, overrides: dict[str, VerdictOverride]
) -> list[tuple[SenderId, country_rules.Verdict, Registration | None]]:
    """The org's senders with their verdicts in this country; two queries."""
    own = SenderId.objects.for_org(request.org).exclude(status=SenderId.Status.RETIRED)
    registered = Registration.objects.for_org(request.org).filter(country=rule.country)
    held = {row.sender_id: row for row in registered}
    return [
        (
            sender,
            country_rules.verdict_of(
                sender=sender,
                rule=rule,
                override=overrides.get(sender.kind),
                registration=held.get(sender.pk),
            ),
            held.get(sender.pk),
        )
        for sender in own.order_by("kind", "value")[:200]
    ]


def _elsewhere(rule: CountryRule) -> str:
    return "US" if rule.country != "US" else "GB"


@page(roles.SET_UP)
def countries_of_sender(request: MemberRequest, pk: UUID) -> HttpResponse:
    sender = sender_of(request, pk)
    wanted, words = request.GET.get("verdict", ""), request.GET.get("q", "")
    rows = country_rules.verdicts_of(sender=sender)
    kept = {rule.country for rule in _matching([rule for rule, *_ in rows], words)}
    rows = [row for row in rows if row[0].country in kept and (not wanted or row[1].verdict == wanted)]
    rows.sort(key=lambda row: row[2] is None)
    for rule, *_ in rows:
        rule.is_texted = request.org.may_reach(rule.country)  # type: ignore[attr-defined]
    return show(
        request,
        "senders/countries.html",
        sender=sender,
        rows=rows,
        verdicts=country_rules.VERDICTS,
        tab="countries",
    )


@page(roles.SET_UP)
def country_of_sender(request: MemberRequest, pk: UUID, code: str) -> HttpResponse:
    """The verdict with its sources; an admin's own word; the registration."""
    sender, rule = sender_to_edit(request, pk, RegistrationForm), rule_of(code)
    ((_, verdict, registration),) = country_rules.verdicts_of(sender=sender, countries=[rule.country])
    overrides = VerdictOverride.objects.for_org(request.org).filter(kind=sender.kind, country=rule.country)
    if request.method == "POST":  # it may be edited from another sender of this kind
        overrides = overrides.select_for_update(no_key=True)
    override = overrides.first()
    forms = _forms(request, sender, rule, registration, override)
    if request.method == "POST" and _save(request, forms, sender, rule):
        return redirect("sender_countries", sender.pk)
    refused = next((form for form in forms.values() if form.is_bound and form.errors), None)
    context = {"registration": registration, "override": override, "registering": forms["registration"]}
    needed = verdict.verdict == country_rules.NEEDS_REGISTRATION or verdict.code == "registered"
    return show(
        request,
        "senders/country.html",
        refused,
        sender=sender,
        rule=rule,
        verdict=verdict,
        needed=needed,
        place=country_rules.in_words(rule.name),
        overriding=forms["override"],
        tab="countries",
        **context,
    )


def _forms(
    request: MemberRequest,
    sender: SenderId,
    rule: CountryRule,
    registration: Registration | None,
    override: VerdictOverride | None,
) -> dict[str, Any]:
    what = request.POST.get("what") if request.method == "POST" else None
    shared: dict[str, Any] = {"org": request.org, "sender": sender, "country": rule.country}
    return {
        "registration": RegistrationForm(
            request.POST if what == "registration" else None, registration=registration, **shared
        ),
        "override": OverrideForm(
            request.POST if what in ("override", "withdraw") else None, override=override, **shared
        ),
    }


def _save(request: MemberRequest, forms: dict[str, Any], sender: SenderId, rule: CountryRule) -> bool:
    what = request.POST.get("what")
    if what == "withdraw":
        if changed := forms["override"].changed_meanwhile():
            by = changed[0].by.name
            messages.warning(request, f"The override was changed by {by}. Check it before you remove it.")
            return False
        country_rules.withdraw_override(org=request.org, kind=sender.kind, country=rule.country)
        messages.success(request, f"The table counts again for {rule.name}.")
        return True
    if what not in forms:
        return False
    how = {"sender": sender} if what == "registration" else {"kind": sender.kind, "by": request.member}
    saved = save_edit(request, forms[what], save=lambda: forms[what].save(country=rule.country, **how))
    if saved:
        messages.success(request, f"{rule.name} is saved.")
    return bool(saved)


def rule_of(code: str) -> CountryRule:
    rule = CountryRule.objects.filter(pk=code.upper()).first()
    if rule is None:
        raise NotFound("country")
    return rule
