"""Mail wording: Liquid with an allow-list; the assignment's template, else the sender's org default, else built-in.

An unknown field is an error when a template is saved, with its name and line; saving renders it with sample data.
One that fails later is marked broken, and the built-in wording is sent instead. Values are escaped in HTML.
"""

from dataclasses import dataclass
from typing import Any

import nh3
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from messaging import rendering
from notifications.models import EmailTemplate, Notification
from tenants import audit
from tenants.errors import DomainError
from tenants.models import Organization

FIELDS = {
    "contact.name", "contact.number", "contact.first_name", "message.body", "message.received_at",
    "conversation.url", "conversation.unread_count", "sender.label", "sender.value", "recipient.name",
    "recipient.first_name", "recipient.email", "owner.name", "assignee.name", "last_sender.name", "org.name",
    "campaign.name", "program.name", "rule.reason", "preferences_url", "actor.name", "note.text",
}  # fmt: skip
SAMPLE: dict[str, Any] = {
    "contact": {"name": "Mara Okafor", "first_name": "Mara", "number": "(202) 555-0178"},
    "message": {"body": "Can we move it to Thursday instead?", "received_at": "22 Nov 2026, 10:42"},
    "conversation": {"url": "https://callsign.example/inbox/", "unread_count": 2},
    "sender": {"label": "Renewals line", "value": "(202) 555-0134"},
    "recipient": {"name": "Ben Ito", "first_name": "Ben", "email": "ben@example.com"},
    "owner": {"name": "Ben Ito"},
    "assignee": {"name": "Ben Ito"},
    "last_sender": {"name": "Ben Ito"},
    "org": {"name": "Northwind"},
    "campaign": {"name": "Spring renewals"},
    "program": {"name": "Delivery news"},
    "rule": {"reason": "they texted last"},
    "preferences_url": "https://callsign.example/",
    "actor": {"name": "Ana Brandt"},
    "note": {"text": "Please have a look."},
}
FOOT_TEXT = (
    "\n\nWhy you got this email: {{ rule.reason }}.\nReplies to this email aren’t read; answer in Callsign.\n"
    "Notification settings: {{ preferences_url }}\n"
)
FOOT_HTML = (
    '<p style="color:#667;font-size:13px">Why you got this email: {{ rule.reason }}. '
    "Replies to this email aren’t read; answer in Callsign. "
    '<a href="{{ preferences_url }}">Notification settings</a></p>'
)
BUTTON = (
    '<p><a href="{{ conversation.url }}" style="background:#1a66a8;color:#fff;padding:10px 16px;'
    'border-radius:8px;text-decoration:none">Open the conversation</a></p>'
)
QUOTE = '<blockquote style="margin:0;padding:12px 16px;background:#f2f5f8;border-radius:8px">{{ message.body }}</blockquote>'


Parts = tuple[str, str, str]
PARTS = {"subject": "Subject", "html": "HTML", "text": "Plain text"}


@dataclass(frozen=True)
class Wording:
    """Three Liquid sources."""

    subject: str
    html: str
    text: str


def _wording(subject: str, line: str, *, quote: bool = True) -> Wording:
    text = (
        f"{line}\n\n" + ("“{{ message.body }}”\n\n" if quote else "") + "{{ conversation.url }}" + FOOT_TEXT
    )
    html = f"<p>{line}</p>" + (QUOTE if quote else "") + BUTTON + FOOT_HTML
    return Wording(subject, html, text)


Kind = EmailTemplate.Kind
BUILT_IN: dict[str, Wording] = {
    Kind.NEW_MESSAGE: _wording(
        "New text from {{ contact.name }}",
        "{{ contact.name }} ({{ contact.number }}) texted {{ sender.label }} ({{ sender.value }}):",
    ),
    Kind.ASSIGNED: _wording(
        "{{ contact.name }} is yours now",
        "{{ actor.name }} assigned you the conversation with {{ contact.name }}.",
        quote=False,
    ),
    Kind.MENTIONED: _wording(
        "{{ actor.name }} mentioned you",
        "{{ actor.name }} wrote about {{ contact.name }}: {{ note.text }}",
        quote=False,
    ),
    Kind.ESCALATION: _wording(
        "{{ contact.name }} still waits for an answer",
        "Nobody has answered {{ contact.name }} ({{ contact.number }}) on {{ sender.label }} yet:",
    ),
    Kind.CAMPAIGN_FINISHED: _wording(
        "{{ campaign.name }} is done", "Your campaign {{ campaign.name }} has been sent.", quote=False
    ),
    Kind.TEMPLATE_BROKEN: Wording(
        "An email template can’t be used",
        "<p>{{ note.text }}</p>" + FOOT_HTML,
        "{{ note.text }}" + FOOT_TEXT,
    ),
}


