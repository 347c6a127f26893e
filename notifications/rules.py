"""Setting the notification rule of an assignment, and saying in one sentence what it will do."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from notifications.models import EmailTemplate, NotificationRule, Rule, RuleMember
from notifications.recipients import rule_of
from senderid.models import Assignment
from tenants import audit
from tenants.access import audience_of
from tenants.errors import DomainError, register, unreadable
from tenants.models import Assignee, Membership

MOST_EMAILS = 100


@transaction.atomic
def set_rule(
    *,
    assignment: Assignment,
    rule: str | None = None,
    fallback: str = "",
    members: list[Membership] | None = None,
    emails: list[str] | None = None,
    template: EmailTemplate | None = None,
    throttle_minutes: int = 10,
    escalate_after_minutes: int | None = None,
    escalate_to: Membership | None = None,
    mandatory: bool = False,
    hide_body: bool = False,
) -> NotificationRule:
    """Replaces the rule of an assignment; without `rule` the default of its assignee."""
    row = rule_of(assignment)
    before = _as_dict(row)
    row.rule = _read_rule(assignment, rule or row.rule)
    if fallback and fallback not in Rule.values:
        raise unreadable("notification.fallback", f"“{fallback}” is none of: {', '.join(Rule.values)}.")
    if fallback == Rule.ASSIGNED_MEMBER:
        _read_rule(assignment, fallback, "notification.fallback")
    row.fallback, row.emails = fallback, _read_emails(emails or [])
    if row.rule == Rule.SPECIFIC and not (members or row.emails):
        raise DomainError(
            "nobody_chosen", "Choose at least one person or address.", field="notification.members"
        )
    if (escalate_after_minutes is None) != (escalate_to is None):
        raise unreadable(
            "notification.escalate_to", "An escalation needs both the minutes and the person.", "required"
        )
    row.template, row.throttle_minutes = template, throttle_minutes
    row.escalate_after_minutes, row.escalate_to = escalate_after_minutes, escalate_to
    row.mandatory, row.hide_body = mandatory, hide_body
    row.save()
    chosen = RuleMember.objects.for_org(assignment.org_id)
    chosen.filter(notification_rule=row).delete()
    for member in members or []:
        chosen.get_or_create(notification_rule=row, member=member)
    after = _as_dict(row) | {"members": sorted(str(member.pk) for member in members or [])}
    audit.note(
        org_id=assignment.org_id,
        action="rule.set",
        target=assignment,
        text=sentence(assignment, row),
        changed=[name for name, value in after.items() if before[name] != value],
    )
    return row


def _as_dict(row: NotificationRule) -> dict[str, Any]:
    """Its settings, to see which ones a change touches."""
    names = ("rule", "fallback", "emails", "throttle_minutes", "escalate_after_minutes", "mandatory")
    values = {name: getattr(row, name) for name in (*names, "hide_body")}
    values |= {"template": row.template_id, "escalate_to": row.escalate_to_id}
    members = [] if row._state.adding else row.members.values_list("pk", flat=True)
    return values | {"members": sorted(map(str, members))}


def _read_rule(assignment: Assignment, rule: str, field: str = "notification.rule") -> str:
    if rule not in Rule.values:
        raise unreadable(field, f"“{rule}” is none of: {', '.join(Rule.values)}.")
    is_member = assignment.assignee.kind == Assignee.Kind.MEMBER
    if rule == Rule.ASSIGNED_MEMBER and not is_member:
        text = "“assigned_member” is for a sender of one member; choose another rule for a shared one."
        raise DomainError("rule_needs_member", text, field=field)
    return rule


def _read_emails(emails: list[str]) -> list[str]:
    found = []
    if len(emails) > MOST_EMAILS:
        text = f"At most {MOST_EMAILS} addresses: each gets an email of every text."
        raise unreadable("notification.emails", text, "too_many")
    for email in emails:
        try:
            validate_email(email)
        except ValidationError:
            raise unreadable("notification.emails", f"“{email}” is no e-mail address.")
        found.append(email.lower())
    return sorted(set(found))


SAID = {
    Rule.ASSIGNED_MEMBER: "{name} is told",
    Rule.ALL: "everyone in {name} is told",
    Rule.LAST_SENDER: "whoever texted them last is told",
    Rule.CONVERSATION_ASSIGNEE: "whoever has the conversation is told",
    Rule.CONTACT_OWNER: "the contact’s owner is told",
    Rule.SPECIFIC: "{chosen} told",
    Rule.ROUND_ROBIN: "the next of {name} in turn is told and has the conversation from then on",
    Rule.NONE: "nobody is told; it still counts as unread",
}


def sentence(assignment: Assignment, rule: NotificationRule, chosen: list[str] | None = None) -> str:
    """What will happen, spoken: shown below the form and rewritten as it changes."""
    name = assignment.assignee.name
    if chosen is None and rule.pk and not rule._state.adding:
        chosen = [m.name for m in rule.members.select_related("user")]
    named = [*(chosen or []), *rule.emails]
    people = (", ".join(named) or "the chosen people") + (" is" if len(named) == 1 else " are")
    said = f"When someone texts {assignment.sender.display}, {SAID[Rule(rule.rule)].format(name=name, chosen=people)}."
    if rule.rule == Rule.NONE:
        return said
    said += " If that person is away, their stand-in is." if rule.rule not in (Rule.SPECIFIC,) else ""
    if rule.rule not in (Rule.ALL, Rule.SPECIFIC):
        said += f" If nobody is left, {_fallback_said(rule, name)}."
    said += (
        f" After that, at most one mail per person in {rule.throttle_minutes} minutes."
        if rule.throttle_minutes
        else ""
    )
    if rule.escalate_after_minutes and rule.escalate_to:
        said += f" After {rule.escalate_after_minutes} minutes without an answer, {rule.escalate_to.name} is told too."
    return said


def _fallback_said(rule: NotificationRule, name: str) -> str:
    if rule.fallback:
        return (
            SAID[Rule(rule.fallback)]
            .format(name=name, chosen="the chosen people are")
            .replace("is told", "is", 1)
        )
    return f"whoever has the conversation is, then the contact’s owner, then all of {name}"


def audience_size(assignment: Assignment) -> int:
    """How many active members it reaches."""
    return len(audience_of(assignment.assignee))


register(
    {
        "nobody_chosen": "The rule “specific” names nobody.",
        "rule_needs_member": "This rule is for a sender assigned to one member.",
    }
)
