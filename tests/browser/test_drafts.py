"""Drafts in a real browser: whatever is late, lost or reordered, the words that were typed are found again."""

from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Page, Route, expect

from tests.browser.test_inbox import Opener
from tests.stack import Stack, eventually, new_number

pytestmark = pytest.mark.browser
RENEWALS = "+12125550134"
BOX = "form.composer:not([inert]) textarea"


class Held:
    """Requests to an address wait in the browser until they are let through, or dropped."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.waiting: list[Route] = []
        page.route(address, lambda route: self.waiting.append(route))

    def wait_for(self, count: int) -> None:
        for _ in range(100):
            if len(self.waiting) >= count:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{len(self.waiting)} requests to {self.address}, {count} were expected")

    def pass_first(self) -> None:
        self.waiting.pop(0).continue_()

    def drop(self) -> None:
        """All of them get no answer; later ones pass."""
        self.page.unroute(self.address)
        while self.waiting:
            with suppress(BrowserError):  # the page that asked is gone
                self.waiting.pop(0).abort()


@pytest.fixture
def talks(stack: Stack) -> list[str]:
    """Two people who just texted."""
    numbers = [new_number(), new_number()]
    for number in numbers:
        stack.text_in(sender=number, to=RENEWALS, body="Hello")
    return numbers


@pytest.fixture
def inbox(open_page: Opener, talks: list[str]) -> Page:
    page = open_page("/inbox/?folder=all")

    def are_listed() -> bool:
        html = page.request.get("/inbox/list?folder=all").text()
        return all(national(number) in html for number in talks)

    eventually(are_listed, within=60)
    page.reload()
    return page


def row(page: Page, number: str) -> Any:
    return page.locator("#rows .row a", has_text=national(number))


def national(number: str) -> str:
    """A US number as people see it."""
    return f"({number[2:5]}) {number[5:8]}-{number[8:]}"


def open_talk(page: Page, number: str) -> None:
    row(page, number).click()
    expect(page.locator(f"form.composer:not([inert]):has(input[name=to][value='{number}'])")).to_be_visible()


def type_on(page: Page, words: str) -> None:
    page.locator(BOX).focus()
    page.keyboard.press("End")
    page.keyboard.insert_text(words)


def test_words_typed_while_an_older_save_was_out_survive_a_switch_and_a_reload(
    inbox: Page, talks: list[str]
) -> None:
    """inbox 6: the answer to the older save came after the switch and took the place of the newer words."""
    open_talk(inbox, talks[0])
    saves = Held(inbox, "**/inbox/drafts")
    type_on(inbox, "older")
    saves.wait_for(1)
    type_on(inbox, " newer")
    open_talk(inbox, talks[1])
    with inbox.expect_response("**/inbox/drafts"):
        saves.pass_first()
    saves.wait_for(1)  # the newer save is out, and is lost with the page
    inbox.goto("about:blank")
    saves.drop()
    inbox.goto("/inbox/?folder=all")
    open_talk(inbox, talks[0])
    expect(inbox.locator(BOX)).to_have_value("older newer")


def test_a_composer_drawn_before_the_last_save_shows_what_was_saved(inbox: Page, talks: list[str]) -> None:
    """inbox 6: its older copy was shown instead, and the next key pressed overwrote what had been saved."""
    open_talk(inbox, talks[0])
    with inbox.expect_response("**/inbox/drafts"):
        type_on(inbox, "older")
    address = inbox.url
    open_talk(inbox, talks[1])
    drawn = inbox.request.get(address, headers={"HX-Request": "true"}).text()
    open_talk(inbox, talks[0])
    with inbox.expect_response("**/inbox/drafts"):
        type_on(inbox, " newer")
    open_talk(inbox, talks[1])
    inbox.route(address, lambda route: route.fulfill(body=drawn, content_type="text/html"))
    open_talk(inbox, talks[0])
    expect(inbox.locator(BOX)).to_have_value("older newer")


def test_what_happened_while_the_page_was_being_opened_shows_as_soon_as_it_listens(
    stack: Stack, inbox: Page, talks: list[str]
) -> None:
    """inbox 1: an event between the drawing of a page and its stream was seen a minute later."""
    open_talk(inbox, talks[0])
    token = Held(inbox, "**/inbox/live-token")
    inbox.reload()
    token.wait_for(1)
    words = f"Meanwhile {talks[0]}"
    stack.text_in(sender=talks[0], to=RENEWALS, body=words)
    eventually(lambda: words in inbox.request.get("/inbox/list?folder=all").text(), within=60)
    expect(inbox.locator(".bubble", has_text=words)).to_have_count(0)
    token.pass_first()
    expect(inbox.locator(".bubble", has_text=words)).to_be_visible(timeout=20_000)
