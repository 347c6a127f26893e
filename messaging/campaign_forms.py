"""Forms of campaigns, programs, opt-outs, and of the question who would speak."""

import re
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import F, Func

from messaging import campaigns, consent, programs
from messaging.forms import BodyField
from messaging.models import Campaign, Contact, ContactList, OptOut, Program
from senderid.assignment import assign
from senderid.delegated import known_sender_ids
from senderid.models import Assignment, SenderId
from senderid.phone_numbers import national, read_number
from tenants.access import standing_of
from tenants.editing.fields import SetLines
from tenants.editing.forms import EditForm
from tenants.errors import DomainError
from tenants.forms import LocalTime, ManyTicked, OneChosen, RuleForm
from tenants.models import Assignee, Membership, Organization

MOST_TAGS = 200


def tags_of(org: Organization) -> list[tuple[str, str]]:
    """The tags in use, as choices."""
    rows = Contact.objects.for_org(org).annotate(tag=Func(F("tags"), function="unnest"))
    found = rows.values_list("tag", flat=True).distinct().order_by("tag")[:MOST_TAGS]
    return [(tag, tag) for tag in found]


def speaking(org: Organization) -> Any:
    """Senders that can be chosen to speak."""
    rows = SenderId.objects.for_org(org).filter(status=SenderId.Status.ACTIVE).exclude(direction="incoming")
    return rows.order_by("kind", "value")


class SenderChoice(forms.ModelChoiceField):
    def label_from_instance(self, sender: Any) -> str:
        return f"{sender.display} · {sender.label}" if sender.label != sender.value else sender.display


class CampaignForm(EditForm, RuleForm):
    audit_names = {"without_lists": "exclude", "without_tags": "exclude"}
    renames = {"audience": "lists", "audience.exclude": "without_lists"}

    name = forms.CharField(max_length=120)
    body = BodyField(
        label="Text",
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="Fields: {{ contact.first_name }}, {{ contact.name }}, {{ contact.attributes.x }}, {{ owner.name }}.",
    )
    lists = ManyTicked(None, required=False)
    tags = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    contacts = SetLines(label="Single contacts", required=False, help_text="Their numbers, one a line.")
    without_lists = ManyTicked(None, required=False, label="But nobody in these lists")
    without_tags = forms.MultipleChoiceField(
        required=False, label="But nobody with these tags", widget=forms.CheckboxSelectMultiple
    )
    sender_mode = forms.ChoiceField(label="Who speaks", choices=Campaign.SenderMode.choices)
    fallback_sender = SenderChoice(
        None, required=False, empty_label="nobody: skip that contact", label="If that sender can’t"
    )
    category = forms.ChoiceField(
        choices=[("promotional", "promotional: waits for quiet hours"), ("transactional", "transactional")]
    )
    wants_reply = forms.BooleanField(required=False, label="The text asks for an answer")
    send_at = LocalTime(label="Start at", required=False, help_text="Empty: when you start it.")

    def __init__(self, *args: Any, campaign: Campaign | None = None, **kwargs: Any) -> None:
        self.campaign = campaign
        if campaign is not None:
            kwargs.setdefault("initial", _typed(campaign))
        super().__init__(*args, edits=campaign, **kwargs)
        fields: dict[str, Any] = self.fields
        for name in ("lists", "without_lists"):
            fields[name].queryset = ContactList.objects.for_org(self.org).order_by("name")
        for name in ("tags", "without_tags"):
            fields[name].choices = tags_of(self.org)
        fields["fallback_sender"].queryset = speaking(self.org)

    def clean_contacts(self) -> list[str]:
        """Ids of the contacts whose numbers were typed."""
        found = []
        for line in self.cleaned_data["contacts"]:
            found.append(str(self._contact_typed(line).pk))
        return list(dict.fromkeys(found))

    def _contact_typed(self, line: str) -> Contact:
        try:
            number = read_number(line, country=self.org.country)
        except DomainError as refused:
            raise forms.ValidationError(refused.text)
        row = Contact.objects.for_org(self.org).filter(number=number.e164).first()
        if row is None:
            raise forms.ValidationError(f"“{line}” isn’t a contact yet. Add it under Contacts first.")
        return row

    @property
    def audience(self) -> dict[str, list[str]]:
        given = self.cleaned_data
        without = [str(row.pk) for row in given.get("without_lists") or []]
        parts = {
            "lists": [str(row.pk) for row in given.get("lists") or []],
            "tags": given.get("tags") or [],
            "contacts": given.get("contacts") or [],
            "exclude": [*without, *(given.get("without_tags") or [])],
        }
        return {name: chosen for name, chosen in parts.items() if chosen}

    def unsaved(self) -> Campaign:
        """The campaign as it is typed now, for samples and sentences."""
        given = self.cleaned_data
        return Campaign(
            org=self.org,
            name=given.get("name", ""),
            body=given.get("body", ""),
            audience=self.audience,
            sender_mode=given.get("sender_mode") or Campaign.SenderMode.DEDICATED,
            fallback_sender=given.get("fallback_sender"),
            category=given.get("category") or Campaign.Category.PROMOTIONAL,
            wants_reply=given.get("wants_reply", False),
            send_at=given.get("send_at"),
        )

    def save(self, owner: Membership) -> Campaign | None:
        names = ("name", "body", "sender_mode", "fallback_sender", "category", "wants_reply", "send_at")
        given = {name: self.cleaned_data[name] for name in names}
        owner = (self.campaign.owner if self.campaign else None) or owner
        return self.carry_out(
            lambda: campaigns.save_campaign(
                org=self.org, audience=self.audience, campaign=self.campaign, owner=owner, **given
            )
        )


