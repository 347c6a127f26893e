"""The REST API in-process: one key, answers checked, JSON in and out."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from tenants import api_keys
from tenants.models import ApiKey, Organization


class Api:
    """Calls /api/v1 with one key."""

    def __init__(self, org: Organization, **key: Any) -> None:
        self.org = org
        self.key: ApiKey
        self.key, self.text = api_keys.mint(org=org, name="tests", **key)
        self.client = Client(headers={"authorization": f"Bearer {self.text}"}, raise_request_exception=True)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """The bare answer."""
        given = {} if body is None else {"data": body if isinstance(body, str | bytes) else json.dumps(body)}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(
            method, f"/api/v1{path}", content_type="application/json", headers=named, **given
        )

    def call(self, method: str, path: str, body: Any = None, *, expect: int, **headers: str) -> Any:
        answer = self.ask(method, path, body, **headers)
        assert answer.status_code == expect, (method, path, answer.status_code, answer.content[:1000])
        if answer.status_code >= 400:
            assert answer["Content-Type"] == "application/problem+json"
        is_json = "json" in answer.get("Content-Type", "")
        return json.loads(answer.content) if answer.content and is_json else answer.content or None

    def get(self, path: str, expect: int = 200) -> Any:
        return self.call("GET", path, expect=expect)

    def post(self, path: str, body: Any = None, expect: int = 201, **headers: str) -> Any:
        return self.call("POST", path, {} if body is None else body, expect=expect, **headers)

    def patch(self, path: str, body: Any, expect: int = 200) -> Any:
        return self.call("PATCH", path, body, expect=expect)

    def delete(self, path: str, expect: int = 204) -> Any:
        return self.call("DELETE", path, expect=expect)

    def results(self, path: str) -> list[dict[str, Any]]:
        return self.get(path)["results"]
