"""The OpenAPI document: valid, complete, open to read."""

import re

import pytest
from django.test import Client
from drf_spectacular.validation import validate_schema

from tests.api_rows import operations

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def document() -> dict:  # type: ignore[type-arg]
    from drf_spectacular.generators import SchemaGenerator

    return SchemaGenerator().get_schema(request=None, public=True)


def test_it_is_served_without_a_key_and_is_valid(client: Client) -> None:
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    validate_schema(answer.json())


def test_every_route_is_in_it_and_nothing_else(document: dict) -> None:  # type: ignore[type-arg]
    shape = lambda path: re.sub(r"\{\w+\}", "{}", path)  # noqa: E731
    described = {
        (method.upper(), shape(path.removeprefix("/api/v1")))
        for path, methods in document["paths"].items()
        for method in methods
    }
    there = {(one.method, shape(one.path)) for one in operations()}
    assert len(there) > 70
    assert described == there


def test_every_operation_has_a_name_of_its_own_and_asks_for_a_key(document: dict) -> None:  # type: ignore[type-arg]
    found = [one for methods in document["paths"].values() for one in methods.values()]
    names = [one["operationId"] for one in found]
    assert len(names) == len(set(names))
    assert all({"key": []} in one["security"] for one in found)


def test_the_docs_page_and_the_codes_are_open_and_the_rest_is_not(client: Client) -> None:
    assert client.get("/api/docs/").status_code == 200
    codes = client.get("/api/v1/error-codes").json()["results"]
    assert all(row.keys() == {"code", "text"} and row["text"] for row in codes)
    for one in operations():
        path = one.path.replace("{pk}", "x").replace("{country}", "US")
        answer = client.generic(one.method, f"/api/v1{path}", "{}", content_type="application/json")
        assert answer.status_code == 401, one


def headers_of(operation: dict) -> set[str]:  # type: ignore[type-arg]
    return {one["name"] for one in operation.get("parameters", []) if one["in"] == "header"}


def test_it_names_the_headers_of_each_kind_of_operation(document: dict) -> None:  # type: ignore[type-arg]
    """api 4, api 19."""
    wanted = {"post": {"Idempotency-Key"}, "patch": {"If-Match"}, "put": {"If-Match"}, "delete": {"If-Match"}}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert headers_of(operation) == wanted.get(method, headers_of(operation)), (method, path)
    paths = document["paths"]
    assert headers_of(paths["/api/v1/contacts/{id}"]["get"]) == {"If-None-Match"}
    assert headers_of(paths["/api/v1/organization"]["get"]) == {"If-None-Match"}
    assert headers_of(paths["/api/v1/contacts"]["get"]) == set()
