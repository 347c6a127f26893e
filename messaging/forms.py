"""Forms of the inbox, contacts: they read what was typed; rules decide about it."""

from typing import Any

from django import forms
from django.db.models import Q

from messaging.folders import FOLDERS
from messaging.models import Contact, Conversation
from messaging.segments import read_body
from senderid.models import SenderId
from tenants.editing import fields
from tenants.editing.fields import SetText
from tenants.editing.forms import EditForm
from tenants.forms import LocalTime
from tenants.models import Membership, Organization


class BodyField(forms.CharField):
    """A text's body; a browser posts its line ends as CRLF (`segments.read_body`)."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        return read_body(super().to_python(value) or "")


class LookForm(forms.Form):
    """What of the inbox is looked at: the folder and the filters of the address."""

    folder = forms.ChoiceField(choices=[(name, name) for name in FOLDERS], required=False)
    group = forms.UUIDField(required=False)
    status = forms.ChoiceField(choices=[("", "Any"), *Conversation.Status.choices], required=False)
    assignee = forms.UUIDField(required=False)
    sender = forms.UUIDField(required=False)
    campaign = forms.UUIDField(required=False)
    program = forms.UUIDField(required=False)
    tag = forms.CharField(max_length=40, required=False)
    q = forms.CharField(max_length=200, required=False)


class ComposerForm(forms.Form):
    """A composer as it was submitted: what was typed, whom it was drawn for, what its page had shown."""

    conversation = forms.CharField(max_length=40, required=False)
    to = forms.CharField(max_length=40, required=False, label="To")
    mode = forms.CharField(max_length=10, required=False)
    body = BodyField(strip=False, required=False, max_length=20_000)
    when = forms.CharField(max_length=10, required=False)
    send_at = LocalTime(required=False)
    client_ref = forms.CharField(max_length=100, required=False)
    seen = forms.CharField(max_length=8000, required=False)
    expected_sender = forms.UUIDField(required=False)
    tab = forms.CharField(max_length=40, required=False)
    edited = forms.IntegerField(min_value=0, max_value=2**53, required=False)
    revision = forms.IntegerField(min_value=0, max_value=2**31 - 1, required=False)


class NewMessageForm(ComposerForm):
    """A message to a number, from a sender that was chosen or automatically."""

    sender: Any = forms.ModelChoiceField(None, required=False, empty_label="Automatic", label="From")
    wants_reply = forms.BooleanField(required=False, label="Expect a reply")

    def __init__(self, *args: Any, org: Organization, senders: list[SenderId], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["sender"]
        field.queryset = SenderId.objects.for_org(org).filter(pk__in=[sender.pk for sender in senders])
        field.label_from_instance = lambda sender: f"{sender.display} · {sender.label}"
        self.fields["to"].widget.attrs |= {
            "autocomplete": "off",
            "placeholder": "(415) 555-0178 or +44 20 7946 0123",
        }


class SnoozeForm(forms.Form):
    snoozed_until = LocalTime(required=False)


class ContactForm(EditForm):
    """A contact; the number can only be given when it is new."""

    number = forms.CharField(max_length=40)
    name = forms.CharField(max_length=120, required=False)
    owner: Any = forms.ModelChoiceField(None, required=False, empty_label="Nobody")
    tags = SetText(max_length=400, required=False, help_text="Separated by commas")

    def __init__(self, *args: Any, org_id: Any, contact: Contact | None = None, **kwargs: Any) -> None:
        if contact is not None:
            kwargs["initial"] = {
                "name": contact.name,
                "owner": contact.owner_id,
                "tags": contact.tags,
            }
        super().__init__(*args, edits=contact, **kwargs)
        owner: Any = self.fields["owner"]
        current = Q(pk=contact.owner_id) if contact is not None else Q()
        people = Membership.objects.for_org(org_id).filter(is_active=True).select_related("user")
        owner.queryset = people.exclude(Q(role=Membership.Role.VIEWER) & ~current)
        if contact is not None:
            del self.fields["number"]

    def lock_owner(self) -> None:
        """Shows the owner; browsers send nothing for it, and nothing sent leaves it as it is."""
        field = self.fields["owner"]
        field.widget.attrs["disabled"] = True
        field.help_text = "Only the owner or an admin can change this."

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "disabled" in self.fields["owner"].widget.attrs and "owner" not in self.data:
            data.pop("owner", None)
        return data


class TagsForm(EditForm):
    """The tags of a conversation."""

    tags = SetText(required=False)

    def __init__(self, *args: Any, conversation: Conversation, **kwargs: Any) -> None:
        super().__init__(*args, edits=conversation, initial={"tags": conversation.tags}, **kwargs)

    def without_version(self) -> set[str]:
        """The line has no room for a notice: tags are added, and none is removed."""
        fields.write(self.data, self["tags"], [*self.edits.tags, *fields.typed(self["tags"])])
        return set()
