"""REST: /assignments (with the notification rule, hence in this layer), /notifications, /email-templates."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from messaging.conversations import readable_by
from notifications import email_templates, rules
from notifications.models import EmailTemplate, Notification, Rule
from notifications.recipients import rule_of, usual_rule
from senderid import assignment as assigning
from senderid.models import Assignment, SenderId
from tenants.api_base import OrgViewSet, Strict, pick_reference
from tenants.models import Assignee, Membership
from tenants.rest import fields
from tenants.rest.filters import Filter, FlagFilter, IdFilter, choice


class RuleSerializer(Strict):
    rule = fields.ChoiceField(Rule.choices, required=False)
    fallback = fields.ChoiceField(Rule.choices, required=False, allow_blank=True, allow_null=True)
    members = fields.ListField(child=fields.UUIDField(), required=False)
    emails = fields.ListField(child=fields.EmailField(), required=False, max_length=rules.MOST_EMAILS)
    template = fields.UUIDField(allow_null=True, required=False)
    throttle_minutes = fields.IntegerField(min_value=0, max_value=10_080, required=False)
    escalate_after_minutes = fields.IntegerField(
        min_value=1, max_value=10_080, required=False, allow_null=True
    )
    escalate_to = fields.UUIDField(allow_null=True, required=False)
    mandatory = fields.BooleanField(required=False)
    hide_body = fields.BooleanField(required=False)


class AssigneeSerializer(Strict):
    kind = fields.ChoiceField(Assignee.Kind.choices)
    id = fields.CharField(max_length=40)


class AssignmentChangeSerializer(Strict):
    countries = fields.ListField(child=fields.CharField(max_length=40), required=False)
    is_default = fields.BooleanField(required=False)
    priority = fields.IntegerField(min_value=0, max_value=32_000, required=False)
    can_send = fields.BooleanField(required=False)
    can_read = fields.BooleanField(required=False)
    valid_from = fields.DateTimeField(allow_null=True, required=False)
    valid_until = fields.DateTimeField(allow_null=True, required=False)
    notification = RuleSerializer(required=False)


class AssignmentSerializer(AssignmentChangeSerializer):
    id = fields.UUIDField(read_only=True)
    sender_id = fields.UUIDField()
    assignee = AssigneeSerializer()
    warnings = fields.ListField(child=fields.DictField(), read_only=True)
    created_at = fields.DateTimeField(read_only=True)


class AssignmentViewSet(OrgViewSet):
    """Which sender is whose, and who is told of its texts."""

    model, noun, serializer_class = Assignment, "assignment", AssignmentSerializer
    filters = {
        "sender_id": IdFilter("sender"),
        "assignee": IdFilter("assignee"),
        "kind": choice("assignee__kind", Assignee.Kind.choices, "of the assignee"),
        "is_default": FlagFilter("is_default"),
    }

    def get_queryset(self) -> Any:
        rows = super().get_queryset().select_related("assignee", "sender", "notification_rule")
        return rows.prefetch_related("countries", "notification_rule__chosen")

    def hold(self) -> None:
        """Its sender first, as the rules of assigning do."""
        senders = SenderId.objects.for_org(self.org).filter(assignments=self.get_object().pk)
        list(senders.select_for_update(of=("self",)).values_list("pk"))
        super().hold()

    def show(self, row: Assignment) -> Any:
        return {
            "id": row.pk,
            "sender_id": row.sender_id,
            "assignee": {"kind": row.assignee.kind, "id": row.assignee_id},
            "countries": row.country_codes,
            "is_default": row.is_default,
            "priority": row.priority,
            "can_send": row.can_send,
            "can_read": row.can_read,
            "valid_from": row.valid_from,
            "valid_until": row.valid_until,
            "notification": _show_rule(row),
            "created_at": row.created_at,
        }

    def _saved(self, row: Assignment) -> dict[str, Any]:
        """A saved one also says what an admin should know of it."""
        fresh = self._fresh(row)
        warnings = [{"code": code, "text": text} for code, text in assigning.warnings_of(fresh)]
        return {**self.show(fresh), "warnings": warnings}

    @transaction.atomic
    def create(self, request: Request) -> Response:
        given = self.read_input()
        told = given.pop("notification", {})
        senders = SenderId.objects.for_org(self.org)
        sender = pick_reference(senders, given.pop("sender_id"), "sender", "sender_id")
        wanted = given.pop("assignee")
        assignee = assigning.assignee_named(org_id=self.org.pk, kind=wanted["kind"], given=wanted["id"])
        row = assigning.assign(sender=sender, assignee=assignee, **given)
        rules.set_rule(assignment=row, **self._rule(told))
        return Response(self._saved(row), status=status.HTTP_201_CREATED)

    @extend_schema(request=AssignmentChangeSerializer)
    @transaction.atomic
    def partial_update(self, request: Request, pk: str) -> Response:
        row, given = self.get_object(), self.read_input(AssignmentChangeSerializer)
        told = given.pop("notification", None)
        if given:
            assigning.change_assignment(assignment=row, **given)
        if told is not None:
            rules.set_rule(assignment=row, **{**_kept(row), **self._rule(told)})
        return Response(self._saved(row))

    def destroy(self, request: Request, pk: str) -> Response:
        assigning.end_assignment(assignment=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _fresh(self, row: Assignment) -> Assignment:
        return AssignmentViewSet.get_queryset(self).get(pk=row.pk)

    def _rule(self, given: dict[str, Any]) -> dict[str, Any]:
        members = Membership.objects.for_org(self.org).select_related("user")
        if "fallback" in given:
            given["fallback"] = given["fallback"] or ""
        if "members" in given:
            field = "notification.members"
            given["members"] = [pick_reference(members, pk, "member", field) for pk in given["members"]]
        if given.get("escalate_to"):
            field = "notification.escalate_to"
            given["escalate_to"] = pick_reference(members, given["escalate_to"], "member", field)
        if given.get("template"):
            templates = EmailTemplate.objects.for_org(self.org)
            given["template"] = pick_reference(
                templates, given["template"], "template", "notification.template"
            )
        return given


def _kept(row: Assignment) -> dict[str, Any]:
    """The rule as it stands, so that a PATCH changes only what it names."""
    rule = rule_of(row)
    names = ("rule", "fallback", "emails", "template", "throttle_minutes", "escalate_after_minutes", "escalate_to",
             "mandatory", "hide_body")  # fmt: skip
    members = [] if rule._state.adding else list(rule.members.select_related("user"))
    return {name: getattr(rule, name) for name in names} | {"members": members}


def _show_rule(row: Assignment) -> dict[str, Any]:
    """Of a row with its `notification_rule`: a list asks no statement for each."""
    rule: Any = getattr(row, "notification_rule", None) or usual_rule(row)
    return {
        "rule": rule.rule,
        "fallback": rule.fallback or None,
        "members": [] if rule._state.adding else sorted(chosen.member_id for chosen in rule.chosen.all()),
        "emails": rule.emails,
        "template": rule.template_id,
        "throttle_minutes": rule.throttle_minutes,
        "escalate_after_minutes": rule.escalate_after_minutes,
        "escalate_to": rule.escalate_to_id,
        "mandatory": rule.mandatory,
        "hide_body": rule.hide_body,
    }


class NotificationSerializer(serializers.Serializer):
    id = fields.UUIDField()
    kind = fields.CharField(help_text=", ".join(EmailTemplate.Kind.values))
    message = fields.UUIDField(allow_null=True)
    conversation = fields.UUIDField(allow_null=True)
    member = fields.UUIDField(allow_null=True)
    email = fields.CharField()
    rule = fields.CharField()
    reason = fields.CharField()
    outcome = fields.ChoiceField(Notification.Outcome.choices)
    created_at = fields.DateTimeField()
    sent_at = fields.DateTimeField(allow_null=True)


class NotificationViewSet(OrgViewSet):
    """The why-log: who was, and was not, told of what, and why."""

    model, noun, serializer_class = Notification, "notification", NotificationSerializer
    http_method_names = ["get", "head", "options"]
    parameters = {"as_member": Filter(help_text="only what this member may read")}
    filters = {
        "message": IdFilter("message"),
        "conversation": IdFilter("conversation"),
        "member": IdFilter("member"),
        "kind": choice("kind", EmailTemplate.Kind.choices),
        "rule": choice("rule", Rule.choices),
        "outcome": choice("outcome", Notification.Outcome.choices),
    }

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows
        if member := self.member(self.asked.get("as_member")):
            rows = rows.filter(conversation__in=readable_by(member))
        return rows

    def show(self, row: Notification) -> Any:
        return {
            "id": row.pk,
            "kind": row.kind,
            "message": row.message_id,
            "conversation": row.conversation_id,
            "member": row.member_id,
            "email": row.email,
            "rule": row.rule,
            "reason": row.reason,
            "outcome": row.outcome,
            "created_at": row.created_at,
            "sent_at": row.sent_at,
        }


class TemplateSerializer(Strict):
    id = fields.UUIDField(read_only=True)
    kind = fields.ChoiceField(EmailTemplate.Kind.choices)
    name = fields.CharField(max_length=80)
    # Untrimmed, so that the line an error names is the line as it was sent.
    subject = fields.CharField(max_length=300, trim_whitespace=False)
    html = fields.CharField(max_length=50_000, trim_whitespace=False)
    text = fields.CharField(max_length=50_000, trim_whitespace=False)
    is_org_default = fields.BooleanField(default=False)
    broken_at = fields.DateTimeField(
        read_only=True,
        help_text="since when it can’t be used and the default wording is sent; null: it works",
    )
    broken_text = fields.CharField(read_only=True, help_text="why")


TEMPLATE_READ_ONLY = ("id", "broken_at", "broken_text")


class TemplateViewSet(OrgViewSet):
    """Wording of mails, in Liquid."""

    model, noun, serializer_class = EmailTemplate, "template", TemplateSerializer
    filters = {"kind": choice("kind", EmailTemplate.Kind.choices)}

    def show(self, row: EmailTemplate) -> Any:
        return {str(name): getattr(row, str(name)) for name in TemplateSerializer().fields}

    def create(self, request: Request) -> Response:
        row = email_templates.save_template(org=self.org, **self.read_input())
        return Response(self.show(row), status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: str) -> Response:
        row = self.get_object()
        kept: dict[str, Any] = {k: v for k, v in self.show(row).items() if k not in TEMPLATE_READ_ONLY}
        sent = set(request.data) if isinstance(request.data, dict) else set()
        given = {name: value for name, value in self.read_input(partial=True).items() if name in sent}
        return Response(
            self.show(email_templates.save_template(org=self.org, template=row, **{**kept, **given}))
        )

    def destroy(self, request: Request, pk: str) -> Response:
        email_templates.delete_template(template=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)


ROUTES = [
    ("assignments", AssignmentViewSet),
    ("notifications", NotificationViewSet),
    ("email-templates", TemplateViewSet),
]
