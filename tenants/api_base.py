"""What every REST door shares: strict serializers, one base view, ids read as rows of the org."""

import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpResponse
from rest_framework import exceptions, serializers, status, viewsets
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import idempotency, preconditions
from tenants.errors import DomainError, NotFound, register
from tenants.models import ApiKey, Membership
from tenants.rest.fields import first_unknown
from tenants.rest.filters import DeclaredFilters, Filter, read_parameters


class Strict(serializers.Serializer):
    """Refuses fields that do not exist, by name."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := first_unknown(data, self.fields)):
            known = ", ".join(sorted(n for n, f in self.fields.items() if not f.read_only))
            error = serializers.ErrorDetail(f"No such field; there are: {known}.", "unknown_field")
            raise serializers.ValidationError({name: [error] for name in unknown})
        return super().to_internal_value(data)


@lru_cache(maxsize=100)
def _reader(kind: type[serializers.Serializer]) -> serializers.Serializer:
    """One for all requests: its fields are copied once, and reading changes nothing in it."""
    return kind()


def always(view: Any) -> bool:
    """In `for_test_keys`: what reads only, or keeps to the simulator by itself."""
    return True


class OrgViewSet(viewsets.GenericViewSet):
    """List, read, create, change and end rows of the key's org; a foreign row is a missing row (404)."""

    model: type[Model]
    lookup_value_regex = "[^/]+"
    noun = "thing"
    write_scope = "set_up"
    filter_backends = [DeclaredFilters]
    filters: Mapping[str, Filter] = {}  # of the list
    parameters: Mapping[str, Filter] = {}  # of every method
    lists: tuple[str, ...] = ("list",)  # actions that answer in pages
    has_secrets = False  # answers of POST are stored sealed
    # {action that writes: whether a test key may, at this address}; what is not named here is refused.
    for_test_keys: Mapping[str, Callable[[Any], bool]] = {}
    singles: tuple[str, ...] = ("retrieve",)  # actions whose GET answers one resource, with an ETag
    conditions: dict[str, list[str]] = {}
    post: Any

    @property
    def org(self) -> Any:
        return self.request.org  # type: ignore[attr-defined]

    @property
    def key(self) -> ApiKey:
        """The key that asks."""
        found: Any = self.request.auth
        return found

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge()
        refuse_unstorable(request.query_params.dict())
        self.asked = read_parameters(self, request.query_params)
        can_post = request.method == "POST" and hasattr(self, "post")
        if can_post and (key := request.META.get(idempotency.META)) is not None:
            self.post = partial(self._once, idempotency.checked(key), self.post)
        self._keep_test_keys_out(request)
        self.conditions = preconditions.conditions(request.META)
        if request.method in ("PATCH", "PUT", "DELETE") and self.action:
            self.hold()  # before the row is read: what others change meanwhile is not undone
            if self.conditions:
                preconditions.require(self.conditions, self._etag())

    def _keep_test_keys_out(self, request: Request) -> None:
        """A test key changes nothing that live keys use."""
        if not self.key.sandbox or request.method in SAFE_METHODS or not self.action:
            return
        may = self.for_test_keys.get(self.action)
        if may is None or not may(self):
            raise test_key_refused()

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """ETag on single resources; 304 where the client has it; the new one after a conditional change."""
        if response.status_code == status.HTTP_200_OK:
            if request.method in ("GET", "HEAD") and getattr(self, "action", "") in self.singles:
                response["ETag"] = self._tag_of(response.data)
                if preconditions.is_unchanged(self.conditions, response["ETag"]):
                    response = HttpResponse(status=304, headers={"ETag": response["ETag"]})
            elif request.method in ("PATCH", "PUT") and self.conditions and (etag := self._etag()):
                response["ETag"] = etag
        return super().finalize_response(request, response, *args, **kwargs)

    def hold(self) -> None:
        """Keeps the resource of this address from changing until the transaction ends; 404 where there is none."""
        rows = self.model.objects.for_org(self.org)  # type: ignore[attr-defined]
        rows.select_for_update(no_key=True).get(pk=self.get_object().pk)

    def current(self) -> Any:
        """What GET answers at this address now; raises NotFound where there is nothing."""
        return self.show(self.get_object())

    def unshown(self) -> Any:
        """What a change may set here and GET leaves out: the tag counts it too."""
        return None

    def _tag_of(self, shown: Any) -> str:
        left_out = self.unshown()
        return preconditions.etag_of(shown if left_out is None else [shown, left_out])

    def _etag(self) -> str | None:
        try:
            return self._tag_of(self.current())
        except NotFound:
            return None

    def _once(self, key: str, work: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
        """A POST with an Idempotency-Key."""
        return idempotency.once(
            api_key=self.key,
            key=key,
            request=[request.method, request.get_full_path(), request.data],
            work=lambda: work(request, *args, **kwargs),
            has_secret=self.has_secrets,
        )

    def get_queryset(self) -> QuerySet:
        if getattr(self, "swagger_fake_view", False):
            return self.model._default_manager.none()
        return self.model.objects.for_org(self.org)  # type: ignore[attr-defined]

    def get_object(self) -> Any:
        return pick(self.get_queryset(), self.kwargs["pk"], self.noun)

    def read_input(self, serializer: Any = None, *, partial: bool = False) -> dict[str, Any]:
        """The request's body, checked by the view's serializer."""
        refuse_unstorable(self.request.data)
        kind: Any = serializer or self.get_serializer_class()
        if partial:
            reader = kind(data=self.request.data, partial=True)
            reader.is_valid(raise_exception=True)
            return dict(reader.validated_data)
        return dict(_reader(kind).run_validation(self.request.data))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([self.show(row) for row in page or []])

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self.show(self.get_object()))

    def show(self, row: Any) -> Any:
        return self.get_serializer(row).data

    def member(self, given: Any, field: str = "as_member") -> Membership | None:
        """The active member with this id, or None when none was given; 400 that names the field otherwise."""
        if not given:
            return None
        rows = (
            Membership.objects.for_org(self.org)
            .filter(is_active=True)
            .select_related("user", "org", "profile")
        )
        return pick_reference(rows, given, "active member", field)


