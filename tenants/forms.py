"""Forms of people, groups and keys. A form reads; the rule decides, and its refusal stands by its field."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django import forms
from django.db import transaction

from tenants import api_keys, memberships, roles
from tenants.errors import DomainError
from tenants.models import ApiKey, Membership, Organization, Profile, Team

T = TypeVar("T")


class RuleForm(forms.Form):
    """A form of one org whose decisions are made by a rule."""

    renames: dict[str, str] = {}

    def __init__(self, *args: Any, org: Organization, **kwargs: Any) -> None:
        self.org = org
        super().__init__(*args, **kwargs)

    def carry_out(self, rule: Callable[[], T]) -> T | None:
        """What the rule returns; None when it refused, with its sentence beside the field it names."""
        try:
            with transaction.atomic():
                return rule()
        except DomainError as error:
            if error.status in (403, 404) and not error.field:
                raise
            name = self.renames.get(error.field, error.field.split(".")[-1])
            self.add_error(name if name in self.fields else None, error.text)
            return None


class LocalTime(forms.DateTimeField):
    """A date and time in the org's zone, as the browser's own picker writes it."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class OneChosen(forms.ModelChoiceField):
    """One row; which ones are offered the form says."""


class ManyTicked(forms.ModelMultipleChoiceField):
    """Several rows, as a list of boxes to tick."""

    widget = forms.CheckboxSelectMultiple


class MemberForm(RuleForm):
    name = forms.CharField(max_length=120)
    email = forms.EmailField(label="E-mail", help_text="They sign in with it.")
    role = forms.ChoiceField(
        help_text="Owner and admin set up and read all; rep reads and sends by access; viewer only reads.",
        choices=[(role.value, role.label) for role in Membership.Role],
        initial=Membership.Role.REP,
    )
    profile = OneChosen(None, required=False, empty_label="none", help_text="At most one.")
    teams = ManyTicked(None, required=False)

    def __init__(self, *args: Any, by: Membership, member: Membership | None = None, **kwargs: Any) -> None:
        self.by, self.member = by, member
        if member is not None:
            kwargs.setdefault("initial", _now(member))
        super().__init__(*args, **kwargs)
        self.fields["profile"].queryset = Profile.objects.for_org(self.org).order_by("name")  # type: ignore[attr-defined]
        self.fields["teams"].queryset = Team.objects.for_org(self.org).order_by("name")  # type: ignore[attr-defined]
        if member is not None:
            self.fields["email"].disabled = True
        if not roles.may(by, roles.MANAGE_OWNERS):
            field = self.fields["role"]
            kept = member is not None and member.role == Membership.Role.OWNER
            field.choices = [c for c in field.choices if c[0] != Membership.Role.OWNER or kept]  # type: ignore[attr-defined]

    def save(self) -> Membership | None:
        given = dict(self.cleaned_data)
        given["teams"] = list(given["teams"])
        if self.member is None:
            return self.carry_out(lambda: memberships.add_member(org=self.org, by=self.by, **given))
        member = self.member
        del given["email"]
        return self.carry_out(lambda: memberships.change_member(member=member, by=self.by, **given))


def _now(member: Membership) -> dict[str, Any]:
    return {
        "name": member.name,
        "email": member.email,
        "role": member.role,
        "profile": member.profile_id,
        "teams": [team.pk for team in member.teams.all()],
    }


class GroupForm(RuleForm):
    """Makes or renames a profile or team."""

    name = forms.CharField(max_length=120)

    def __init__(
        self, *args: Any, kind: type[Profile] | type[Team], pk: UUID | None = None, **kwargs: Any
    ) -> None:
        self.kind, self.pk = kind, pk
        super().__init__(*args, **kwargs)

    def save(self) -> Profile | Team | None:
        name = self.cleaned_data["name"]
        return self.carry_out(
            lambda: memberships.named_group(model=self.kind, org=self.org, name=name, pk=self.pk)
        )


class ApiKeyForm(RuleForm):
    name = forms.CharField(max_length=120, help_text="What it is for, as in “CRM sync”.")
    scopes = forms.MultipleChoiceField(
        choices=[(name, f"{name}: {text.lower()}") for name, text in api_keys.SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
        initial=["read", "send"],
    )
    expires_at = LocalTime(label="Ends", required=False, help_text="Empty: until you revoke it.")
    sandbox = forms.BooleanField(
        label="Sandbox", required=False, help_text="Reaches only the carrier simulator."
    )

    def save(self, by: Membership) -> tuple[ApiKey, str] | None:
        return self.carry_out(lambda: api_keys.mint(org=self.org, created_by=by, **self.cleaned_data))
