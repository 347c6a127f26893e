"""A real Chromium before a running Callsign with its demo organization."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.stack import Stack, stack

__all__ = ["stack"]
BEN, PASSWORD = "ben@northwind.example", "callsign-demo"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Of one file of tests: its event loop runs in this thread as long as it lives, and others need the thread."""
    if CHROMIUM is None:
        pytest.skip("There is no Chromium here; .ci/run installs one.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def logged_in(chromium: Browser, stack: Stack) -> Any:
    """Ben's cookies."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{stack.base}/accounts/login/")
    page.fill("[name=login]", BEN)
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/inbox/**")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console had against us: refused by the CSP, errors in scripts, failed requests."""
    return []


@pytest.fixture
def open_page(
    chromium: Browser, stack: Stack, logged_in: Any, complaints: list[str]
) -> Iterator[Callable[..., Page]]:
    """Opens an address as Ben; `open_page("/inbox/", width=390, scheme="dark")`."""
    contexts: list[BrowserContext] = []

    def opened(path: str, *, width: int = 1440, scheme: Any = "light") -> Page:
        context = chromium.new_context(
            base_url=stack.base,
            storage_state=logged_in,
            viewport={"width": width, "height": 844 if width < 500 else 900},
            color_scheme=scheme,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
