"""Forms of notification rules, mail templates and what a member wants to get."""

from typing import Any

from django import forms

from notifications import email_templates
from notifications.models import EmailTemplate, NotificationRule, Preference, Rule
from notifications.recipients import rule_of, usual_rule
from notifications.rules import set_rule
from senderid.models import Assignment, SenderId
from tenants.editing.fields import SetLines
from tenants.editing.forms import EditForm
from tenants.forms import ManyTicked, OneChosen, RuleForm
from tenants.models import Assignee, Membership

WHOM = {
    Rule.ASSIGNED_MEMBER: "the member it is assigned to",
    Rule.ALL: "everyone it is assigned to",
    Rule.LAST_SENDER: "whoever texted them last",
    Rule.CONVERSATION_ASSIGNEE: "whoever has the conversation",
    Rule.CONTACT_OWNER: "the contact’s owner",
    Rule.SPECIFIC: "chosen people or addresses",
    Rule.ROUND_ROBIN: "the next in turn, who then has the conversation",
    Rule.NONE: "nobody",
}


class AddressLines(SetLines):
    separators = r"[\s,;]+"


class NotificationForm(EditForm, RuleForm):
    """Who is told of a text that comes in on one assignment."""

    coupled = (("rule", "members", "emails"), ("escalate_after_minutes", "escalate_to"))

    rule = forms.ChoiceField(label="Tell", choices=list(WHOM.items()), required=False)
    members = ManyTicked(None, required=False, label="Chosen people")
    emails = AddressLines(label="Chosen addresses", required=False, help_text="E-mail addresses, one a line.")
    fallback = forms.ChoiceField(
        label="If that is nobody",
        required=False,
        choices=[
            ("", "whoever has it, then the owner, then all"),
            *((k, v) for k, v in WHOM.items() if k != "specific"),
        ],
    )
    template = OneChosen(None, label="With the mail", required=False, empty_label="the usual one")
    throttle_minutes = forms.IntegerField(
        label="At most one mail a person in minutes", min_value=0, max_value=10080, initial=10
    )
    escalate_after_minutes = forms.IntegerField(
        label="If nobody answers for, minutes", min_value=1, max_value=10080, required=False
    )
    escalate_to = OneChosen(None, label="then tell", required=False, empty_label="nobody")
    mandatory = forms.BooleanField(
        required=False, label="Mandatory", help_text="Nobody can switch these mails off for themselves."
    )
    hide_body = forms.BooleanField(
        required=False, label="Leave the text’s words out of the mail", help_text="The mail only links to it."
    )

    def __init__(self, *args: Any, assignment: Assignment | None = None, **kwargs: Any) -> None:
        if assignment is not None:
            kwargs.setdefault("initial", _now(rule_of(assignment)))
        kwargs.setdefault("prefix", "tell")
        super().__init__(*args, edits=assignment, **kwargs)
        fields: dict[str, Any] = self.fields
        people = Membership.objects.for_org(self.org).filter(is_active=True).select_related("user")
        fields["members"].queryset = fields["escalate_to"].queryset = people.order_by("name")
        wordings = EmailTemplate.objects.for_org(self.org).filter(kind=EmailTemplate.Kind.NEW_MESSAGE)
        fields["template"].queryset = wordings.order_by("name")

    def for_kind(self, kind: str) -> None:
        """Offers only what makes sense for this kind of assignee."""
        if kind and kind != Assignee.Kind.MEMBER:
            for name in ("rule", "fallback"):
                field: Any = self.fields[name]
                field.choices = [c for c in field.choices if c[0] != Rule.ASSIGNED_MEMBER]

    def changes(self) -> dict[str, Any]:
        """The arguments of `set_rule`; chosen people count only where the rule chooses."""
        given = dict(self.cleaned_data)
        given["members"] = list(given.get("members") or [])
        if given.get("rule") != Rule.SPECIFIC:
            given["members"], given["emails"] = [], []
        return given

    def save(self, assignment: Assignment) -> NotificationRule | None:
        return self.carry_out(lambda: set_rule(assignment=assignment, **self.changes()))

    def unsaved(self, assignment: Assignment) -> tuple[NotificationRule, list[str]]:
        """The rule as it is typed now, and the names chosen in it; for the sentence."""
        given = self.changes()
        chosen = [member.name for member in given.pop("members")]
        given["rule"] = given.get("rule") or usual_rule(assignment).rule
        given["throttle_minutes"] = given.get("throttle_minutes") or 0
        return NotificationRule(org_id=assignment.org_id, assignment=assignment, **given), chosen


def _now(rule: NotificationRule) -> dict[str, Any]:
    names = ("rule", "fallback", "template", "throttle_minutes", "escalate_after_minutes", "escalate_to")
    stored = not rule._state.adding
    return {name: getattr(rule, name) for name in (*names, "mandatory", "hide_body")} | {
        "members": [member.pk for member in rule.members.all()] if stored else [],
        "emails": rule.emails,
    }


class TemplateForm(EditForm, RuleForm):
    kind = forms.ChoiceField(choices=EmailTemplate.Kind.choices)
    name = forms.CharField(max_length=80, help_text="As in “Renewals wording”.")
    subject = forms.CharField(max_length=300)
    html = forms.CharField(
        label="HTML", widget=forms.Textarea(attrs={"rows": 12, "class": "mono", "spellcheck": "false"})
    )
    text = forms.CharField(label="Plain text", widget=forms.Textarea(attrs={"rows": 8, "class": "mono"}))
    is_org_default = forms.BooleanField(
        label="Use it for every mail of this kind",
        required=False,
        help_text="Unless an assignment names another.",
    )

    def __init__(self, *args: Any, template: EmailTemplate | None = None, **kwargs: Any) -> None:
        self.template = template
        if template is not None:
            names = ("kind", "name", "subject", "html", "text", "is_org_default")
            kwargs.setdefault("initial", {name: getattr(template, name) for name in names})
        super().__init__(*args, edits=template, **kwargs)

    def save(self) -> EmailTemplate | None:
        given = self.cleaned_data
        return self.carry_out(
            lambda: email_templates.save_template(org=self.org, template=self.template, **given)
        )

    def preview(self) -> tuple[str, str, str] | None:
        """(subject, HTML, text) with sample data; None and an error by its field otherwise."""
        names = ("subject", "html", "text")
        parts = {name: self.data.get(name, "") for name in names}
        self.cleaned_data = getattr(self, "cleaned_data", {})
        return self.carry_out(lambda: email_templates.preview(**parts))


class PreferenceForm(EditForm, RuleForm):
    """At once or not at all; for everything, and for single senders."""

    how = forms.ChoiceField(
        label="Mails about texts", choices=Preference.How.choices, widget=forms.RadioSelect
    )
    quiet = ManyTicked(None, required=False, label="No mail about texts to these senders")

    def __init__(self, *args: Any, member: Membership, senders: list[SenderId], **kwargs: Any) -> None:
        self.member = member
        rows = list(Preference.objects.for_org(member.org_id).filter(member=member))
        usual = next((row.how for row in rows if row.sender_id is None), Preference.How.AT_ONCE)
        quiet = [row.sender_id for row in rows if row.sender_id and row.how == Preference.How.OFF]
        kwargs.setdefault("initial", {"how": usual, "quiet": quiet})
        super().__init__(*args, org=member.org, edits=member, **kwargs)
        field: Any = self.fields["quiet"]
        field.queryset = SenderId.objects.for_org(member.org_id).filter(
            pk__in=[s.pk for s in senders] + quiet
        )
