"""Shapes of the senderid doors."""

from typing import Any

from rest_framework import serializers

from senderid.models import Kind, Registration, SenderId
from senderid.provisioning import warnings_of
from tenants.api_base import Strict


class DelegationChangeSerializer(Strict):
    to = serializers.UUIDField(allow_null=True, required=False, help_text="nobody: absent, nobody stands in")
    start = serializers.DateTimeField(required=False)
    end = serializers.DateTimeField(required=False)
    senders = serializers.ListField(child=serializers.UUIDField(), required=False, help_text="none: all")
    reason = serializers.CharField(max_length=200, allow_blank=True, required=False)
    copy_absent = serializers.BooleanField(required=False)


class DelegationSerializer(Strict):
    id = serializers.UUIDField(read_only=True)
    # "from" is a word of Python's: see get_fields.
    to = serializers.UUIDField(allow_null=True, required=False, help_text="nobody: absent, nobody stands in")
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    senders = serializers.ListField(child=serializers.UUIDField(), required=False, help_text="none: all")
    reason = serializers.CharField(max_length=200, allow_blank=True, required=False)
    copy_absent = serializers.BooleanField(default=False)

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.UUIDField(), **super().get_fields()}


class RegistrationSerializer(Strict):
    country = serializers.CharField(read_only=True)
    status = serializers.ChoiceField(Registration.Status.choices)
    reference = serializers.CharField(max_length=80, allow_blank=True, required=False)
    expires_at = serializers.DateTimeField(allow_null=True, required=False)
    updated_at = serializers.DateTimeField(read_only=True)


class SenderChangeSerializer(Strict):
    label = serializers.CharField(max_length=80, required=False)  # type: ignore[assignment]
    status = serializers.ChoiceField(SenderId.Status.choices, required=False)
    direction = serializers.ChoiceField(SenderId.Direction.choices, required=False)
    mps = serializers.IntegerField(required=False, help_text="segments a second")
    reply_number = serializers.UUIDField(allow_null=True, required=False)
    reply_instruction = serializers.CharField(max_length=120, allow_blank=True, required=False)


class SenderSerializer(SenderChangeSerializer):
    id = serializers.UUIDField(read_only=True)
    kind = serializers.CharField(help_text=", ".join(Kind.values))
    value = serializers.CharField(max_length=40)
    country = serializers.CharField()
    provider_account = serializers.UUIDField(required=False)
    warnings = serializers.ListField(child=serializers.DictField(), read_only=True)
    created_at = serializers.DateTimeField(read_only=True)


def show_sender(row: SenderId) -> dict[str, Any]:
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
        "warnings": [{"code": code, "text": text} for code, text in warnings_of(row)],
        "created_at": row.created_at,
    }


def show_registration(row: Registration) -> dict[str, Any]:
    return {
        "country": row.country,
        "status": row.status,
        "reference": row.reference,
        "expires_at": row.expires_at,
        "updated_at": row.updated_at,
    }


class CountryRuleSerializer(serializers.Serializer):
    country = serializers.CharField()
    name = serializers.CharField()
    calling_code = serializers.CharField()
    alphanumeric = serializers.CharField()
    alphanumeric_agreement = serializers.CharField()
    long_code = serializers.CharField()
    long_code_two_way = serializers.CharField()
    short_code = serializers.CharField()
    short_code_two_way = serializers.CharField()
    toll_free = serializers.CharField()
    foreign_numeric = serializers.CharField()
    notes = serializers.CharField()
    sources = serializers.ListField(child=serializers.CharField())
    dissent = serializers.CharField()
