"""Bodies without a length: Django reads as many bytes as Content-Length says, so none of a chunked request."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

from django.conf import settings


def with_length(application: Callable[..., Any]) -> Callable[..., Any]:
    """Reads a chunked body, up to one byte more than is taken, and tells the application its length."""

    def application_of_whole_bodies(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ.get("HTTP_TRANSFER_ENCODING") and not environ.get("CONTENT_LENGTH"):
            body = environ["wsgi.input"].read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
            environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return application(environ, start_response)

    return application_of_whole_bodies
