"""Forms of people, groups and keys. A form reads; the rule decides, and its refusal stands by its field."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from tenants import api_keys, invitations, memberships, roles
from tenants.editing.forms import EditForm
from tenants.errors import CODES, DomainError
from tenants.models import ApiKey, Membership, Organization, Profile, Team, User
from tenants.times import OUT_OF_RANGE, can_be_kept

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
        except IntegrityError:
            self.add_error(None, CODES["collision"])
            return None
        except DomainError as error:
            if error.status in (403, 404) and not error.field:
                raise
            name = self.renames.get(error.field, error.field.split(".")[-1])
            self.add_error(name if name in self.fields else None, error.text)
            return None


class LocalTime(forms.DateTimeField):
    """A date and time in the org's zone, as the browser's own picker writes it."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        if isinstance(value, str) and value.strip() and ":" not in value:
            raise ValidationError("Enter a date and a time, such as 2027-03-01T09:30.", "invalid")
        at: datetime | None = super().to_python(value)
        if at is not None and not can_be_kept(at):
            raise ValidationError(OUT_OF_RANGE, "out_of_range")
        return at


class OneChosen(forms.ModelChoiceField):
    """One row; which ones are offered the form says."""


class ManyTicked(forms.ModelMultipleChoiceField):
    """Several rows, as a list of boxes to tick."""

    widget = forms.CheckboxSelectMultiple


class MemberForm(EditForm, RuleForm):
    name = forms.CharField(max_length=120)
    email = forms.EmailField(label="Email", help_text="They accept the invitation and log in with it.")
    title = forms.CharField(
        label="Job title", max_length=120, required=False, help_text="Shown in this organization only."
    )
    role = forms.ChoiceField(
        help_text="Owners and admins set up and read everything; reps read and send by access; viewers only read.",
        choices=[(role.value, role.label) for role in Membership.Role],
        initial=Membership.Role.REP,
    )
    profile = OneChosen(None, required=False, empty_label="None", help_text="At most one.")
    teams = ManyTicked(None, required=False)

    def __init__(self, *args: Any, by: Membership, member: Membership | None = None, **kwargs: Any) -> None:
        self.by, self.member = by, member
        if member is not None:
            kwargs.setdefault("initial", _now(member))
        super().__init__(*args, edits=member, **kwargs)
        self.fields["profile"].queryset = Profile.objects.for_org(self.org).order_by("name")  # type: ignore[attr-defined]
        self.fields["teams"].queryset = Team.objects.for_org(self.org).order_by("name")  # type: ignore[attr-defined]
        if member is not None:
            self.fields["email"].disabled = True
            self.fields["email"].help_text = ""
        if not roles.may(by, roles.MANAGE_OWNERS):
            field = self.fields["role"]
            kept = member is not None and member.role == Membership.Role.OWNER
            field.choices = [c for c in field.choices if c[0] != Membership.Role.OWNER or kept]  # type: ignore[attr-defined]

    def save(self) -> Membership | None:
        data = dict(self.cleaned_data)
        data["teams"] = list(data["teams"])
        if self.member is None:
            return self.carry_out(lambda: self._invite(data))
        member = self.member
        del data["email"]
        return self.carry_out(lambda: memberships.change_member(member=member, by=self.by, **data))

    def _invite(self, data: dict[str, Any]) -> Membership:
        member = memberships.add_member(org=self.org, by=self.by, **data)
        invitations.invite(member=member, by=self.by)
        return member


def _now(member: Membership) -> dict[str, Any]:
    return {
        "name": member.name,
        "email": member.email,
        "title": member.title,
        "role": member.role,
        "profile": member.profile_id,
        "teams": [team.pk for team in member.teams.all()],
    }


class ChoosePasswordForm(forms.Form):
    """The password of a new login."""

    password = forms.CharField(
        max_length=200, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    again = forms.CharField(
        label="Repeat password",
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        self.email = email
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        password = data.get("password")
        if password:
            self._check(password, data.get("again"))
        return data

    def _check(self, password: str, again: str | None) -> None:
        try:
            validate_password(password, User(email=self.email))
        except ValidationError as error:
            self.add_error("password", error)
        if again and password != again:
            self.add_error("again", "The passwords don’t match.")


class GroupForm(EditForm, RuleForm):
    """Makes or renames a profile or team."""

    name = forms.CharField(max_length=120)

    def __init__(
        self, *args: Any, kind: type[Profile] | type[Team], group: Any = None, **kwargs: Any
    ) -> None:
        self.kind, self.group = kind, group
        if group is not None:
            kwargs.setdefault("initial", {"name": group.name})
        super().__init__(*args, edits=group, **kwargs)

    def save(self) -> Profile | Team | None:
        name = self.cleaned_data["name"]
        return self.carry_out(
            lambda: memberships.named_group(
                model=self.kind, org=self.org, name=name, pk=self.group.pk if self.group else None
            )
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

    def __init__(self, *args: Any, by: Membership, **kwargs: Any) -> None:
        self.by = by
        super().__init__(*args, **kwargs)
        if not roles.may(by, roles.MANAGE_OWNERS):
            field = self.fields["scopes"]
            field.choices = [c for c in field.choices if c[0] != roles.MANAGE_OWNERS]  # type: ignore[attr-defined]

    def save(self) -> tuple[ApiKey, str] | None:
        return self.carry_out(lambda: api_keys.mint(org=self.org, created_by=self.by, **self.cleaned_data))
