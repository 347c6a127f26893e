"""REST: /messages and /messages/preview."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from messaging import sending
from messaging.api.fields import BodyField
from messaging.api.media import MediaSerializer, show_media
from messaging.media.files import media_of
from messaging.models import Campaign, Message, MessageMedia, Program, Reaction
from messaging.planning import Request as TextRequest
from messaging.planning import plan_text
from messaging.reactions import given_by, reactions_on
from messaging.receipt_history import Receipt, receipts_of
from messaging.statuses import Status
from senderid.api.filters import NumberFilter
from senderid.models import ProviderAccount, SenderId
from senderid.phone_numbers import parse
from tenants.api_base import OrgViewSet, Strict, always, pick_reference, test_key_refused
from tenants.idempotency import json_response
from tenants.rest import fields
from tenants.rest.filters import Filter, IdFilter, choice


class SendSerializer(Strict):
    to = fields.CharField(max_length=40)
    body = BodyField(max_length=100_000, help_text="1 to 1,600 characters")
    as_member = fields.UUIDField(allow_null=True, required=False)
    campaign = fields.UUIDField(allow_null=True, required=False)
    program = fields.UUIDField(allow_null=True, required=False)
    wants_reply = fields.BooleanField(default=False)
    send_at = fields.DateTimeField(allow_null=True, required=False)
    client_ref = fields.CharField(max_length=100, allow_blank=True, required=False)
    metadata = fields.ObjectField(required=False)

    def get_fields(self) -> dict[str, Any]:
        named = fields.CharField(required=False, allow_null=True, help_text="a sender: its id or its value")
        return {**super().get_fields(), "from": named}


class CancelSerializer(Strict):
    status = fields.ChoiceField(["cancelled"])


class ReasonSerializer(serializers.Serializer):
    rule = fields.CharField()
    text = fields.CharField()


class ReceiptSerializer(serializers.Serializer):
    """A delivery receipt as it came: the provider's own status and error code ("" for none), and both in words."""

    at = fields.DateTimeField()
    status = fields.CharField()
    code = fields.CharField()
    text = fields.CharField()


class MessageSerializer(serializers.Serializer):
    id = fields.UUIDField()
    status = fields.CharField()
    direction = fields.ChoiceField(Message.Direction.choices)
    to = fields.CharField()
    sender_id = fields.UUIDField()
    sender_reason = ReasonSerializer()
    country = fields.CharField()
    body = fields.CharField()
    segments = fields.IntegerField()
    encoding = fields.ChoiceField(["GSM-7", "UCS-2"])
    client_ref = fields.CharField()
    metadata = fields.DictField()
    send_at = fields.DateTimeField(allow_null=True)
    created_at = fields.DateTimeField()
    error_code = fields.CharField(allow_null=True)
    error_text = fields.CharField(allow_null=True)
    conversation = fields.UUIDField(allow_null=True)
    contact = fields.DictField()
    campaign = fields.UUIDField(allow_null=True)
    program = fields.UUIDField(allow_null=True)
    receipts = ReceiptSerializer(many=True)
    media = MediaSerializer(many=True)
    reaction = fields.DictField(
        allow_null=True, help_text="{emoji, to, is_removed} of a text that is a reaction to the message `to`"
    )
    reactions = fields.ListField(
        child=fields.DictField(), help_text="[{emoji, message}]: what the contact reacted with to this one"
    )

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": fields.CharField()}


class PreviewSerializer(serializers.Serializer):
    sender = fields.DictField(allow_null=True)
    sender_reason = ReasonSerializer()
    rejected = fields.ListField(child=fields.DictField())
    segments = fields.IntegerField()
    encoding = fields.ChoiceField(["GSM-7", "UCS-2"])
    warnings = fields.ListField(child=fields.DictField())
    would_send_at = fields.DateTimeField()


def show_messages(rows: Sequence[Message]) -> list[dict[str, Any]]:
    """The same for rows of one organization, with what else belongs to them: one query for all of a kind."""
    receipts, media = receipts_of(rows), media_of(rows)
    given, on = given_by(rows), reactions_on(rows)
    return [
        show_message(row, receipts=receipts.get(row.pk, ()), media=media.get(row.pk, ()))
        | {"reaction": _show_reaction(given.get(row.pk)), "reactions": _show_on(on.get(row.pk))}
        for row in rows
    ]


def _show_reaction(reaction: Reaction | None) -> dict[str, Any] | None:
    if reaction is None:
        return None
    return {"emoji": reaction.emoji, "to": reaction.target_id, "is_removed": reaction.is_removed}


def _show_on(reaction: Reaction | None) -> list[dict[str, Any]]:
    return [{"emoji": reaction.emoji, "message": reaction.message_id}] if reaction else []


