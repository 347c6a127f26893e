"""What strangers write is shown as words: never markup, never a link, never an order of characters (security S7)."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core import mail

from messaging.models import Contact, Conversation
from notifications import notify
from tests.office import CARLA, Office
from tests.visiting import visit

pytestmark = pytest.mark.django_db
WORDS = (
    "<script>alert(1)</script><img src=x onerror=alert(1)> \" onclick='x()' {{ org.name }} {% raw %} "
    "https://evil.example/pay javascript:alert(1) mailto:x@evil.example \u202eabc\u2066 \x07"
)


class Harms(HTMLParser):
    """What a browser would run or follow, of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if any(name.startswith("on") for name in named) or (tag == "script" and not named.get("src")):
            self.found.append(f"{tag} {attrs}")
        for name in ("href", "src", "action", "hx-get", "hx-post"):
            if re.match(r"\s*javascript:|.*evil\.example|x$", named.get(name) or "", re.I):
                self.found.append(f"{tag} {name}={named[name]}")


@pytest.fixture
def office() -> Office:
    office = Office()
    office.rule("all", to=office.org)
    Contact.objects.for_org(office.org).filter(number=CARLA).update(name=WORDS.replace("\x07", "")[:120])
    office.text(WORDS)
    return office


def demand_harmless(page: str) -> None:
    assert Harms(page).found == []
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", page)


def test_every_page_that_shows_a_text_shows_it_as_words(office: Office) -> None:
    """security S7: inbox, thread, contact, notifications of the text, search, and the same as fragments."""
    ada = visit(office["Ada"])
    talk = Conversation.objects.for_org(office.org).get()
    message = talk.messages.get()
    paths = (
        "/inbox/?folder=all", f"/inbox/{talk.pk}/?folder=all", f"/inbox/{talk.pk}/thread", "/inbox/list?folder=all",
        "/contacts/", f"/contacts/{office.carla.pk}/", f"/why/{message.pk}/", "/why/", "/inbox/palette?q=alert",
    )  # fmt: skip
    seen = 0
    for path in paths:
        answer: Any = ada.get(path)
        assert answer.status_code == 200, path
        page = answer.content.decode()
        demand_harmless(page)
        seen += "&lt;script&gt;alert(1)" in page
    assert seen >= 6, "the words are shown there"
    kept = message.body
    assert "\u202e" not in kept and "\u2066" not in kept and "\x07" not in kept


def test_a_mail_about_a_text_shows_it_as_words(office: Office) -> None:
    """security S7: HTML and subject."""
    assert notify.deliver_due()
    assert mail.outbox
    for message in mail.outbox:
        assert "\n" not in message.subject
        html: str = message.alternatives[0][0]  # type: ignore[attr-defined]
        demand_harmless(html)
        assert "&lt;script&gt;" in html
