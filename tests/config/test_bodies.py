"""Chunked bodies are read: Django by itself takes them for empty, and a PATCH was answered with 200 and not done."""

from io import BytesIO
from typing import Any

import pytest
from django.conf import settings

from config.bodies import with_length


def arrived(**environ: Any) -> tuple[str | None, bytes]:
    seen: dict[str, Any] = {}
    with_length(lambda given, start: seen.update(given))(environ, lambda *_: None)
    return seen.get("CONTENT_LENGTH"), seen["wsgi.input"].read()


@pytest.mark.parametrize("length", ["", None])
def test_a_chunked_body_has_its_length(length: str | None) -> None:
    """eyes 2."""
    more = {} if length is None else {"CONTENT_LENGTH": length}
    given = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": BytesIO(b"{}"), **more}
    assert arrived(**given) == ("2", b"{}")


def test_one_too_large_is_not_read_to_its_end() -> None:
    """eyes 2: one byte more than is taken is enough to refuse it."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    length, body = arrived(HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input": BytesIO(b"x" * (most + 100))})
    assert (length, len(body)) == (str(most + 1), most + 1)


def test_a_body_with_its_length_is_left_alone() -> None:
    body = BytesIO(b"{} and more")
    assert arrived(CONTENT_LENGTH="2", **{"wsgi.input": body}) == ("2", b"{} and more")


def test_web_serves_it() -> None:
    from config import wsgi

    assert wsgi.application.__qualname__.startswith("with_length")
