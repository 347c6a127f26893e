"""Every address, as a table of contents."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from config import api, error_pages
from messaging import webhooks

urlpatterns = [
    path("api/v1/", include("config.api")),
    path("api/docs/", api.docs, name="api-docs"),
    path("api/docs", RedirectView.as_view(pattern_name="api-docs", permanent=True)),
    re_path(r"^api(?:/.*)?$", error_pages.nothing_here),
    path("webhooks/twilio/<str:account_key>/inbound", webhooks.inbound, name="webhook-inbound"),
    path(
        "webhooks/twilio/<str:account_key>/status/<uuid:attempt_id>", webhooks.status, name="webhook-status"
    ),
    re_path(r"^webhooks(?:/.*)?$", error_pages.nothing_here),
    path("accounts/", include("tenants.account_urls")),
    path("admin/", admin.site.urls),
    path("", include("messaging.urls")),
    path("", include("messaging.console_urls")),
    path("", include("senderid.urls")),
    path("", include("notifications.urls")),
    path("", include("tenants.urls")),
]
handler400 = "config.error_pages.bad_request"
handler403 = "config.error_pages.permission_denied"
handler404 = "config.error_pages.page_not_found"
handler500 = "config.error_pages.server_error"
