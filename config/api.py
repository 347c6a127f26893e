"""The REST API's addresses: every door of every app under /api/v1, its document and the codes of its errors."""

from typing import Any

from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from messaging.api.media import MediaView
from messaging.api.views import ROUTES as MESSAGING
from notifications.api.views import ROUTES as NOTIFICATIONS
from senderid.api.views import ROUTES as SENDERID
from tenants.api import ROUTES as TENANTS
from tenants.api import OrganizationView
from tenants.errors import CODES
from tenants.rest.filters import read_parameters

router = SimpleRouter(trailing_slash=False)
for prefix, viewset in (*MESSAGING, *TENANTS, *SENDERID, *NOTIFICATIONS):  # the busiest first
    router.register(prefix, viewset, basename=prefix)


class ErrorCodes(APIView):
    """Every code an error may carry, with the sentence that explains it."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    schema = None
    action, lists = "list", ()

    def get(self, request: Request) -> Response:
        read_parameters(self, request.query_params)
        return Response({"results": [{"code": code, "text": text} for code, text in sorted(CODES.items())]})


class Document(SpectacularJSONAPIView):
    """The OpenAPI document: one version, one language, so it takes no parameters."""

    schema = None
    action, lists = "retrieve", ()

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        read_parameters(self, request.query_params)
        return super().get(request, *args, **kwargs)


urlpatterns = [
    path("openapi.json", Document.as_view(), name="openapi"),
    path("error-codes", ErrorCodes.as_view(), name="error-codes"),
    path("organization", OrganizationView.as_view({"get": "read", "patch": "change"}), name="organization"),
    path("media/<pk>", MediaView.as_view({"get": "content"}), name="media-content"),
    path("", include(router.urls)),
]
docs = SpectacularSwaggerSplitView.as_view(url_name="openapi")
