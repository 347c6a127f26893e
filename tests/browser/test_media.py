"""A picture from the handset page in the open thread, in a real browser."""

import struct
import time
import zlib
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.stack import Stack, new_number

pytestmark = pytest.mark.browser
RENEWALS = "+12125550134"


def png(width: int = 320, height: int = 200) -> bytes:
    """A picture that a browser can draw."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    lines = b"".join(b"\x00" + b"\x20\x60\xa0" * width for _ in range(height))
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_picture_sent_from_the_handset_is_in_the_open_thread_within_two_seconds(
    stack: Stack, open_page: Callable[..., Page], complaints: list[str]
) -> None:
    """field, media: a picture arrived as nothing."""
    number = new_number()
    stack.text_in(sender=number, to=RENEWALS, body="I took a picture")
    page = open_page(f"/inbox/?folder=all&q={number[-7:]}")
    page.locator("a[id^=row-]").first.click()
    expect(page.locator(".thread .bubble")).to_have_count(1)
    expect(page.locator("html[data-connected=yes]")).to_have_count(1)
    handset = page.context.new_page()
    handset.goto(f"{stack.simulator}/handsets/{number.replace('+', '%2B')}")
    handset.set_input_files("[name=media]", {"name": "a.png", "mimeType": "image/png", "buffer": png()})
    began = time.monotonic()
    handset.get_by_role("button", name="Send").click()
    picture = page.locator(".thread .bubble .photo img")
    expect(picture).to_be_visible(timeout=10_000)
    seconds = time.monotonic() - began
    page.wait_for_function("document.querySelector('.thread .photo img').naturalWidth === 320", timeout=5000)
    print(f"picture in the thread after {seconds:.2f} s")
    assert seconds < 2
    expect(page.locator(".row", has_text="Photo")).to_have_count(1)
    expect(handset.locator(".thread img")).to_be_visible(timeout=5000)
    assert complaints == []
