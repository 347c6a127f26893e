"""Every address, as a table of contents."""

from django.contrib import admin
from django.urls import include, path

from config import api
from messaging import webhooks

urlpatterns = [
    path("api/v1/", include("config.api")),
    path("api/docs/", api.docs, name="api-docs"),
    path("webhooks/twilio/<str:account_key>/inbound", webhooks.inbound, name="webhook-inbound"),
    path(
        "webhooks/twilio/<str:account_key>/status/<uuid:attempt_id>", webhooks.status, name="webhook-status"
    ),
    path("accounts/", include("tenants.account_urls")),
    path("admin/", admin.site.urls),
    path("", include("messaging.urls")),
    path("", include("messaging.console_urls")),
    path("", include("senderid.urls")),
    path("", include("notifications.urls")),
    path("", include("tenants.urls")),
]
