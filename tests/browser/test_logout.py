"""Logging out in a real browser: what is typed is saved first, and a server that hangs keeps nobody in."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import BEN, PASSWORD
from tests.browser.test_drafts import RENEWALS, Held, open_talk, type_on
from tests.stack import Stack, eventually, new_number

pytestmark = pytest.mark.browser


@pytest.fixture
def ben(chromium: Browser, stack: Stack) -> Iterator[Page]:
    """Logged in by himself: each of these tests ends his session."""
    context = chromium.new_context(base_url=stack.base)
    page = context.new_page()
    log_in(page)
    yield page
    context.close()


def log_in(page: Page) -> None:
    page.goto("/accounts/login/")
    page.fill("[name=login]", BEN)
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/inbox/**")


def log_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/accounts/login/**")
    page.goto("/inbox/")
    assert "/accounts/login/" in page.url


def test_the_button_ends_the_session_and_words_not_yet_saved_are_kept(stack: Stack, ben: Page) -> None:
    """inbox 6: the form waited for the drafts, then could not submit itself from its own event."""
    number = new_number()
    stack.text_in(sender=number, to=RENEWALS, body=f"Hello from {number}")
    eventually(lambda: f"Hello from {number}" in ben.request.get("/inbox/list?folder=all").text(), within=60)
    ben.goto("/inbox/?folder=all")
    open_talk(ben, number)
    saves = Held(ben, "**/inbox/drafts")
    type_on(ben, "half a sentence")
    saves.wait_for(1)
    ben.goto("about:blank")
    saves.drop()
    log_out(ben)
    kept = ben.evaluate("JSON.stringify({...localStorage})")
    assert "half a sentence" not in kept
    log_in(ben)
    ben.goto("/inbox/?folder=all")
    open_talk(ben, number)
    expect(ben.locator("form.composer:not([inert]) textarea")).to_have_value("half a sentence")


def test_a_save_that_never_answers_delays_it_by_seconds_only(stack: Stack, ben: Page) -> None:
    """inbox 6."""
    number = new_number()
    stack.text_in(sender=number, to=RENEWALS, body=f"Hello from {number}")
    eventually(lambda: f"Hello from {number}" in ben.request.get("/inbox/list?folder=all").text(), within=60)
    ben.goto("/inbox/?folder=all")
    open_talk(ben, number)
    Held(ben, "**/inbox/drafts").wait_for(0)
    type_on(ben, "half a sentence")
    log_out(ben)
