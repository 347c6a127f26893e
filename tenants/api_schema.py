"""What the OpenAPI document says of our keys, and of the headers that whole kinds of operations take."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter


def _header(name: str, text: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=text)


IDEMPOTENCY_KEY = _header(
    "Idempotency-Key",
    "1 to 200 printable characters; the same request again gets the stored response for 24 h",
)
IF_MATCH = _header("If-Match", "ETags of GET, or *; 412 when the resource is another by now")
IF_NONE_MATCH = _header("If-None-Match", "ETags, or *; 304 when the resource is still the same")


class BearerKeyScheme(OpenApiAuthenticationExtension):
    """Authorization: Bearer cs_live_…"""

    target_class = "tenants.api_keys.BearerKey"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of your organization: cs_live_… or cs_test_…",
        }


class Schema(AutoSchema):
    """Adds Idempotency-Key to every POST, If-Match to every change, If-None-Match to what GET answers with an ETag."""

    def get_override_parameters(self) -> list[Any]:
        return [*super().get_override_parameters(), *self._headers()]

    def _headers(self) -> list[OpenApiParameter]:
        if self.method == "POST":
            return [IDEMPOTENCY_KEY]
        if self.method in ("PATCH", "PUT", "DELETE"):
            return [IF_MATCH]
        is_single = getattr(self.view, "action", "") in getattr(self.view, "singles", ())
        return [IF_NONE_MATCH] if is_single else []
