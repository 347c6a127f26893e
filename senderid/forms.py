"""Forms of senders, assignments, countries, absences and the organization's settings."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.db.models import Q

from senderid import assignment as assigning
from senderid import country_rules, provisioning, registration
from senderid.delegated import choose_senders
from senderid.models import Assignment, Kind, ProviderAccount, Registration, SenderId, VerdictOverride
from tenants.delegation import delegate
from tenants.editing.fields import SetText
from tenants.editing.forms import EditForm
from tenants.forms import LocalTime, ManyTicked, OneChosen, RuleForm
from tenants.limits import COUNTRIES, MOST_SEGMENTS, change_organization
from tenants.models import Assignee, Delegation, Membership, Organization
from tenants.models.organizations import EVERY_COUNTRY
from tenants.times import zones

KIND_WORDS = {
    Assignee.Kind.ORGANIZATION: "Whole organization",
    Assignee.Kind.PROFILE: "Profiles",
    Assignee.Kind.TEAM: "Teams",
    Assignee.Kind.MEMBER: "Members",
    Assignee.Kind.CAMPAIGN: "Campaigns",
    Assignee.Kind.PROGRAM: "Programs",
}
NEWEST_CAMPAIGNS = 200


def country_choices() -> list[tuple[str, str]]:
    """(ISO code, name), by name."""
    return sorted(((code, country_rules.country_name(code)) for code in COUNTRIES), key=lambda pair: pair[1])


class CountriesField(SetText):
    """Several countries, by code or name, with commas between; cleans to a list of codes."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("required", False)
        options.setdefault(
            "help_text", "Codes or names, with commas between: US, Germany. Empty is all countries."
        )
        super().__init__(**options)
        self.widget.attrs |= {"placeholder": "all countries", "autocomplete": "off"}

    def clean(self, value: Any) -> list[str]:
        codes = {name.casefold(): code for code, name in country_choices()} | {
            c.casefold(): c for c in COUNTRIES
        }
        found = []
        for word in super().clean(value):
            if word.casefold() not in codes:
                raise forms.ValidationError(
                    f"“{word}” is no country; give a code like DE or a name like Germany."
                )
            found.append(codes[word.casefold()])
        return sorted(set(found))


