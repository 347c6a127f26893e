"""REST: /conversations, its messages, and answering in it."""

from typing import Any

from django.db.models import Prefetch
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from messaging import conversations, folders, possible_opt_outs, sending
from messaging.api.fields import BodyField
from messaging.api.messages import MessageSerializer, show_message, show_messages
from messaging.contacts import clean_tags
from messaging.failover import successor_of
from messaging.models import Conversation, Message, PossibleOptOut
from messaging.planning import Request as TextRequest
from senderid.models import SenderId
from tenants.api_base import OrgViewSet, Strict, always, pick, pick_reference
from tenants.api_policy import CursorPages
from tenants.errors import NotFound
from tenants.idempotency import json_response
from tenants.models import Membership
from tenants.rest import fields
from tenants.rest.filters import Filter, FlagFilter, IdFilter, choice


class ConversationChangeSerializer(Strict):
    status = fields.ChoiceField(Conversation.Status.choices, required=False)
    assignee = fields.UUIDField(allow_null=True, required=False)
    snoozed_until = fields.DateTimeField(allow_null=True, required=False)
    tags = fields.ListField(child=fields.CharField(max_length=40), required=False, max_length=50)
    possible_opt_out_decision = fields.ChoiceField(
        ["opted_out", "dismissed", "undo"],
        required=False,
        write_only=True,
        help_text="decides whether the contact’s words were an opt-out, or takes the decision back",
    )


class ConversationSerializer(ConversationChangeSerializer):
    id = fields.UUIDField(read_only=True)
    sender_id = fields.UUIDField(read_only=True)
    contact = fields.DictField(read_only=True)
    unread = fields.BooleanField(read_only=True)
    unread_count = fields.IntegerField(read_only=True)
    waiting_since = fields.DateTimeField(read_only=True, allow_null=True)
    possible_opt_out = fields.DictField(
        read_only=True,
        allow_null=True,
        help_text="{words, language, at} of a wish to stop that waits for a decision",
    )
    last_message = fields.DictField(read_only=True, allow_null=True)
    campaign = fields.UUIDField(read_only=True, allow_null=True)
    program = fields.UUIDField(read_only=True, allow_null=True)


class ChangedConversationSerializer(ConversationSerializer):
    """The answer of PATCH: `warnings` [{code, text}] says when the new assignee can't reply from its sender."""

    warnings = fields.ListField(child=fields.DictField(), read_only=True)


class AnswerSerializer(Strict):
    body = BodyField(max_length=100_000)
    as_member = fields.UUIDField(allow_null=True, required=False)
    send_at = fields.DateTimeField(allow_null=True, required=False)
    client_ref = fields.CharField(max_length=100, allow_blank=True, required=False)


def show_conversation(row: Any) -> dict[str, Any]:
    last = row.last_at and {"body": row.last_body, "direction": row.last_direction, "at": row.last_at}
    wish = next(iter(row.undecided_wishes), None)
    return {
        "id": row.pk,
        "sender_id": row.sender_id,
        "contact": {"id": row.contact_id, "number": row.contact.number, "name": row.contact.name},
        "status": row.status,
        "assignee": row.assignee_id,
        "unread": row.unread_count > 0,
        "unread_count": row.unread_count,
        "waiting_since": row.waiting_since,
        "snoozed_until": row.snoozed_until,
        "possible_opt_out": wish and {"words": wish.words, "language": wish.language, "at": wish.created_at},
        "last_message": last or None,
        "campaign": row.campaign_id,
        "program": row.program_id,
        "tags": row.tags,
    }


def is_simulated(sender: SenderId) -> bool:
    account = sender.provider_account
    return account is not None and account.is_simulator


class NewestFirst(CursorPages):
    ordering = ("-last_at", "-id")  # type: ignore[assignment]


