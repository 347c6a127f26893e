"""REST: /campaigns and /programs."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from messaging import campaigns, programs
from messaging.api.fields import BodyField
from messaging.api.messages import only_simulated
from messaging.campaign_figures import progress, progress_of
from messaging.campaign_report import REPORTED
from messaging.campaign_report import report as pre_send_report
from messaging.models import Campaign, Program, Subscription
from messaging.setup_warnings import warnings_of_campaign, warnings_of_program
from senderid.models import SenderId
from tenants.api_base import OrgViewSet, Strict, always, pick_reference
from tenants.models import Membership
from tenants.rest import fields
from tenants.rest.filters import IdFilter, choice
from tenants.scoping import count_of


class AudienceSerializer(Strict):
    """Lists, contacts and tags that exist; what does not is refused by name."""

    lists = fields.ListField(child=fields.UUIDField(), required=False, max_length=1000)
    tags = fields.ListField(child=fields.CharField(max_length=40), required=False, max_length=100)
    contacts = fields.ListField(child=fields.UUIDField(), required=False, max_length=100_000)
    exclude = fields.ListField(
        child=fields.CharField(max_length=40),
        required=False,
        max_length=1000,
        help_text="ids of lists and contacts, and tags",
    )


class CampaignSerializer(Strict):
    id = fields.UUIDField(read_only=True)
    name = fields.CharField(max_length=120)
    body = BodyField(max_length=20_000)
    audience = AudienceSerializer()
    sender_mode = fields.ChoiceField(Campaign.SenderMode.choices, default=Campaign.SenderMode.DEDICATED)
    fallback_sender_id = fields.UUIDField(allow_null=True, required=False)
    category = fields.ChoiceField(Campaign.Category.choices, default=Campaign.Category.PROMOTIONAL)
    wants_reply = fields.BooleanField(default=False)
    send_at = fields.DateTimeField(allow_null=True, required=False)
    owner = fields.UUIDField(allow_null=True, required=False)
    status = fields.CharField(read_only=True)
    counts = fields.DictField(read_only=True)
    skipped_by = fields.DictField(read_only=True)
    warnings = fields.ListField(child=fields.DictField(), read_only=True, help_text="when it is saved")
    created_at = fields.DateTimeField(read_only=True)


class ReportSerializer(serializers.Serializer):
    total = fields.IntegerField()
    will_be_sent = fields.IntegerField()
    opted_out = fields.IntegerField(help_text="including those who may have opted out")
    no_consent = fields.IntegerField()
    blocked_country = fields.IntegerField()
    invalid = fields.IntegerField()
    duplicate = fields.IntegerField()
    no_eligible_sender = fields.IntegerField()
    deferred = fields.IntegerField()
    segments = fields.IntegerField()
    cost = fields.DecimalField(max_digits=12, decimal_places=4, allow_null=True)
    finishes_at = fields.DateTimeField(allow_null=True)


class CampaignViewSet(OrgViewSet):
    """One text to many contacts. Its dedicated sender comes by an assignment."""

    model, noun, serializer_class = Campaign, "campaign", CampaignSerializer
    filters = {
        "status": choice("status", Campaign.Status.choices),
        "owner": IdFilter("owner"),
        "sender_mode": choice("sender_mode", Campaign.SenderMode.choices),
        "category": choice("category", Campaign.Category.choices),
    }
    write_scope = "send"
    # Their senders are chosen later: only where all of them are simulated.
    for_test_keys = {"report": always} | dict.fromkeys(
        ("create", "partial_update", "destroy", "start", "pause", "resume", "cancel"), only_simulated
    )

    def get_queryset(self) -> Any:
        return super().get_queryset().select_related("org", "fallback_sender", "owner")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        figures = progress_of(page)
        return self.get_paginated_response([self._shown(row, figures[row.pk]) for row in page])

    def show(self, row: Campaign) -> Any:
        return self._shown(row, progress(row))

    def _shown(self, row: Campaign, figures: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": row.pk,
            "name": row.name,
            "body": row.body,
            "audience": row.audience,
            "sender_mode": row.sender_mode,
            "fallback_sender_id": row.fallback_sender_id,
            "category": row.category,
            "wants_reply": row.wants_reply,
            "send_at": row.send_at,
            "owner": row.owner_id,
            "status": row.status,
            "created_at": row.created_at,
            **figures,
        }

    def create(self, request: Request) -> Response:
        row = campaigns.save_campaign(org=self.org, **self._read(self.read_input()))
        return Response(_warned(self.show(row), warnings_of_campaign(row)), status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: str) -> Response:
        row = self.get_object()
        kept = {name: getattr(row, name) for name in ("name", "body", "audience", "sender_mode", "fallback_sender",
                                                      "category", "wants_reply", "send_at", "owner")}  # fmt: skip
        sent = set(request.data) if isinstance(request.data, dict) else set()
        given = {name: value for name, value in self.read_input(partial=True).items() if name in sent}
        campaigns.save_campaign(org=self.org, campaign=row, **{**kept, **self._read(given)})
        return Response(_warned(self.show(row), warnings_of_campaign(row)))

    def destroy(self, request: Request, pk: str) -> Response:
        campaigns.delete_draft(campaign=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=ReportSerializer)
    @action(detail=True, methods=["post"])
    def report(self, request: Request, pk: str) -> Response:
        """What starting it would do, without doing it."""
        found = pre_send_report(self.get_object())
        return Response({name: found[name] for name in REPORTED})

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """Freezes the audience and sends now, or at `send_at`."""
        return Response(self.show(campaigns.start(campaign=self.get_object())))

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Nothing more leaves until it is resumed."""
        return Response(self.show(campaigns.pause(campaign=self.get_object())))

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Goes on where it stood."""
        return Response(self.show(campaigns.resume(campaign=self.get_object())))

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Ends it; texts that have not left are cancelled."""
        return Response(self.show(campaigns.cancel(campaign=self.get_object())))

    def _read(self, given: dict[str, Any]) -> dict[str, Any]:
        if "audience" in given:
            given["audience"] = {part: [str(one) for one in ids] for part, ids in given["audience"].items()}
        if "fallback_sender_id" in given:
            pk, senders = given.pop("fallback_sender_id"), SenderId.objects.for_org(self.org)
            given["fallback_sender"] = (
                pick_reference(senders, pk, "sender", "fallback_sender_id") if pk else None
            )
        if given.get("owner"):
            given["owner"] = pick_reference(
                Membership.objects.for_org(self.org), given["owner"], "member", "owner"
            )
        return given


