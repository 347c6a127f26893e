"""The whole way round: an admin gives a rep a sender, a text comes in live, the rep answers, the handset has it."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.stack import Stack, eventually, new_number

pytestmark = pytest.mark.browser
ADMIN, PASSWORD = "ana@northwind.example", "callsign-demo"
SUPPORT, SHOWN = "+18885550123", "(888) 555-0123"


def assign_to_ben(chromium: Browser, stack: Stack) -> None:
    """Ana logs in, opens the sender and assigns it to Ben."""
    context = chromium.new_context(base_url=stack.base)
    page = context.new_page()
    page.goto("/accounts/login/")
    page.fill("[name=login]", ADMIN)
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/inbox/**")
    page.goto("/senders/")
    page.locator("main").get_by_role("link", name=SHOWN).click()
    page.get_by_role("link", name="Assign", exact=True).click()
    page.get_by_label("Assign it to").select_option(label="Ben Nakata")
    page.get_by_role("button", name="Assign", exact=True).click()
    expect(page.locator("main table")).to_contain_text("Ben Nakata")
    context.close()


def test_an_admin_assigns_a_rep_answers_and_the_handset_shows_it(
    chromium: Browser, stack: Stack, open_page: Callable[..., Page]
) -> None:
    assign_to_ben(chromium, stack)
    caller, asked, answered = new_number(), f"Question {uuid4().hex[:6]}", f"Answer {uuid4().hex[:6]}"
    page = open_page("/inbox/?folder=all")
    expect(page.locator("html[data-connected=yes]")).to_have_count(1)
    stack.text_in(sender=caller, to=SUPPORT, body=asked)
    page.locator("#rows .row", has_text=asked).locator("a").first.click(timeout=10_000)
    expect(page.locator("#timeline .bubble", has_text=asked)).to_be_visible()
    page.fill("#composer textarea", answered)
    page.keyboard.press("Control+Enter")
    texts = eventually(lambda: stack.handset(caller), what="the answer at the handset")
    assert [(text["from"], text["body"]) for text in texts] == [(SUPPORT, answered)]
