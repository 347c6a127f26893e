"""What the OpenAPI document says of our keys."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


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
