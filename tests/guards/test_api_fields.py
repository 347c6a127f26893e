"""Every serializer of the API takes JSON types strictly (api 24): DRF's own fields accept 5 for "5" and "yes" for true."""

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
FILES = [
    path
    for app in ("tenants", "senderid", "messaging", "notifications")
    for path in (ROOT / app).rglob("*.py")
    if "api" in str(path.relative_to(ROOT))
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_serializer_uses_a_field_that_coerces(path: Path) -> None:
    assert re.findall(r"serializers\.\w+Field\(", path.read_text()) == []