def _warned(shown: dict[str, Any], warnings: list[tuple[str, str]]) -> dict[str, Any]:
    """A saved one also says what an admin should know of it."""
    return {**shown, "warnings": [{"code": code, "text": text} for code, text in warnings]}


class KeywordSerializer(Strict):
    word = fields.CharField(max_length=40)
    language = fields.CharField(max_length=8, default="en")


class TextsSerializer(Strict):
    welcome = BodyField(max_length=1600, allow_blank=True, required=False)
    confirm = BodyField(max_length=1600, allow_blank=True, required=False)
    already_joined = BodyField(max_length=1600, allow_blank=True, required=False)
    help = BodyField(max_length=1600, allow_blank=True, required=False)  # type: ignore[assignment]
    stop = BodyField(max_length=1600, allow_blank=True, required=False)
    auto_reply = BodyField(max_length=1600, allow_blank=True, required=False)


class ProgramSerializer(Strict):
    id = fields.UUIDField(read_only=True)
    name = fields.CharField(max_length=120)
    keywords = fields.ListField(child=KeywordSerializer(), required=False, max_length=programs.MOST_KEYWORDS)
    opt_in = fields.ChoiceField(Program.OptIn.choices, default=Program.OptIn.SINGLE)
    mode = fields.ChoiceField(Program.Mode.choices, default=Program.Mode.REPLY_AND_NOTIFY)
    texts = TextsSerializer(required=False)
    owner = fields.UUIDField(allow_null=True, required=False)
    subscribers = fields.IntegerField(read_only=True)
    warnings = fields.ListField(child=fields.DictField(), read_only=True, help_text="when it is saved")
    created_at = fields.DateTimeField(read_only=True)


class ProgramViewSet(OrgViewSet):
    """Standing services. Their sender comes by an assignment."""

    model, noun, serializer_class = Program, "program", ProgramSerializer
    filters = {"owner": IdFilter("owner"), "mode": choice("mode", Program.Mode.choices)}

    def get_queryset(self) -> Any:
        active = count_of(Subscription, "program", state=Subscription.State.ACTIVE)
        return super().get_queryset().annotate(subscribers=active).prefetch_related("keywords")

    def show(self, row: Any) -> Any:
        return {
            "id": row.pk,
            "name": row.name,
            "keywords": [
                {"word": k.word, "language": k.language}
                for k in sorted(row.keywords.all(), key=lambda k: (k.word, k.language))
            ],
            "opt_in": row.opt_in,
            "mode": row.mode,
            "texts": row.texts,
            "owner": row.owner_id,
            "subscribers": row.subscribers,
            "created_at": row.created_at,
        }

    def create(self, request: Request) -> Response:
        made = programs.save_program(org=self.org, **self._read(self.read_input()))
        row = self.get_queryset().get(pk=made.pk)
        return Response(_warned(self.show(row), warnings_of_program(row)), status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: str) -> Response:
        row = self.get_object()
        sent = set(request.data) if isinstance(request.data, dict) else set()
        given = {name: value for name, value in self.read_input(partial=True).items() if name in sent}
        if "texts" in given:
            given["texts"] = {**row.texts, **given["texts"]}
        kept = {"name": row.name, "opt_in": row.opt_in, "mode": row.mode}
        programs.save_program(org=self.org, program=row, **{**kept, **self._read(given)})
        fresh = self.get_queryset().get(pk=row.pk)
        return Response(_warned(self.show(fresh), warnings_of_program(fresh)))

    def destroy(self, request: Request, pk: str) -> Response:
        programs.end_program(program=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _read(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("owner"):
            given["owner"] = pick_reference(
                Membership.objects.for_org(self.org), given["owner"], "member", "owner"
            )
        return given
