"""REST: /media/{id}, the file of a message as it was stored."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from messaging.media.files import response_of
from messaging.models import MessageMedia
from tenants.api_base import OrgViewSet
from tenants.rest import fields


class MediaSerializer(serializers.Serializer):
    """A file of a message. `content_type` is by its content once `state` is `loaded`; before, as the provider says."""

    id = fields.UUIDField()
    content_type = fields.CharField()
    size = fields.IntegerField(allow_null=True, help_text="bytes")
    url = fields.CharField(allow_null=True, help_text="needs the same key; null while it is not loaded")
    state = fields.ChoiceField(MessageMedia.State.choices)
    error = fields.CharField(allow_null=True)


def show_media(row: MessageMedia) -> dict[str, Any]:
    is_loaded = row.state == MessageMedia.State.LOADED
    return {
        "id": row.pk,
        "content_type": row.content_type or row.declared_type,
        "size": row.size,
        "url": f"/api/v1/media/{row.pk}" if is_loaded else None,
        "state": row.state,
        "error": row.error or None if row.state == MessageMedia.State.FAILED else None,
    }


class MediaView(OrgViewSet):
    """404 while the file is not loaded."""

    model, noun, serializer_class = MessageMedia, "file", MediaSerializer

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(state=MessageMedia.State.LOADED)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def content(self, request: Request, pk: str) -> HttpResponse:
        """The bytes, with the media type that their content has; pictures inline, all else as an attachment."""
        return response_of(self.get_object())
