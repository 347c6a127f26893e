"""The REST API's addresses: every door of every app under /api/v1, its document and the codes of its errors."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from messaging.api.views import ROUTES as MESSAGING
from notifications.api.views import ROUTES as NOTIFICATIONS
from senderid.api.views import ROUTES as SENDERID
from tenants.api import ROUTES as TENANTS
from tenants.api import OrganizationView
from tenants.errors import CODES
from tenants.problems import problem

router = SimpleRouter(trailing_slash=False)
for prefix, viewset in (*MESSAGING, *TENANTS, *SENDERID, *NOTIFICATIONS):  # the busiest first
    router.register(prefix, viewset, basename=prefix)


def error_codes(request: HttpRequest) -> JsonResponse:
    """Every code an error may carry, with the sentence that explains it."""
    return JsonResponse({"results": [{"code": code, "text": text} for code, text in sorted(CODES.items())]})


def nothing_here(request: HttpRequest, rest: str = "") -> HttpResponse:
    """An address of the API that does not exist."""
    return problem("not_found", f"There is nothing at {request.path}.", status=404)


urlpatterns = [
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("error-codes", error_codes, name="error-codes"),
    path("organization", OrganizationView.as_view({"get": "read", "patch": "change"}), name="organization"),
    path("", include(router.urls)),
    path("", nothing_here),
    path("<path:rest>", nothing_here),
]
docs = SpectacularSwaggerSplitView.as_view(url_name="openapi")
