"""REST: /contacts, /contact-lists, /opt-outs."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from messaging import consent, contacts
from messaging.contact_changes import change_contact
from messaging.models import Contact, ContactList, ContactListEntry, OptOut, Program
from senderid.api.filters import NumberFilter
from senderid.models import SenderId
from senderid.phone_numbers import read_number
from tenants.api_base import OrgViewSet, Strict, pick, pick_reference
from tenants.errors import DomainError
from tenants.models import Membership
from tenants.rest import fields
from tenants.rest.filters import Filter, IdFilter, choice
from tenants.scoping import count_of


class ConsentSerializer(Strict):
    source = fields.CharField(max_length=40)  # type: ignore[assignment]
    at = fields.DateTimeField(required=False)


class ContactChangeSerializer(Strict):
    name = fields.CharField(max_length=120, allow_blank=True, required=False)
    owner = fields.UUIDField(allow_null=True, required=False)
    tags = fields.ListField(child=fields.CharField(max_length=40), required=False, max_length=100)
    attributes = fields.ObjectField(keys=100, value=1000, required=False)
    timezone = fields.CharField(max_length=64, allow_blank=True, required=False)
    consent = ConsentSerializer(required=False, write_only=True)


class ContactSerializer(ContactChangeSerializer):
    id = fields.UUIDField(read_only=True)
    number = fields.CharField(max_length=40)
    country = fields.CharField(read_only=True)
    timezone_source = fields.ChoiceField(
        Contact.TimezoneSource.choices,
        allow_blank=True,
        read_only=True,
        help_text="how the time zone is known",
    )
    created_at = fields.DateTimeField(read_only=True)


def show_contact(row: Contact) -> dict[str, Any]:
    return {
        "id": row.pk,
        "number": row.number,
        "name": row.name,
        "country": row.country,
        "timezone": row.timezone,
        "timezone_source": row.timezone_source,
        "owner": row.owner_id,
        "tags": row.tags,
        "attributes": row.attributes,
        "created_at": row.created_at,
    }


class ContactViewSet(OrgViewSet):
    """People we text with."""

    model, noun, serializer_class = Contact, "contact", ContactSerializer
    filters = {"number": NumberFilter("number"), "tag": Filter(), "owner": IdFilter("owner")}
    write_scope = "contacts"

    def filter_queryset(self, rows: Any) -> Any:
        rows = super().filter_queryset(rows)
        return rows.filter(tags__contains=[self.asked["tag"]]) if "tag" in self.asked else rows

    def show(self, row: Contact) -> Any:
        return show_contact(row)

    @transaction.atomic
    def create(self, request: Request) -> Response:
        given = self._with_owner(self.read_input())
        agreed = given.pop("consent", None)
        row = contacts.save_contact(org=self.org, **given)
        self._consent(row, agreed)
        return Response(self.show(row), status=status.HTTP_201_CREATED)

    @extend_schema(request=ContactChangeSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        row, given = self.get_object(), self._with_owner(self.read_input(ContactChangeSerializer))
        agreed = given.pop("consent", None)
        change_contact(contact=row, **given)
        self._consent(row, agreed)
        return Response(self.show(row))

    def destroy(self, request: Request, pk: str) -> Response:
        contacts.delete_contact(contact=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _with_owner(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("owner"):
            given["owner"] = pick_reference(
                Membership.objects.for_org(self.org), given["owner"], "member", "owner"
            )
        return given

    def _consent(self, row: Contact, agreed: dict[str, Any] | None) -> None:
        if agreed:
            consent.give_consent(
                org=self.org, number=row.number, source=agreed["source"], at=agreed.get("at")
            )


class ContactListSerializer(Strict):
    id = fields.UUIDField(read_only=True)
    name = fields.CharField(max_length=120)
    contacts = fields.ListField(child=fields.UUIDField(), required=False, max_length=100_000)
    size = fields.IntegerField(read_only=True)
    created_at = fields.DateTimeField(read_only=True)


class ContactListViewSet(OrgViewSet):
    """Named lists of contacts."""

    model, noun, serializer_class = ContactList, "list", ContactListSerializer
    write_scope = "contacts"

    def get_queryset(self) -> Any:
        return super().get_queryset().annotate(size=count_of(ContactListEntry, "contact_list"))

    def show(self, row: Any) -> Any:
        return {"id": row.pk, "name": row.name, "size": row.size, "created_at": row.created_at}

    def unshown(self) -> Any:
        return contacts.digest_of_list(org=self.org, contact_list=self.get_object())

    def create(self, request: Request) -> Response:
        given = self.read_input()
        row = contacts.save_list(org=self.org, name=given["name"], contact_ids=given.get("contacts", []))
        return Response(
            self.show(pick(self.get_queryset(), row.pk, self.noun)), status=status.HTTP_201_CREATED
        )

    def partial_update(self, request: Request, pk: str) -> Response:
        row, given = self.get_object(), self.read_input(partial=True)
        contacts.save_list(
            org=self.org,
            name=given.get("name", row.name),
            contact_ids=given.get("contacts"),
            contact_list=row,
        )
        return Response(self.current())

    def destroy(self, request: Request, pk: str) -> Response:
        self.get_object().delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class OptOutSerializer(Strict):
    id = fields.UUIDField(read_only=True)
    number = fields.CharField(max_length=40)
    scope = fields.ChoiceField(OptOut.Scope.choices, default=OptOut.Scope.ORG)
    sender_id = fields.UUIDField(allow_null=True, required=False)
    program = fields.UUIDField(allow_null=True, required=False)
    source = fields.CharField(read_only=True)  # type: ignore[assignment]
    created_at = fields.DateTimeField(read_only=True)


class OptOutViewSet(OrgViewSet):
    """Numbers that may not be texted."""

    model, noun, serializer_class = OptOut, "opt-out", OptOutSerializer
    filters = {
        "number": NumberFilter("number"),
        "scope": choice("scope", OptOut.Scope.choices),
        "sender_id": IdFilter("sender"),
        "program": IdFilter("program"),
        "source": choice("source", OptOut.Source.choices),
    }
    write_scope = "contacts"

    def show(self, row: OptOut) -> Any:
        return {
            "id": row.pk,
            "number": row.number,
            "scope": row.scope,
            "sender_id": row.sender_id,
            "program": row.program_id,
            "source": row.source,
            "created_at": row.created_at,
        }

    def create(self, request: Request) -> Response:
        given = self.read_input()
        senders, programs = SenderId.objects.for_org(self.org), Program.objects.for_org(self.org)
        sender, program = given.get("sender_id"), given.get("program")
        if given["scope"] == OptOut.Scope.SENDER and not sender:
            raise DomainError("required", "Say which sender.", field="sender_id", status=400)
        if given["scope"] == OptOut.Scope.PROGRAM and not program:
            raise DomainError("required", "Say which program.", field="program", status=400)
        row, is_new = consent.opt_out(
            org=self.org,
            number=read_number(given["number"], country=self.org.country).e164,
            scope=given["scope"],
            source=OptOut.Source.API,
            sender=pick_reference(senders, sender, "sender", "sender_id") if sender else None,
            program=pick_reference(programs, program, "program", "program") if program else None,
        )
        return Response(self.show(row), status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)

    def destroy(self, request: Request, pk: str) -> Response:
        row = self.get_object()
        consent.opt_in(
            org=self.org,
            number=row.number,
            scope=row.scope,
            source=OptOut.Source.API,
            sender=row.sender,
            program=row.program,
        )
        return Response(status=status.HTTP_204_NO_CONTENT)