def test_key_refused(field: str = "") -> DomainError:
    text = (
        "A test key changes nothing live: it reads, and sends through the carrier simulator. Use a live key."
    )
    return DomainError("test_key", text, status=403, field=field)


register({"test_key": "A test key can’t change this: it reads, and sends through the carrier simulator."})


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = "The body is too large; send it in parts."


UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
BAD_CHARACTER = "It has a character that can’t be kept (NUL or half a pair); take it out."
TOO_LARGE_A_NUMBER = "This number is too large."


def refuse_unstorable(given: Any) -> None:
    """400 that names the field for what PostgreSQL can't keep, however deep it lies in free-form JSON."""
    if found := _unstorable(given):
        path, text = found
        name = ".".join(map(str, reversed(path))) or ("name" if isinstance(given, dict) else "")
        raise serializers.ValidationError({name: [serializers.ErrorDetail(text, "invalid")]})


def _unstorable(given: Any) -> tuple[list[Any], str] | None:
    """Where the first such value lies, innermost name first; the names are put together only once there is one."""
    if isinstance(given, str):
        return ([], BAD_CHARACTER) if UNSTORABLE.search(given) else None
    if isinstance(given, float):
        return None if math.isfinite(given) else ([], TOO_LARGE_A_NUMBER)
    if isinstance(given, dict) and any(map(UNSTORABLE.search, given)):
        return [], BAD_CHARACTER
    if isinstance(given, dict | list):
        for name, inner in given.items() if isinstance(given, dict) else enumerate(given):
            if found := _unstorable(inner):
                found[0].append(name)
                return found
    return None


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
