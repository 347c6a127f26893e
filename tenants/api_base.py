"""What every REST door shares: strict serializers, one base view, ids read as rows of the org."""

from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.errors import NotFound
from tenants.models import ApiKey, Membership


class Strict(serializers.Serializer):
    """Refuses fields that do not exist, by name."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = {name for name in data if name not in self.fields}
            if unknown:
                known = ", ".join(sorted(n for n, f in self.fields.items() if not f.read_only))
                raise serializers.ValidationError(
                    {
                        name: [
                            serializers.ErrorDetail(f"No such field; there are: {known}.", "unknown_field")
                        ]
                        for name in unknown
                    }
                )
        return super().to_internal_value(data)


class OrgViewSet(viewsets.GenericViewSet):
    """List, read, create, change and end rows of the key's org; a foreign row is a missing row (404)."""

    model: type[Model]
    lookup_value_regex = "[^/]+"
    noun = "thing"
    write_scope = "set_up"

    @property
    def org(self) -> Any:
        return self.request.org  # type: ignore[attr-defined]

    @property
    def key(self) -> ApiKey:
        """The key that asks."""
        found: Any = self.request.auth
        return found

    def get_queryset(self) -> QuerySet:
        if getattr(self, "swagger_fake_view", False):
            return self.model._default_manager.none()
        return self.model.objects.for_org(self.org)  # type: ignore[attr-defined]

    def get_object(self) -> Any:
        return pick(self.get_queryset(), self.kwargs["pk"], self.noun)

    def read_input(self, serializer: Any = None, *, partial: bool = False) -> dict[str, Any]:
        """The request's body, checked by the view's serializer."""
        kind = serializer or self.get_serializer_class()
        reader = kind(data=self.request.data, partial=partial, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        return dict(reader.validated_data)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([self.show(row) for row in page or []])

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self.show(self.get_object()))

    def show(self, row: Any) -> Any:
        return self.get_serializer(row).data

    def member(self, given: Any, field: str = "as_member") -> Membership | None:
        """The active member with this id, or None when none was given."""
        if not given:
            return None
        rows = (
            Membership.objects.for_org(self.org)
            .filter(is_active=True)
            .select_related("user", "org", "profile")
        )
        return pick(rows, given, "active member", field)


def pick(rows: QuerySet, given: Any, noun: str, field: str = "") -> Any:
    """The row with this id, or 404: an id that can't be one, a missing row and a foreign row look the same."""
    try:
        found = rows.filter(pk=given if isinstance(given, UUID) else UUID(str(given))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound(noun, field)
    return found


def pick_reference(rows: QuerySet, given: Any, noun: str, field: str) -> Any:
    """The same for an id inside a body: 400 that names the field."""
    try:
        return pick(rows, given, noun, field)
    except NotFound as error:
        raise serializers.ValidationError({field: [serializers.ErrorDetail(error.text, "not_found")]})