class SenderForm(EditForm, RuleForm):
    kind = forms.ChoiceField(choices=Kind.choices, initial=Kind.LONG_CODE)
    value = forms.CharField(
        label="Number or name",
        max_length=40,
        help_text="A number with + and its country’s code, a short code’s digits, or a name of 2 to 11 signs.",
    )
    country = forms.ChoiceField(help_text="Where it is at home.")
    label = forms.CharField(max_length=80, required=False, help_text="What your people call it.")
    direction = forms.ChoiceField(
        choices=[("both", "sends and receives"), ("outgoing", "only sends"), ("incoming", "only receives")],
        required=False,
    )
    mps = forms.IntegerField(
        label="Segments a second",
        min_value=1,
        max_value=1000,
        required=False,
        help_text="Empty: usual for its kind.",
    )
    reply_number = OneChosen(
        None, required=False, empty_label="none", help_text="Where people answer a name."
    )
    reply_instruction = forms.CharField(
        max_length=120, required=False, help_text="As in “To reply, text JOIN to 56767”."
    )
    provider_account = OneChosen(None, required=False)

    def __init__(self, *args: Any, sender: SenderId | None = None, **kwargs: Any) -> None:
        self.sender = sender
        if sender is not None:
            names = ("kind", "country", "label", "direction", "mps", "reply_number", "reply_instruction")
            kwargs.setdefault(
                "initial", {name: getattr(sender, name) for name in names} | {"value": sender.display}
            )
        super().__init__(*args, edits=sender, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["country"].choices = country_choices()
        fields["country"].initial = self.org.country
        answering = SenderId.objects.for_org(self.org).filter(status=SenderId.Status.ACTIVE)
        answering = answering.exclude(kind=Kind.ALPHANUMERIC).exclude(direction="outgoing").order_by("value")
        fields["reply_number"].queryset = answering
        accounts = ProviderAccount.objects.for_org(self.org).order_by("created_at")
        fields["provider_account"].queryset = accounts
        if accounts.count() < 2 or sender is not None:
            del fields["provider_account"]
        for name in ("kind", "value", "country") if sender is not None else ():
            fields[name].disabled = True

    def clean_direction(self) -> str | None:
        """A name only sends, whatever stands in the field that the form hides for it."""
        if self.cleaned_data.get("kind") == Kind.ALPHANUMERIC:
            return "outgoing"
        return self.cleaned_data["direction"] or None

    def changes(self) -> dict[str, Any]:
        given = dict(self.cleaned_data)
        if given["kind"] != Kind.ALPHANUMERIC:
            given |= {"reply_number": None, "reply_instruction": ""}
        return given

    def save(self) -> SenderId | None:
        given = self.changes()
        if self.sender is None:
            return self.carry_out(lambda: provisioning.add_sender(org=self.org, **given))
        sender = self.sender
        given = {name: value for name, value in given.items() if name not in ("kind", "value", "country")}
        given["mps"] = given["mps"] or sender.mps
        given["direction"] = given["direction"] or sender.direction
        given["label"] = given["label"] or sender.label
        return self.carry_out(lambda: provisioning.change_sender(sender=sender, **given))


class AssigneeField(forms.ModelChoiceField):
    """Any of the six kinds in one list, grouped by kind."""

    def offer(self, org: Organization, chosen: Any = None) -> None:
        rows = Assignee.objects.for_org(org)
        inactive = Membership.objects.for_org(org).filter(is_active=False).values("pk")
        newest = rows.filter(kind=Assignee.Kind.CAMPAIGN).order_by("-pk").values_list("pk", flat=True)
        shown = rows.exclude(pk__in=inactive).filter(
            ~Q(kind=Assignee.Kind.CAMPAIGN) | Q(pk__in=list(newest[:NEWEST_CAMPAIGNS])) | Q(pk=chosen)
        )
        self.queryset = rows
        self.choices = [("", "choose …"), *_grouped(shown.order_by("name"))]


def _grouped(rows: Iterable[Assignee]) -> list[tuple[str, list[tuple[str, str]]]]:
    groups: dict[str, list[tuple[str, str]]] = {word: [] for word in KIND_WORDS.values()}
    for row in rows:
        groups[KIND_WORDS[Assignee.Kind(row.kind)]].append((str(row.pk), row.name))
    return [(word, options) for word, options in groups.items() if options]


class AssignmentForm(EditForm, RuleForm):
    """One sender for one assignee. The notification rule is a form of its own beside it, in notifications."""

    renames = {
        "assignee": "assignee",
        "sender_id": "assignee",
        "countries": "countries",
        "keywords": "assignee",
    }

    assignee = AssigneeField(None, label="Assign it to", empty_label="choose …")
    countries = CountriesField()
    is_default = forms.BooleanField(
        label="Default", required=False, help_text="Goes before their other senders of the same countries."
    )
    can_send = forms.BooleanField(label="May send with it", required=False, initial=True)
    can_read = forms.BooleanField(label="May read what comes in", required=False, initial=True)
    priority = forms.IntegerField(
        min_value=0, max_value=32767, initial=100, help_text="A lower number goes first."
    )
    valid_from = LocalTime(label="From", required=False, help_text="Empty: from now on.")
    valid_until = LocalTime(label="Until", required=False, help_text="Empty: until it is ended.")

    def __init__(
        self, *args: Any, sender: SenderId, assignment: Assignment | None = None, **kwargs: Any
    ) -> None:
        self.sender, self.assignment = sender, assignment
        if assignment is not None:
            names = ("is_default", "can_send", "can_read", "priority", "valid_from", "valid_until")
            initial = {name: getattr(assignment, name) for name in names}
            kwargs["initial"] = initial | {
                "assignee": assignment.assignee_id,
                "countries": assignment.country_codes,
            }
        super().__init__(*args, edits=assignment, **kwargs)
        field: Any = self.fields["assignee"]
        field.offer(self.org, chosen=self["assignee"].initial or None)
        if assignment is not None:
            field.disabled = True

    def clean_priority(self) -> int:
        return 100 if self.cleaned_data["priority"] is None else int(self.cleaned_data["priority"])

    def save(self) -> Assignment | None:
        given = dict(self.cleaned_data)
        if self.assignment is None:
            return self.carry_out(lambda: assigning.assign(sender=self.sender, **given))
        assignment, _ = self.assignment, given.pop("assignee")
        return self.carry_out(lambda: assigning.change_assignment(assignment=assignment, **given))


class OverrideForm(EditForm, RuleForm):
    coupled = (("verdict", "reason"),)

    verdict = forms.ChoiceField(
        label="Your word",
        choices=[(v, v.replace("_", " ")) for v in country_rules.VERDICTS],
        help_text="“needs registration” asks for an approved one; “unknown” sends with a warning.",
    )
    reason = forms.CharField(
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Shown wherever the verdict is, and audited.",
    )

    def __init__(
        self,
        *args: Any,
        sender: SenderId,
        country: str,
        override: VerdictOverride | None,
        **kwargs: Any,
    ) -> None:
        self.override, self.part, self.kind = override, country, sender.kind
        first = country_rules.VERDICTS[0]
        values = {"verdict": override.verdict, "reason": override.reason} if override else {"verdict": first}
        super().__init__(*args, edits=sender, initial=values, **kwargs)

    def about(self) -> list[Any]:
        if self.override:
            return [self.override.pk]
        gone = country_rules.withdrawal_of(org_id=self.org.pk, kind=self.kind, country=self.part)
        return [gone] if gone else []

    def save(self, *, kind: str, country: str, by: Membership) -> Any:
        given = self.cleaned_data
        return self.carry_out(
            lambda: country_rules.override_verdict(org=self.org, kind=kind, country=country, by=by, **given)
        )


class RegistrationForm(EditForm, RuleForm):
    status = forms.ChoiceField(choices=[(s.value, s.value.replace("_", " ")) for s in Registration.Status])
    reference = forms.CharField(max_length=80, required=False, label="Registration ID")
    expires_at = LocalTime(label="Expires", required=False)

    def __init__(
        self,
        *args: Any,
        sender: SenderId,
        country: str,
        registration: Registration | None,
        **kwargs: Any,
    ) -> None:
        self.part = country
        self.audit_names = {name: f"registration.{country}.{name}" for name in self.base_fields}
        row = registration or Registration(status=Registration.Status.values[0])
        values = {name: getattr(row, name) for name in ("status", "reference", "expires_at")}
        super().__init__(*args, edits=sender, initial=values, **kwargs)

    def save(self, *, sender: SenderId, country: str) -> Registration | None:
        given = self.cleaned_data
        return self.carry_out(lambda: registration.register(sender=sender, country=country, **given))


class AbsenceForm(RuleForm):
    renames = {"end": "ends_at", "to": "stand_in"}

    stand_in = OneChosen(None, required=False, empty_label="nobody: just away")
    starts_at = LocalTime(label="From")
    ends_at = LocalTime(label="Until")
    senders = ManyTicked(
        None, required=False, label="Only for these senders", help_text="None ticked: for all of them."
    )
    copy_absent = forms.BooleanField(label="Send a copy of each mail to the absent one too", required=False)
    reason = forms.CharField(max_length=200, required=False, help_text="As in “holiday”.")

    def __init__(self, *args: Any, absent: Membership, senders: Iterable[SenderId], **kwargs: Any) -> None:
        self.absent = absent
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        others = Membership.objects.for_org(self.org).filter(is_active=True).exclude(pk=absent.pk)
        others = others.exclude(role=Membership.Role.VIEWER)  # who stands in, replies
        fields["stand_in"].queryset = others.select_related("user").order_by("name")
        fields["senders"].queryset = SenderId.objects.for_org(self.org).filter(pk__in=[s.pk for s in senders])

    def save(self) -> Delegation | None:
        return self.carry_out(self._save)

    def _save(self) -> Delegation:
        given = dict(self.cleaned_data)
        chosen = list(given.pop("senders"))
        made = delegate(absent=self.absent, **given)
        choose_senders(delegation=made, senders=chosen)
        return made


class OrganizationForm(EditForm, RuleForm):
    coupled = (("everywhere", "allowed_countries"), ("quiet_hours", "quiet_hours_reason"))
    audit_names = {"everywhere": "allowed_countries"}

    name = forms.CharField(max_length=120)
    country = forms.ChoiceField(help_text="National numbers are read as numbers of this country.")
    timezone = forms.ChoiceField(label="Time zone")
    everywhere = forms.BooleanField(label="Text every country", required=False)
    allowed_countries = CountriesField(
        label="Text only these countries", help_text="Codes or names, with commas between: US, Germany."
    )
    stop_scope = forms.ChoiceField(
        label="A STOP ends",
        choices=[
            ("org", "all texts of the organization"),
            ("sender", "texts from that sender"),
            ("program", "texts of that program"),
        ],
    )
    quiet_hours = forms.ChoiceField(
        choices=[("by_country", "as each country asks"), ("off", "off: marketing goes at any hour")]
    )
    quiet_hours_reason = forms.CharField(
        label="Why they are off",
        max_length=300,
        required=False,
        help_text="Needed to switch them off; audited.",
    )
    require_consent = forms.BooleanField(
        label="Text only numbers with recorded consent",
        required=False,
        help_text="Asked of the consent log at each text.",
    )
    daily_cap = forms.IntegerField(
        label="Daily segment limit",
        min_value=0,
        max_value=MOST_SEGMENTS,
        required=False,
        help_text="Empty: no cap.",
    )
    monthly_cap = forms.IntegerField(
        label="Segments a month, at most",
        min_value=0,
        max_value=MOST_SEGMENTS,
        required=False,
        help_text="Empty: no cap.",
    )

    def __init__(self, *args: Any, org: Organization, **kwargs: Any) -> None:
        kept = [code for code in org.allowed_countries if code != EVERY_COUNTRY]
        names = (
            "name",
            "country",
            "timezone",
            "stop_scope",
            "quiet_hours",
            "quiet_hours_reason",
            "require_consent",
        )
        now = {name: getattr(org, name) for name in (*names, "daily_cap", "monthly_cap")}
        kwargs["initial"] = now | {"everywhere": org.reaches_every_country, "allowed_countries": kept}
        super().__init__(*args, org=org, edits=org, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["country"].choices = country_choices()
        fields["timezone"].choices = [(zone, zone.replace("_", " ")) for zone in sorted(zones())]

    def save(self) -> Organization | None:
        given = dict(self.cleaned_data)
        if given.pop("everywhere"):
            given["allowed_countries"] = "all"
        return self.carry_out(lambda: change_organization(org=self.org, **given))