class ConversationViewSet(OrgViewSet):
    """What passed between one sender and one contact. `as_member` narrows all of it to what that member may read."""

    model, noun, serializer_class = Conversation, "conversation", ConversationSerializer
    pagination_class = NewestFirst
    write_scope = "send"
    for_test_keys = {
        "messages": always,  # selection refuses senders that are not simulated
        "partial_update": lambda view: is_simulated(view.get_object().sender),
    }
    parameters = {"as_member": Filter(help_text="only what this member may read")}
    filters = {
        "folder": choice("", folders.FOLDERS),
        "status": choice("", Conversation.Status.choices),
        "unread": FlagFilter(),
        "possible_opt_out": FlagFilter(help_text="whether a wish to stop waits for a decision"),
        "assignee": IdFilter(),
        "sender_id": IdFilter(),
        "contact": IdFilter(),
        "campaign": IdFilter(),
        "program": IdFilter(),
        "tag": Filter(),
        "q": Filter(help_text="in names, numbers and the last text"),
    }
    lists = ("list", "messages")

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Conversation.unscoped.none()
        member = self.member(self.asked.get("as_member"))
        rows = conversations.readable_by(member) if member else Conversation.objects.for_org(self.org)
        rows = conversations.with_unread(rows, member)
        undecided = PossibleOptOut.objects.for_org(self.org).filter(decided_at__isnull=True)
        wishes = Prefetch("possible_opt_outs", undecided, to_attr="undecided_wishes")
        rows = rows.prefetch_related(wishes)
        return rows.select_related("contact", "sender__provider_account", "campaign", "program")

    def get_object(self) -> Any:
        """For a conversation that was merged into another when its only message changed senders: that one."""
        try:
            return super().get_object()
        except NotFound:
            now = successor_of(org_id=self.org.pk, conversation_id=self.kwargs["pk"])
            if now is None:
                raise
            return pick(self.get_queryset(), now, self.noun)

    def filter_queryset(self, rows: Any) -> Any:
        given = self.asked
        if folder := given.get("folder"):
            rows = folders.in_folder(rows, folder, self.member(given.get("as_member")))
        if "unread" in given:
            rows = rows.filter(unread_count__gt=0) if given["unread"] else rows.filter(unread_count=0)
        if "possible_opt_out" in given:
            undecided = folders.possible_opt_outs(rows)
            rows = undecided if given["possible_opt_out"] else rows.exclude(pk__in=undecided.values("pk"))
        names = ("status", "assignee", "contact", "campaign", "program", "tag", "q")
        wanted = {name: given.get(name) for name in names} | {"sender": given.get("sender_id")}
        return folders.narrowed(rows, wanted, country=self.org.country)

    def show(self, row: Conversation) -> Any:
        return show_conversation(row)

    @extend_schema(request=ConversationChangeSerializer, responses=ChangedConversationSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        row, given = self.get_object(), self.read_input(ConversationChangeSerializer)
        by, warning = self.member(self.asked.get("as_member")), ""
        if "assignee" in given:
            members = Membership.objects.for_org(self.org).select_related("user")
            to = (
                pick_reference(members, given["assignee"], "member", "assignee")
                if given["assignee"]
                else None
            )
            warning = conversations.assign_conversation(conversation=row, to=to, by=by, must_reply=False)
        until = given.get("snoozed_until")
        if "status" in given or until:
            wanted = given.get("status", Conversation.Status.SNOOZED)
            conversations.set_status(conversation=row, status=wanted, snoozed_until=until, by=by)
        if "tags" in given:
            conversations.set_tags(conversation=row, tags=clean_tags(given["tags"]))
        if decision := given.get("possible_opt_out_decision"):
            if decision == "undo":
                possible_opt_outs.undo(conversation=row, by=by)
            else:
                possible_opt_outs.decide(conversation=row, decision=decision, by=by)
        warnings = [{"code": "assignee_cannot_reply", "text": warning}] if warning else []
        return Response(self.show(pick(self.get_queryset(), pk, self.noun)) | {"warnings": warnings})

    @extend_schema(methods=["POST"], request=AnswerSerializer, responses={202: MessageSerializer})
    @extend_schema(methods=["GET"], responses=MessageSerializer(many=True))
    @action(
        detail=True, methods=["get", "post"], pagination_class=CursorPages, serializer_class=MessageSerializer
    )
    def messages(self, request: Request, pk: str) -> Response | HttpResponse:
        """The texts of a conversation, newest first; POST answers on its own sender."""
        conversation = self.get_object()
        if request.method == "POST":
            return self._answer(request, conversation)
        rows = Message.objects.for_org(self.org).filter(
            sender=conversation.sender, contact=conversation.contact
        )
        page = self.paginate_queryset(rows.select_related("contact"))
        return self.get_paginated_response(show_messages(page or []))

    def _answer(self, request: Request, conversation: Conversation) -> HttpResponse:
        given = self.read_input(AnswerSerializer)
        member = self.member(given.get("as_member"))
        if member is not None:
            pick(conversations.readable_by(member), conversation.pk, "conversation")
        text = TextRequest(
            org=self.org,
            to=conversation.contact.number,
            body=given["body"],
            as_member=member,
            conversation=conversation,
            may_answer=bool(member and conversations.may_answer(member=member, conversation=conversation)),
            send_at=given.get("send_at"),
            sandbox=self.key.sandbox,
        )
        row = sending.queue_message(request=text, api_key=self.key, client_ref=given.get("client_ref", ""))
        return json_response(show_message(row), status.HTTP_202_ACCEPTED)
