"""Every answer below /api/ is problem+json when it is no success: unknown addresses, methods, types, and our own faults."""

import json
import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from messaging.api.messages import MessageViewSet
from tests.api_rows import operations
from tests.calling import Api
from tests.office import Office

pytestmark = pytest.mark.django_db
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")
ID = "0190a0a0-0000-7000-8000-000000000000"


@pytest.fixture
def api() -> Api:
    return Api(Office().org)


def demand_problem(answer: HttpResponse, status: int, code: str) -> Any:
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), (
        answer.content
    )
    assert "Set-Cookie" not in answer.headers and not answer.cookies
    if not answer.content:  # HEAD
        return None
    found = json.loads(answer.content)
    assert (found["status"], found["code"]) == (status, code), found
    return found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "path",
    ["/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/messages", "/api/v1/messages/", "/api/v1/xyz", "/api/v1/messages//",
     f"/api/v1/api-keys/{ID}/rotate", f"/api/v1/contact-lists/{ID}/contacts", "/api/docs/xyz", "/api/%F0%9F%92%A5",
     "/webhooks", "/webhooks/nobody/inbound"],
)  # fmt: skip
def test_an_address_that_does_not_exist_is_404_for_every_method(api: Api, method: str, path: str) -> None:
    """api 2: a write was a page of HTML about CSRF, with a cookie."""
    strict = Client(headers={"authorization": f"Bearer {api.text}"}, enforce_csrf_checks=True)
    body = {"data": b"{}", "content_type": "application/json"} if method not in ("GET", "HEAD") else {}
    demand_problem(strict.generic(method, path, **body), 404, "not_found")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("/api/v1/messages/", "/api/v1/messages"),
        ("/api/v1/mesages", "/api/v1/messages"),
        ("/api/v2/messages", "/api/v1/messages"),
        ("/api/messages", "/api/v1/messages"),
        (f"/api/v1/contact_lists/{ID}", "/api/v1/contact-lists/{id}"),
        (f"/api/v1/campaigns/{ID}/starts", "/api/v1/campaigns/{id}/start"),
        ("/api/v1/openapi", "/api/v1/openapi.json"),
        ("/api/v1/organisation", "/api/v1/organization"),
    ],
)
def test_it_names_the_nearest_address(api: Api, path: str, nearest: str) -> None:
    """api 2"""
    found = demand_problem(api.client.post(path), 404, "not_found")
    assert found["detail"].endswith(f"Did you mean {nearest}?"), found["detail"]


def test_it_names_none_where_none_is_near(api: Api) -> None:
    """api 2: also for addresses that are long or odd."""
    for rest in ("qqqqqqqqq", "9" * 5000, "../../etc/passwd", "<script>"):
        found = demand_problem(api.client.get(f"/api/v1/{rest}"), 404, "not_found")
        assert "Did you mean" not in found["detail"] and len(found["detail"]) < 300


def test_a_method_an_address_does_not_take_is_405(api: Api) -> None:
    """api 2: of every operation's address, the documents included."""
    taken: dict[str, set[str]] = {"/openapi.json": {"GET"}, "/error-codes": {"GET"}}
    for one in operations():
        path = re.sub(r"\{country\}", "US", one.path.replace("{pk}", "US" if "country" in one.path else ID))
        taken.setdefault(path, set()).add(one.method)
    for path, methods in taken.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - methods:
            answer = api.ask(method, path, {})
            demand_problem(answer, 405, "method_not_allowed")
            assert methods <= {name.strip() for name in answer["Allow"].split(",")}


def test_a_media_type_we_do_not_speak_is_406_or_415(api: Api) -> None:
    """api 2"""
    for path in ("messages", "organization", "error-codes", "openapi.json"):
        accept = {"HTTP_ACCEPT": "text/html;q=1, image/png"}
        demand_problem(api.client.get(f"/api/v1/{path}", **accept), 406, "not_acceptable")
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "nonsense",
    ):
        answer = api.client.generic("POST", "/api/v1/messages", b"to=1", content_type=kind)
        demand_problem(answer, 415, "unsupported_media_type")


def test_a_browser_and_curl_get_json(api: Api) -> None:
    """api 2: a browser's Accept names everything at its end."""
    accept = "text/html,application/xhtml+xml,*/*;q=0.8"
    for path in ("messages", "error-codes", "openapi.json"):
        assert api.client.get(f"/api/v1/{path}", HTTP_ACCEPT=accept).status_code == 200


def test_a_fault_of_ours_is_a_problem_too(api: Api, monkeypatch: Any) -> None:
    """api 2: 5xx too."""

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret of ours")

    monkeypatch.setattr(MessageViewSet, "list", broken)
    api.client.raise_request_exception = False
    answer = api.client.get("/api/v1/messages")
    found = demand_problem(answer, 500, "server_error")
    assert found["retryable"] is True and b"secret" not in answer.content


def test_a_host_that_is_not_ours_is_a_problem_too(api: Api, settings: Any) -> None:
    """api 2: what Django refuses before any view."""
    settings.ALLOWED_HOSTS = ["callsign.example"]
    demand_problem(api.client.get("/api/v1/messages", HTTP_HOST="evil.example"), 400, "bad_request")


def test_the_documentation_page_still_redirects(client: Client) -> None:
    assert client.get("/api/docs").status_code == 301
    assert client.get("/api/docs/").status_code == 200
