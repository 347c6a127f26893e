"""Shapes of the senderid doors."""

from typing import Any

from rest_framework import serializers

from senderid.country_rules import Verdict
from senderid.models import Kind, Registration, SenderId
from senderid.provisioning import warnings_of
from tenants.api_base import Strict
from tenants.rest import fields


class DelegationChangeSerializer(Strict):
    to = fields.UUIDField(allow_null=True, required=False, help_text="nobody: absent, nobody stands in")
    start = fields.DateTimeField(required=False)
    end = fields.DateTimeField(required=False)
    senders = fields.ListField(child=fields.UUIDField(), required=False, help_text="none: all")
    reason = fields.CharField(max_length=200, allow_blank=True, required=False)
    copy_absent = fields.BooleanField(required=False)


class DelegationSerializer(Strict):
    id = fields.UUIDField(read_only=True)
    # "from" is a word of Python's: see get_fields.
    to = fields.UUIDField(allow_null=True, required=False, help_text="nobody: absent, nobody stands in")
    start = fields.DateTimeField()
    end = fields.DateTimeField()
    senders = fields.ListField(child=fields.UUIDField(), required=False, help_text="none: all")
    reason = fields.CharField(max_length=200, allow_blank=True, required=False)
    copy_absent = fields.BooleanField(default=False)

    def get_fields(self) -> dict[str, Any]:
        return {"from": fields.UUIDField(), **super().get_fields()}


class RegistrationSerializer(Strict):
    country = fields.CharField(read_only=True)
    status = fields.ChoiceField(Registration.Status.choices)
    reference = fields.CharField(max_length=80, allow_blank=True, required=False)
    expires_at = fields.DateTimeField(allow_null=True, required=False)
    updated_at = fields.DateTimeField(read_only=True)


class SenderChangeSerializer(Strict):
    label = fields.CharField(max_length=80, required=False)  # type: ignore[assignment]
    status = fields.ChoiceField(SenderId.Status.choices, required=False)
    direction = fields.ChoiceField(SenderId.Direction.choices, required=False)
    mps = fields.IntegerField(required=False, help_text="segments a second")
    reply_number = fields.UUIDField(allow_null=True, required=False)
    reply_instruction = fields.CharField(max_length=120, allow_blank=True, required=False)


class SenderSerializer(SenderChangeSerializer):
    id = fields.UUIDField(read_only=True)
    kind = fields.CharField(help_text=", ".join(Kind.values))
    value = fields.CharField(max_length=40)
    country = fields.CharField()
    provider_account = fields.UUIDField(required=False)
    warnings = fields.ListField(child=fields.DictField(), read_only=True)
    created_at = fields.DateTimeField(read_only=True)


def show_sender(row: SenderId, home: Verdict) -> dict[str, Any]:
    """`home` is its verdict in its own country."""
    return {
        "id": row.pk,
        "kind": row.kind,
        "value": row.value,
        "country": row.country,
        "label": row.label,
        "status": row.status,
        "direction": row.direction,
        "provider_account": row.provider_account_id,
        "mps": row.mps,
        "reply_number": row.reply_number_id,
        "reply_instruction": row.reply_instruction,
        "warnings": [{"code": code, "text": text} for code, text in warnings_of(row, home)],
        "created_at": row.created_at,
    }


def show_registration(row: Registration) -> dict[str, Any]:
    return {
        "country": row.country,
        "status": row.state,
        "reference": row.reference,
        "expires_at": row.expires_at,
        "updated_at": row.updated_at,
    }


class CountryRuleSerializer(serializers.Serializer):
    country = fields.CharField()
    name = fields.CharField()
    calling_code = fields.CharField()
    alphanumeric = fields.CharField()
    alphanumeric_agreement = fields.CharField()
    long_code = fields.CharField()
    long_code_two_way = fields.CharField()
    short_code = fields.CharField()
    short_code_two_way = fields.CharField()
    toll_free = fields.CharField()
    foreign_numeric = fields.CharField()
    long_code_registration = fields.CharField(
        help_text="what a long code needs there before it may send; empty: nothing"
    )
    toll_free_registration = fields.CharField(help_text="the same for a toll-free number")
    short_code_registration = fields.CharField(help_text="the same for a short code")
    notes = fields.CharField()
    sources = fields.ListField(child=fields.CharField())
    dissent = fields.CharField()