def template_for(notification: Notification) -> EmailTemplate | None:
    """The customer's template for this mail: the assignment's, else the org's default of this kind."""
    template = notification.template
    if template is None or template.kind != notification.kind:
        rows = EmailTemplate.objects.for_org(notification.org_id).filter(
            kind=notification.kind, is_org_default=True
        )
        template = rows.first()
    return template


def compose_for(notification: Notification, fields: dict[str, Any]) -> tuple[Parts, EmailTemplate | None]:
    """The mail, and the template that has just been found broken, if any: its mail has the built-in wording.

    A template that takes too much is not tried again until it is saved.
    """
    template = template_for(notification)
    built_in = BUILT_IN[notification.kind]
    if template is None or template.broken_code == "template_too_costly":
        return compose(built_in, fields), None
    try:
        return compose(Wording(template.subject, template.html, template.text), fields), None
    except DomainError as error:
        if error.retryable:
            raise
        is_new = mark_broken(template, error)
    return compose(built_in, fields), template if is_new else None


def mark_broken(template: EmailTemplate, error: DomainError) -> bool:
    """Notes what failed; False when it is known already."""
    rows = EmailTemplate.objects.for_org(template.org_id).filter(
        pk=template.pk, changed_at=template.changed_at
    )
    text = f"{PARTS.get(error.field, error.field)}: {error.text}"[:300]
    is_new = rows.filter(broken_at__isnull=True).update(broken_at=timezone.now())
    rows.update(broken_code=error.code, broken_text=text)
    template.broken_code, template.broken_text = error.code, text
    return bool(is_new)


def compose(wording: Wording, fields: dict[str, Any]) -> Parts:
    """(subject, HTML, text): one line in the subject, values escaped and the HTML cleaned."""
    subject = " ".join(rendering.render(wording.subject, fields, field="subject").split())[:200]
    html = rendering.render(wording.html, fields, escapes=True, field="html")
    text = rendering.render(wording.text, fields, field="text")
    return subject, nh3.clean(html, attributes=ATTRIBUTES, url_schemes=SCHEMES), text


SCHEMES = {"http", "https", "mailto"}
ATTRIBUTES = {**{tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()}, "*": {"style"}}


@transaction.atomic
def save_template(
    *,
    org: Organization,
    kind: str,
    name: str,
    subject: str,
    html: str,
    text: str,
    is_org_default: bool = False,
    template: EmailTemplate | None = None,
) -> EmailTemplate:
    """Checks each part and saves; 400 `unknown_merge_field` names the field and its line."""
    if kind not in Kind.values:
        raise DomainError(
            "invalid", f"“{kind}” is no kind; there are: {', '.join(Kind.values)}.", field="kind", status=400
        )
    for field, source in (("name", name), ("subject", subject), ("html", html), ("text", text)):
        if not source.strip():
            raise DomainError("required", "This part is empty; write it.", field=field, status=400)
    preview(subject=subject, html=html, text=text)
    template = template or EmailTemplate(org=org)
    others = EmailTemplate.objects.for_org(org).exclude(pk=template.pk)
    if others.filter(kind=kind, name=name.strip()).exists():
        raise DomainError(
            "duplicate", f"There is a template “{name.strip()}” of this kind already.", field="name"
        )
    if is_org_default:
        _end_default(others.filter(kind=kind, is_org_default=True))
    values: dict[str, Any] = {
        "kind": kind,
        "name": name.strip(),
        "subject": subject,
        "html": html,
        "text": text,
    }
    values["is_org_default"] = is_org_default
    changed = audit.differing(template, values)
    for field, value in values.items():
        setattr(template, field, value)
    template.broken_at, template.broken_code, template.broken_text = None, "", ""
    template.save()
    audit.note(
        org_id=org.pk,
        action="template.saved",
        target=template,
        text=f"E-mail template {template.name} saved",
        changed=changed,
    )
    return template


def _end_default(rows: QuerySet[EmailTemplate]) -> None:
    for row in rows:
        row.is_org_default = False
        row.save(update_fields=["is_org_default"])
        text = f"E-mail template {row.name} is no longer the default"
        audit.note(
            org_id=row.org_id, action="template.saved", target=row, text=text, changed=["is_org_default"]
        )


def delete_template(*, template: EmailTemplate) -> None:
    """Deletes it; its mails have the default wording from the next one on."""
    text = f"E-mail template {template.name} deleted"
    audit.note(org_id=template.org_id, action="template.deleted", target=template, text=text)
    template.delete()


def preview(*, subject: str, html: str, text: str) -> Parts:
    """With sample data; saving and the test email refuse by this, too."""
    for field, source in (("subject", subject), ("html", html), ("text", text)):
        rendering.check(source, FIELDS, field=field)
    return compose(Wording(subject, html, text), SAMPLE)
