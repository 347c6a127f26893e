"""Every code an error may carry stands in docs/api.md with its meaning, and nothing else does (api 21)."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tenants.errors import CODES
from tests.calling import Api
from tests.office import CARLA, Office
from tests.world import give

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "api.md"
ROW = re.compile(r"^\| `([a-z_]+)` \| (.+) \|$", re.MULTILINE)
# Words of the private English that no product uses (words.md).
UNUSUAL = re.compile(r"\b(mend|mended|told|tells|speak|speaks|spoke|whoever|leave it)\b", re.IGNORECASE)


@pytest.fixture
def api(db: None) -> Api:
    office = Office()
    give(office.sender, office.org)
    return Api(office.org)


def test_every_code_is_in_the_document_with_its_meaning() -> None:
    """api 21: print the rows with `python manage.py error_codes`."""
    assert dict(ROW.findall(DOCUMENT.read_text())) == CODES


def test_no_meaning_uses_a_word_of_ours_alone() -> None:
    assert {code: text for code, text in CODES.items() if UNUSUAL.search(text)} == {}


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({"to": CARLA}, {"required"}),
        ({}, {"required"}),
        ({"to": CARLA, "body": None}, {"null"}),
        ({"to": CARLA, "body": ""}, {"blank"}),
        ({"to": CARLA, "body": "x", "colour": 1}, {"unknown_field"}),
        ({"to": 5, "body": 5}, {"invalid"}),
        ({"to": CARLA, "body": "x", "as_member": "0190a0a0-0000-7000-8000-000000000000"}, {"not_found"}),
    ],
)
def test_what_cannot_be_read_is_invalid_whatever_the_number_of_fields(
    api: Api, body: dict[str, Any], codes: set[str]
) -> None:
    """api 21: one missing field was `required`, two `invalid`, null had no code."""
    found = api.post("/messages", body, expect=400)
    assert found["code"] == "invalid"
    assert {error["code"] for error in found["errors"]} == codes


def test_the_type_is_an_address_that_can_be_opened(api: Api) -> None:
    """api 21: it was relative."""
    found = api.get("/unicorns", expect=404)
    assert found["type"] == f"{settings.PUBLIC_BASE_URL.rstrip('/')}/api/v1/error-codes#not_found"
    listed = json.loads(api.client.get("/api/v1/error-codes").content)["results"]
    assert {row["code"]: row["text"] for row in listed} == CODES
