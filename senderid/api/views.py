"""REST: /sender-ids (+ registrations), /delegations, /country-rules."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from senderid import delegated, provisioning, registration
from senderid.api.filters import NumberFilter
from senderid.api.serializers import (
    CountryRuleSerializer,
    DelegationChangeSerializer,
    DelegationSerializer,
    RegistrationSerializer,
    SenderChangeSerializer,
    SenderSerializer,
    show_registration,
    show_sender,
)
from senderid.country_rules import home_verdicts
from senderid.models import CountryRule, Kind, ProviderAccount, SenderId
from tenants import delegation
from tenants.api_base import OrgViewSet, pick, pick_reference
from tenants.api_policy import CursorPages
from tenants.errors import NotFound
from tenants.limits import readable_country
from tenants.models import Delegation, Membership
from tenants.rest.filters import Filter, choice


class ByCountry(CursorPages):
    """All of them in one answer, unless fewer are asked for."""

    ordering = "country"
    page_size = 1000


class SenderIdViewSet(OrgViewSet):
    """Numbers and names."""

    model, noun, serializer_class = SenderId, "sender", SenderSerializer
    singles = ("retrieve", "registration")
    filters = {
        "kind": choice("kind", Kind.choices),
        "status": choice("status", SenderId.Status.choices),
        "direction": choice("direction", SenderId.Direction.choices),
        "country": Filter("country__iexact"),
        "value": NumberFilter("value", codes=True),
    }
    lists = ("list", "registrations")

    def get_queryset(self) -> Any:
        return super().get_queryset().select_related("reply_number")

    def get_object(self) -> SenderId:
        rows = SenderId.objects.for_org(self.org).select_related("provider_account", "reply_number")
        return pick(rows, self.kwargs["pk"], "sender")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        homes = home_verdicts(rows)
        return self.get_paginated_response([show_sender(row, homes[row.pk]) for row in rows])

    def show(self, row: SenderId) -> Any:
        return show_sender(row, home_verdicts([row])[row.pk])

    def current(self) -> Any:
        if self.action != "registration":
            return super().current()
        return show_registration(self._registration(readable_country(self.kwargs["country"])))

    def _registration(self, code: str) -> Any:
        row = self.get_object().registrations.filter(country=code).first()
        if row is None:
            raise NotFound("registration")
        return row

    def create(self, request: Request) -> Response:
        given = self._with_rows(self.read_input())
        return Response(
            self.show(provisioning.add_sender(org=self.org, **given)), status=status.HTTP_201_CREATED
        )

    @extend_schema(request=SenderChangeSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        given = self._with_rows(self.read_input(SenderChangeSerializer))
        return Response(self.show(provisioning.change_sender(sender=self.get_object(), **given)))

    def destroy(self, request: Request, pk: str) -> Response:
        provisioning.delete_sender(sender=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="sender_ids_registrations_list", responses=RegistrationSerializer(many=True))
    @action(detail=True, methods=["get"], url_path="registrations", pagination_class=ByCountry)
    def registrations(self, request: Request, pk: str) -> Response:
        """The sender's registrations, by country."""
        page = self.paginate_queryset(self.get_object().registrations.all())
        return self.get_paginated_response([show_registration(row) for row in page or []])

    @extend_schema(request=RegistrationSerializer, responses=RegistrationSerializer)
    @action(detail=True, methods=["get", "put"], url_path=r"registrations/(?P<country>[A-Za-z]{2})")
    def registration(self, request: Request, pk: str, country: str) -> Response:
        """Where it stands with one country's register."""
        sender, code = self.get_object(), readable_country(country)
        if request.method == "PUT":
            given = self.read_input(RegistrationSerializer)
            return Response(show_registration(registration.register(sender=sender, country=code, **given)))
        return Response(show_registration(self._registration(code)))

    def _with_rows(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("provider_account"):
            accounts = ProviderAccount.objects.for_org(self.org)
            found = pick_reference(
                accounts, given["provider_account"], "provider account", "provider_account"
            )
            given["provider_account"] = found
        if given.get("reply_number"):
            senders = SenderId.objects.for_org(self.org)
            given["reply_number"] = pick_reference(senders, given["reply_number"], "sender", "reply_number")
        return given


class DelegationViewSet(OrgViewSet):
    """Absences: a stand-in reads and sends on the absent member's senders for that time."""

    model, noun, serializer_class = Delegation, "delegation", DelegationSerializer

    def get_queryset(self) -> Any:
        return (
            super()
            .get_queryset()
            .select_related("absent__user", "stand_in__user")
            .prefetch_related("chosen_senders")
        )

    def show(self, row: Delegation) -> Any:
        return {
            "id": row.pk,
            "from": row.absent_id,
            "to": row.stand_in_id,
            "start": row.starts_at,
            "end": row.ends_at,
            "senders": sorted(chosen.sender_id for chosen in row.chosen_senders.all()),
            "reason": row.reason,
            "copy_absent": row.copy_absent,
        }

    def create(self, request: Request) -> Response:
        given = self._with_rows(self.read_input())
        senders = given.pop("senders", [])
        row = delegation.delegate(
            absent=given["from"],
            stand_in=given.get("to"),
            starts_at=given["start"],
            ends_at=given["end"],
            reason=given.get("reason", ""),
            copy_absent=given["copy_absent"],
        )
        if senders:
            delegated.choose_senders(delegation=row, senders=senders)
        return Response(self.show(row), status=status.HTTP_201_CREATED)

    @extend_schema(request=DelegationChangeSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        row, given = self.get_object(), self._with_rows(self.read_input(DelegationChangeSerializer))
        senders = given.pop("senders", None)
        fields = {"to": "stand_in", "start": "starts_at", "end": "ends_at"}
        changes = {fields.get(name, name): value for name, value in given.items()}
        delegation.change_delegation(delegation=row, **changes)
        if senders is not None:
            delegated.choose_senders(delegation=row, senders=senders)
        return Response(self.show(self.get_object()))

    def _with_rows(self, given: dict[str, Any]) -> dict[str, Any]:
        members = Membership.objects.for_org(self.org).select_related("user")
        if "senders" in given:
            rows = SenderId.objects.for_org(self.org)
            given["senders"] = [pick_reference(rows, pk, "sender", "senders") for pk in given["senders"]]
        if "from" in given:
            given["from"] = pick_reference(members, given["from"], "member", "from")
        if given.get("to"):
            given["to"] = pick_reference(members.filter(is_active=True), given["to"], "active member", "to")
        return given

    def destroy(self, request: Request, pk: str) -> Response:
        delegation.end_delegation(delegation=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)


VERDICTS = ("allowed", "registration_required", "not_supported", "unknown")
YES_OR_NO = ("yes", "no", "unknown")


class CountryRuleViewSet(OrgViewSet):
    """What each country allows: the same for every organization."""

    model, noun, serializer_class = CountryRule, "country", CountryRuleSerializer
    pagination_class = ByCountry
    lookup_value_regex = "[A-Za-z]{2}"
    filters = {
        "alphanumeric": choice("alphanumeric", VERDICTS),
        "alphanumeric_agreement": choice("alphanumeric_agreement", ("agreed", "single", "disputed", "none")),
        "foreign_numeric": choice("foreign_numeric", ("restricted", "unknown")),
    } | {
        name: choice(name, YES_OR_NO)
        for name in ("long_code", "long_code_two_way", "short_code", "short_code_two_way", "toll_free")
    }

    def get_queryset(self) -> Any:
        return CountryRule.objects.order_by("country")

    def get_object(self) -> CountryRule:
        found = self.get_queryset().filter(pk=self.kwargs["pk"].upper()).first()
        if found is None:
            raise NotFound("country")
        return found


ROUTES = [
    ("sender-ids", SenderIdViewSet),
    ("delegations", DelegationViewSet),
    ("country-rules", CountryRuleViewSet),
]