def _typed(campaign: Campaign) -> dict[str, Any]:
    audience = campaign.audience
    lists = ContactList.objects.for_org(campaign.org_id).filter(pk__in=_ids(audience.get("exclude", [])))
    without_lists = [str(pk) for pk in lists.values_list("pk", flat=True)]
    contacts = Contact.objects.for_org(campaign.org_id).filter(pk__in=audience.get("contacts", []))
    names = ("name", "body", "sender_mode", "fallback_sender", "category", "wants_reply", "send_at")
    return {
        **{name: getattr(campaign, name) for name in names},
        "lists": audience.get("lists", []),
        "tags": audience.get("tags", []),
        "without_lists": without_lists,
        "without_tags": [one for one in audience.get("exclude", []) if one not in without_lists],
        "contacts": [national(contact.number) for contact in contacts],
    }


def _ids(words: list[str]) -> list[UUID]:
    """Those of them that are ids; the others are tags."""
    return [UUID(word) for word in words if re.fullmatch("[0-9a-f-]{36}", word)]


class AssignHereForm(RuleForm):
    """Gives a campaign or program its sender, on its own page."""

    renames = {"assignee": "sender", "sender_id": "sender", "keywords": "sender"}
    sender = SenderChoice(None, empty_label="choose a sender …")

    def __init__(self, *args: Any, assignee_id: Any, **kwargs: Any) -> None:
        self.assignee_id = assignee_id
        super().__init__(*args, **kwargs)
        held = Assignment.objects.for_org(self.org).filter(assignee=assignee_id).values("sender")
        fields: dict[str, Any] = self.fields
        fields["sender"].queryset = speaking(self.org).exclude(pk__in=held)

    def save(self) -> Assignment | None:
        assignee = Assignee.objects.for_org(self.org).get(pk=self.assignee_id)
        return self.carry_out(lambda: assign(sender=self.cleaned_data["sender"], assignee=assignee))


TEXT_LABELS = {
    "welcome": ("Welcome", "When they have joined."),
    "confirm": ("Please confirm", "Asks for YES, with double opt-in."),
    "already_joined": ("Joined already", "When they text the keyword again."),
    "auto_reply": ("Automatic answer", "To anything else, at most once in 24 hours."),
    "help": ("Help", "The answer to HELP."),
    "stop": ("Stop", "The answer to STOP."),
}


class ProgramForm(EditForm, RuleForm):
    audit_names = {f"text_{name}": f"texts.{name}" for name in TEXT_LABELS}
    renames = {f"texts.{name}": f"text_{name}" for name in TEXT_LABELS} | {"texts": "text_welcome"}

    name = forms.CharField(max_length=120)
    keywords = SetLines(
        required=False, help_text="One a line, with its language if it is not English: NEWS, or LIEFERUNG de."
    )
    opt_in = forms.ChoiceField(label="Joining", choices=Program.OptIn.choices)
    mode = forms.ChoiceField(
        label="To any other text", choices=Program.Mode.choices, initial=Program.Mode.REPLY_AND_NOTIFY
    )

    def __init__(self, *args: Any, program: Program | None = None, **kwargs: Any) -> None:
        self.program = program
        if program is not None:
            kwargs.setdefault("initial", _as_typed(program))
        super().__init__(*args, edits=program, **kwargs)
        for name, (label, text) in TEXT_LABELS.items():
            self.fields[f"text_{name}"] = BodyField(
                label=label,
                required=False,
                max_length=1600,
                help_text=text,
                widget=forms.Textarea(attrs={"rows": 2}),
            )

    @property
    def words(self) -> list[dict[str, str]]:
        """[{word, language}]; a last word of two letters, small, is the language."""
        found = []
        for line in self.cleaned_data.get("keywords", []):
            match = re.fullmatch(r"(.+?)\s+([a-z]{2})", line)
            word, language = match.groups() if match else (line, "en")
            found.append({"word": word, "language": language})
        return found

    @property
    def texts(self) -> dict[str, str]:
        return {name: self.cleaned_data.get(f"text_{name}", "") for name in TEXT_LABELS}

    @property
    def text_fields(self) -> list[Any]:
        return [self[f"text_{name}"] for name in TEXT_LABELS]

    def unsaved(self) -> Program:
        given = self.cleaned_data
        return Program(
            org=self.org,
            name=given.get("name", ""),
            opt_in=given.get("opt_in") or Program.OptIn.SINGLE,
            mode=given.get("mode") or Program.Mode.REPLY_AND_NOTIFY,
            texts=self.texts,
        )

    def save(self, owner: Membership) -> Program | None:
        given = {name: self.cleaned_data[name] for name in ("name", "opt_in", "mode")}
        owner = (self.program.owner if self.program else None) or owner
        return self.carry_out(
            lambda: programs.save_program(
                org=self.org,
                keywords=self.words,
                texts=self.texts,
                program=self.program,
                owner=owner,
                **given,
            )
        )