def show_message(
    row: Message, *, receipts: Sequence[Receipt] = (), media: Sequence[MessageMedia] = ()
) -> dict[str, Any]:
    """A new message has no receipts, no media and no reactions."""
    return {
        "id": row.pk,
        "status": row.status,
        "direction": row.direction,
        "to": row.to,
        "from": row.from_value,
        "sender_id": row.sender_id,
        "sender_reason": {"rule": row.rule, "text": row.rule_text},
        "country": row.country,
        "body": row.body,
        "segments": row.segments,
        "encoding": row.encoding,
        "client_ref": row.client_ref,
        "metadata": row.metadata,
        "send_at": row.send_at,
        "created_at": row.created_at,
        "error_code": row.error_code or None,
        "error_text": row.error_text or None,
        "conversation": row.conversation_id,
        "contact": {"id": row.contact_id, "number": row.contact.number, "name": row.contact.name},
        "campaign": row.campaign_id,
        "program": row.program_id,
        "sent_by": row.sent_by_id,
        "on_behalf_of": row.on_behalf_of_id,
        "receipts": [asdict(receipt) for receipt in receipts],
        "media": [show_media(one) for one in media],
        "reaction": None,
        "reactions": [],
    }


def only_simulated(view: Any) -> bool:
    """Whether the organization has the simulator alone: then no campaign of it can reach a carrier."""
    return not ProviderAccount.objects.for_org(view.org).filter(is_simulator=False).exists()


FILTERS = {
    "status": choice("status", Status.choices),
    "direction": choice("direction", Message.Direction.choices),
    "campaign": IdFilter("campaign"),
    "program": IdFilter("program"),
    "sender_id": IdFilter("sender"),
    "contact": IdFilter("contact"),
    "conversation": IdFilter("conversation"),
    "client_ref": Filter("client_ref"),
    "to": NumberFilter("to", codes=True),
}


class MessageViewSet(OrgViewSet):
    """Texts, out and in. POST answers 202: the text is queued and can't be lost from then on."""

    model, noun, serializer_class = Message, "message", MessageSerializer
    filters = FILTERS
    write_scope = "send"
    scopes_by_action = {"preview": "read"}
    for_test_keys = {
        "create": always,
        "preview": always,
        "partial_update": lambda view: view.get_object().account.is_simulator,
    }

    def get_queryset(self) -> Any:
        return super().get_queryset().select_related("contact")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(show_messages(page or []))

    def show(self, row: Message) -> Any:
        return show_messages([row])[0]

    @extend_schema(request=SendSerializer, responses={202: MessageSerializer})
    def create(self, request: Request) -> HttpResponse:
        given = self.read_input(SendSerializer)
        message = sending.queue_inside(
            request=self._text(given),
            api_key=self.key,
            client_ref=given.get("client_ref", ""),
            metadata=given.get("metadata"),
        )
        return json_response(show_message(message), status.HTTP_202_ACCEPTED)

    @extend_schema(request=SendSerializer, responses={200: PreviewSerializer})
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """Who would speak and why, without sending."""
        return Response(plan_text(request=self._text(self.read_input(SendSerializer))).shown())

    @extend_schema(request=CancelSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Cancels a text that has not left."""
        given = self.read_input(CancelSerializer)
        assert given["status"] == "cancelled"
        return Response(self.show(sending.cancel(message=self.get_object())))

    def _text(self, given: dict[str, Any]) -> TextRequest:
        return TextRequest(
            org=self.org,
            to=given["to"],
            body=given["body"],
            as_member=self.member(given.get("as_member")),
            named=named_sender(self.org, given["from"]) if given.get("from") else None,
            campaign=self._named(Campaign, given, "campaign"),
            program=self._named(Program, given, "program"),
            wants_reply=given["wants_reply"],
            send_at=given.get("send_at"),
            sandbox=self.key.sandbox,
        )

    def _named(self, model: Any, given: dict[str, Any], field: str) -> Any:
        """The campaign or program that is named, if any; no query is built otherwise.

        A contact gets a campaign's text once, so a test key would take it from the live campaign.
        """
        if not given.get(field):
            return None
        if field == "campaign" and self.key.sandbox and not only_simulated(self):
            raise test_key_refused(field)
        return pick_reference(model.objects.for_org(self.org), given[field], field, field)


def named_sender(org: Any, given: str) -> SenderId:
    """A sender by its id or its value; 400 that names `from` otherwise."""
    rows = SenderId.objects.for_org(org).select_related("provider_account")
    number = parse(given, org.country, line=True)
    values = [given, number.e164] if number else [given]
    by_value = rows.filter(value__in=values).exclude(status=SenderId.Status.RETIRED).first()
    return by_value or pick_reference(rows, given, "sender of yours", "from")
