"""The inbox in a real browser: live, by keyboard, on a phone, without losing a word that is being typed."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.stack import Stack, eventually

pytestmark = pytest.mark.browser
RENEWALS, MARA = "+12125550134", "+12025550178"
Opener = Callable[..., Page]


def mara(open_page: Opener, **options: Any) -> Page:
    """Ben's inbox with Mara's conversation open and listening."""
    page = open_page("/inbox/?folder=all", **options)
    page.locator(".row a", has_text="Mara Okafor").click()
    expect(page.locator("#timeline")).to_be_visible()
    expect(page.locator("html[data-connected=yes]")).to_have_count(1)
    return page


def test_an_answer_appears_by_itself_and_what_is_typed_stays(stack: Stack, open_page: Opener) -> None:
    page, words = mara(open_page), f"Answer {uuid4().hex[:6]}"
    page.fill("#composer textarea", "half a sent")
    stack.text_in(sender=MARA, to=RENEWALS, body=words)
    expect(page.locator("#timeline .bubble", has_text=words)).to_be_visible(timeout=10_000)
    expect(page.locator("#composer textarea")).to_have_value("half a sent")
    expect(page.locator("#composer textarea")).to_be_focused()
    expect(page.locator("#announcer")).to_contain_text(words)
    expect(page.locator("#rows .row").first).to_contain_text(words)
    expect(page.locator("#rows .row").first).not_to_have_class(re.compile("unread"))


def test_ctrl_enter_sends_and_the_receipt_shows_by_itself(stack: Stack, open_page: Opener) -> None:
    page, words = mara(open_page), f"Sent {uuid4().hex[:6]}"
    page.fill("#composer textarea", words)
    expect(page.locator("#counter")).to_contain_text(f"{len(words)} / 160")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#timeline .bubble.out", has_text=words)).to_be_visible()
    expect(page.locator("#composer textarea")).to_have_value("")
    stamp = page.locator(f".bubble:has-text('{words}') + .stamp")
    expect(stamp).to_contain_text("delivered", timeout=15_000)
    assert [text["body"] for text in stack.handset(MARA)].count(words) == 1


def test_a_hasty_double_click_sends_once(stack: Stack, open_page: Opener) -> None:
    page, words = mara(open_page), f"Hasty {uuid4().hex[:6]}"
    page.fill("#composer textarea", words)
    page.locator("[data-send]").dblclick()
    expect(page.locator("#timeline .bubble.out", has_text=words)).to_have_count(1)

    def handed_over() -> int:
        return [text["body"] for text in stack.handset(MARA)].count(words)

    eventually(handed_over)
    page.wait_for_timeout(1500)
    assert handed_over() == 1


def test_without_live_events_the_page_asks_again_by_itself(stack: Stack, open_page: Opener) -> None:
    page, words = open_page("/inbox/?folder=all"), f"Polled {uuid4().hex[:6]}"
    page.route("**/events?*", lambda route: route.abort())
    page.reload()
    page.locator(".row a", has_text="Mara Okafor").click()
    expect(page.locator("html[data-connected=no]")).to_have_count(1)
    stack.text_in(sender=MARA, to=RENEWALS, body=words)
    expect(page.locator("#timeline .bubble", has_text=words)).to_be_visible(timeout=15_000)


def test_the_keys_walk_close_help_and_find(open_page: Opener) -> None:
    page = mara(open_page)
    first = page.url
    page.keyboard.press("j")
    expect(page).not_to_have_url(first)
    page.keyboard.press("k")
    expect(page).to_have_url(first)
    page.keyboard.press("e")
    expect(page.locator("#talk-head")).to_contain_text("Reopen")
    page.keyboard.press("e")
    expect(page.locator("#talk-head")).to_contain_text("Close")
    page.keyboard.press("r")
    expect(page.locator("#composer textarea")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("tom")
    expect(page.locator("#palette-found a").first).to_contain_text("Tomás Lind")
    page.keyboard.press("Enter")
    expect(page.locator("#talk-head")).to_contain_text("Tomás Lind")


def test_a_note_is_kept_and_not_sent(stack: Stack, open_page: Opener) -> None:
    page, words = mara(open_page), f"Note {uuid4().hex[:6]}"
    page.keyboard.press("n")
    page.fill("#composer textarea", words)
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#timeline .note", has_text=words)).to_be_visible()
    assert words not in [text["body"] for text in stack.handset(MARA)]


def test_back_leads_back(open_page: Opener) -> None:
    page = mara(open_page)
    page.locator(".row a", has_text="Tomás Lind").click()
    expect(page.locator("#talk-head")).to_contain_text("Tomás Lind")
    page.go_back()
    expect(page.locator("#talk-head")).to_contain_text("Mara Okafor")
    expect(page.locator(".row a[aria-current]")).to_contain_text("Mara Okafor")


def test_a_phone_shows_one_pane_at_a_time(open_page: Opener) -> None:
    page = open_page("/inbox/?folder=all", width=390)
    expect(page.locator("#conversation")).to_be_hidden()
    page.locator(".row a", has_text="Mara Okafor").click()
    expect(page.locator("#timeline")).to_be_visible()
    expect(page.locator(".pane-list")).to_be_hidden()
    page.get_by_role("link", name="Back to the list").click()
    expect(page.locator(".pane-list")).to_be_visible()
    page.get_by_role("button", name="Menu").click()
    expect(page.locator("#rail")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_no_page_scrolls_sideways_or_upsets_the_browser(
    open_page: Opener, complaints: list[str], width: int, scheme: str
) -> None:
    page = mara(open_page, width=width, scheme=scheme)
    addresses = [page.url, "/inbox/", "/inbox/new", "/contacts/", "/contacts/add/", "/accounts/logout/"]
    for address in addresses:
        page.goto(address)
        page.wait_for_load_state("networkidle" if "/inbox/" not in address else "load")
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0, f"{address} is {over} px too wide at {width}"
    assert complaints == []