def _as_typed(program: Program) -> dict[str, Any]:
    words = [
        row.word if row.language == "en" else f"{row.word} {row.language}" for row in program.keywords.all()
    ]
    texts = {f"text_{name}": program.says(name) for name in TEXT_LABELS}
    return (
        {"name": program.name, "opt_in": program.opt_in, "mode": program.mode} | texts | {"keywords": words}
    )


class OptOutForm(RuleForm):
    renames = {"to": "number"}

    number = forms.CharField(max_length=40)
    scope = forms.ChoiceField(
        label="Ends",
        choices=[("org", "all texts"), ("sender", "texts from one sender"), ("program", "one program")],
    )
    sender = SenderChoice(None, required=False)
    program = OneChosen(None, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["sender"].queryset = SenderId.objects.for_org(self.org).order_by("value")
        fields["program"].queryset = Program.objects.for_org(self.org).order_by("name")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        scope = given.get("scope")
        if scope in ("sender", "program") and not given.get(scope):
            self.add_error(scope, f"Say which {scope}.")
        return given

    def save(self, by: Membership) -> OptOut | None:
        made = self.carry_out(lambda: self._save(by))
        return made[0] if made else None

    def _save(self, by: Membership) -> tuple[OptOut, bool]:
        given = self.cleaned_data
        number = read_number(given["number"], country=self.org.country)
        row, is_new = consent.opt_out(
            org=self.org,
            number=number.e164,
            scope=given["scope"],
            source=OptOut.Source.MANUAL,
            sender=given["sender"],
            program=given["program"],
            member=by,
        )
        if not is_new:
            raise DomainError(
                "duplicate", f"{national(number.e164)} has opted out of this already.", field="number"
            )
        return row, is_new


class ExplainForm(forms.Form):
    """Who would speak? All of it stands in the address, so that an answer can be sent around."""

    who = forms.ChoiceField(label="From", required=False)
    to = forms.CharField(label="To", max_length=40, help_text="A number, with + or as in your country.")
    text = BodyField(required=False, widget=forms.Textarea(attrs={"rows": 3}), initial="Hello!")
    wants_reply = forms.BooleanField(required=False, label="Reply expected")
    sender = SenderChoice(None, required=False, empty_label="Automatic", label="Sender")

    def __init__(self, *args: Any, member: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["who"].choices = _askers(member)
        senders = SenderId.objects.for_org(member.org_id).exclude(status="retired")
        if not member.is_admin:
            senders = senders.filter(pk__in=known_sender_ids(standing_of(member)))
        fields["sender"].queryset = senders.order_by("value")


def _askers(member: Membership) -> list[Any]:
    """Me; for an admin also the organization, each member, campaign and program."""
    own: list[Any] = [("me", f"me, {_named(member)}")]
    if not member.is_admin:
        return own
    people = Membership.objects.for_org(member.org_id).filter(is_active=True).exclude(pk=member.pk)
    running = Campaign.objects.for_org(member.org_id).exclude(status__in=["done", "cancelled"])
    standing = Program.objects.for_org(member.org_id).order_by("name")
    return [
        *own,
        ("organization", "the organization (an integration)"),
        (
            "Members",
            [(f"member:{p.pk}", _named(p)) for p in people.select_related("user").order_by("name")],
        ),
        ("Campaigns", [(f"campaign:{c.pk}", c.name) for c in running.order_by("-pk")[:100]]),
        ("Programs", [(f"program:{p.pk}", p.name) for p in standing]),
    ]


def _named(member: Membership) -> str:
    return member.name if member.may_write else f"{member.name} (viewer: reads only)"
