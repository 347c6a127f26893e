"""A composer as a browser holds it: the fields of the page, then what is typed into them."""

import re
from html import unescape
from typing import Any

from django.http import HttpResponse
from django.test import Client

JSON = {"X-Composer": "1"}
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


def composer_at(visitor: Client, address: str) -> dict[str, str]:
    """The hidden fields of the composer on a page."""
    response = visitor.get(address)
    assert response.status_code == 200, response.content.decode()[-2000:]
    html = response.content.decode()
    form = html[html.index('id="composer"') :].split("</form>")[0]
    fields = {name: unescape(value) for name, value in FIELD.findall(form)}
    for name in ("csrfmiddlewaretoken", "page_org"):
        fields.pop(name, None)
    return fields


def reply_at(visitor: Client, conversation: Any, **typed: Any) -> dict[str, Any]:
    return composer_at(visitor, f"/inbox/{conversation.pk}/?folder=all") | typed


def reply(visitor: Client, conversation: Any, body: str = "On it", **typed: Any) -> HttpResponse:
    """Opens the conversation, types and submits; the answer is JSON."""
    fields = reply_at(visitor, conversation, body=body, **typed)
    return submit(visitor, conversation, fields)


def submit(visitor: Client, conversation: Any, fields: dict[str, Any]) -> HttpResponse:
    return visitor.post(f"/inbox/{conversation.pk}/send", fields, headers=JSON)  # type: ignore[return-value]


def keep_draft(visitor: Client, fields: dict[str, Any], **typed: Any) -> dict[str, Any]:
    response = visitor.post("/inbox/drafts", fields | typed, headers=JSON)
    assert response.status_code == 200, response.content.decode()
    return response.json()
