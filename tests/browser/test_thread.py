"""A long thread and a lost connection, in a real browser."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.stack import Stack, eventually, new_number

pytestmark = pytest.mark.browser
RENEWALS = "+12125550134"
FILL = """
from datetime import timedelta
from messaging.models import Conversation, Message
talk = Conversation.unscoped.get(pk="{pk}")
first = Message.unscoped.filter(conversation=talk).earliest("pk")
Message.unscoped.bulk_create([
    Message(org_id=talk.org_id, conversation=talk, contact_id=talk.contact_id, sender_id=talk.sender_id,
            account_id=first.account_id, direction="inbound", status="received", origin=first.origin, to=first.to,
            from_value=first.from_value, country=first.country, body=f"Line {{n}}", encoding="GSM-7", segments=1,
            created_at=first.created_at + timedelta(milliseconds=n))
    for n in range(150)
])
"""


@pytest.fixture
def long_talk(stack: Stack, chromium: Any, logged_in: Any) -> tuple[str, str]:
    """A number and its conversation with 151 texts."""
    number = new_number()
    stack.text_in(sender=number, to=RENEWALS, body="The first of many")
    asking = chromium.new_context(base_url=stack.base, storage_state=logged_in)

    def listed() -> Any:
        page = asking.request.get(f"/inbox/?folder=all&q={number[-7:]}").text()
        return re.search(r'id="row-([0-9a-f-]{36})"', page)

    pk = eventually(listed)[1]
    asking.close()
    stack.manage("shell", "-c", FILL.format(pk=pk))
    return number, pk


def parts(page: Page) -> dict[str, int]:
    """How many texts and time stamps the thread shows, how many of each are of different texts."""
    found: dict[str, int] = page.evaluate(
        """() => {
          const ids = (selector) => [...document.querySelectorAll(`.thread ${selector}`)].map((one) => one.id);
          const bubbles = ids(".bubble"), stamps = ids(".stamp");
          return { bubbles: bubbles.length, stamps: stamps.length,
                   different: new Set(bubbles).size, timed: new Set(stamps).size };
        }"""
    )
    return found


def test_a_long_thread_shows_each_text_with_its_time_once(
    stack: Stack, open_page: Callable[..., Page], long_talk: tuple[str, str]
) -> None:
    """inbox 20: after "Show earlier" a new text left a column of times without texts."""
    number, pk = long_talk
    page = open_page(f"/inbox/{pk}/?folder=all")
    expect(page.locator(".thread .bubble")).to_have_count(100)
    expect(page.locator("html[data-connected=yes]")).to_have_count(1)
    page.get_by_role("button", name="Show earlier").click()
    expect(page.locator(".thread .bubble")).to_have_count(151)
    for n in range(2):
        stack.text_in(sender=number, to=RENEWALS, body=f"And another {n}")
        expect(page.locator("#timeline .bubble", has_text=f"And another {n}")).to_be_visible(timeout=15_000)
    assert set(parts(page).values()) == {153}, parts(page)


def test_without_a_connection_one_banner_says_so_and_send_stays_free(
    open_page: Callable[..., Page], long_talk: tuple[str, str]
) -> None:
    """inbox 21: each pause in typing left another message over the Send button, and none said that it lasted."""
    page = open_page(f"/inbox/{long_talk[1]}/?folder=all")
    box, banner = page.locator("form.composer textarea"), page.locator("#connection")
    expect(banner).to_be_hidden()
    page.context.set_offline(True)
    expect(banner).to_contain_text("No connection")
    for word in ("One ", "two ", "three"):
        box.press_sequentially(word)
        page.wait_for_timeout(400)  # longer than the pause after which hints and drafts are asked for
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_have_count(0)
    expect(page.locator("form.composer [data-send]")).to_be_disabled()
    expect(box).to_have_value("One two three")
    page.context.set_offline(False)
    expect(banner).to_be_hidden(timeout=15_000)
    expect(page.locator("form.composer [data-send]")).to_be_enabled()
    expect(box).to_have_value("One two three")
