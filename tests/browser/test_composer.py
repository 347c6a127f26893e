"""The composer in a real browser where two things cross: organizations, connections, people, senders."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.browser.conftest import PASSWORD
from tests.browser.test_drafts import BOX, RENEWALS, inbox, open_talk, row, talks, type_on
from tests.browser.test_inbox import Opener
from tests.stack import Stack, eventually

__all__ = ["inbox", "talks"]
pytestmark = pytest.mark.browser
CARLA = "carla@northwind.example"


def bodies(stack: Stack, number: str) -> list[str]:
    return [text["body"] for text in stack.handset(number)]


@pytest.fixture
def carla(stack: Stack, chromium: Browser) -> Iterator[Page]:
    """A colleague of Ben's who may answer on the same number."""
    context = chromium.new_context(base_url=stack.base, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto("/accounts/login/")
    page.fill("[name=login]", CARLA)
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/inbox/**")
    page.goto("/inbox/?folder=all")
    yield page
    context.close()


def test_a_page_of_one_organization_never_acts_in_another(
    stack: Stack, inbox: Page, talks: list[str]
) -> None:
    """security F1, inbox 1: every request names the organization of its page (decision 0015); the words stay."""
    asked: list[Request] = []
    inbox.on("request", lambda request: asked.append(request))
    open_talk(inbox, talks[0])
    with inbox.expect_response("**/inbox/drafts"), inbox.expect_response("**/inbox/compose/preview"):
        type_on(inbox, "For this organization")
    with inbox.expect_response("**/send*"):
        inbox.keyboard.press("Control+Enter")
    expect(inbox.locator(BOX)).to_have_value("")
    org = inbox.evaluate("JSON.parse(document.body.getAttribute('hx-headers'))['x-page-org']")
    posts = {re.sub(r"/[0-9a-f-]{36}/", "/", request.url.split("?")[0].removeprefix(stack.base)): request
             for request in asked if request.method == "POST"}  # fmt: skip
    assert {"/inbox/drafts", "/inbox/compose/preview", "/inbox/send"} <= set(posts)
    assert {request.headers.get("x-page-org") for request in posts.values()} == {org}

    inbox.evaluate(
        """other => {
          const headers = JSON.parse(document.body.getAttribute("hx-headers"));
          document.body.setAttribute("hx-headers", JSON.stringify({ ...headers, "x-page-org": other }));
        }""",
        str(uuid4()),
    )
    type_on(inbox, "For another one")
    inbox.keyboard.press("Control+Enter")
    expect(inbox.locator("[data-refusal]")).to_contain_text("belongs to another organization")
    expect(inbox.locator(BOX)).to_have_value("For another one")
    assert "For another one" not in bodies(stack, talks[0])


def test_without_a_connection_one_banner_says_so_and_nothing_can_be_sent(
    stack: Stack, inbox: Page, talks: list[str]
) -> None:
    """inbox 21: a heap of toasts lay over an enabled Send."""
    open_talk(inbox, talks[0])
    inbox.context.set_offline(True)
    for words in ("typed ", "with no ", "connection"):
        type_on(inbox, words)
        inbox.wait_for_timeout(700)
    banner = inbox.locator("#connection")
    expect(banner).to_be_visible()
    expect(banner).to_contain_text("No connection")
    expect(inbox.locator("[data-send]")).to_be_disabled()
    expect(inbox.locator(".toast")).to_have_count(0)
    inbox.keyboard.press("Control+Enter")
    inbox.context.set_offline(False)
    expect(banner).to_be_hidden(timeout=20_000)
    expect(inbox.locator("[data-send]")).to_be_enabled()
    expect(inbox.locator(BOX)).to_have_value("typed with no connection")
    assert bodies(stack, talks[0]) == []
    inbox.locator(BOX).press("Control+Enter")
    eventually(lambda: bodies(stack, talks[0]) == ["typed with no connection"])


def test_two_people_who_answer_at_once_are_both_told_and_nothing_leaves_twice(
    stack: Stack, inbox: Page, carla: Page, talks: list[str]
) -> None:
    """inbox 5: the customer got both answers and neither of the two knew."""
    people = {"From Ben": inbox, "From Carla": carla}
    for words, page in people.items():
        open_talk(page, talks[0])
        type_on(page, words)
    for page in people.values():
        page.locator(BOX).press("Control+Enter", no_wait_after=True)
    asked = {words: page.locator("[data-refusal]") for words, page in people.items()}
    eventually(lambda: sum(notice.is_visible() for notice in asked.values()) == 1)
    [late] = [words for words, notice in asked.items() if notice.is_visible()]
    [first] = set(people) - {late}
    expect(asked[late]).to_contain_text(f"“{first}” Send your message anyway?")
    expect(people[late].locator(BOX)).to_have_value(late)
    assert bodies(stack, talks[0]) in ([], [first])
    people[late].get_by_role("button", name="Send anyway").click()
    eventually(lambda: sorted(bodies(stack, talks[0])) == sorted(people))
    for page in people.values():
        for words in people:
            expect(page.locator("#timeline .bubble.out", has_text=words)).to_have_count(1)


def test_a_message_that_changes_senders_takes_the_open_page_along(stack: Stack, open_page: Opener) -> None:
    """inbox 10: the page went empty, two conversations stayed behind; what is typed meanwhile stays."""
    number = "+12025550002"  # the carrier reaches it from no sender
    page, first = open_page("/inbox/new"), f"Hello from Ben {uuid4().hex[:6]}"
    page.fill("[name=to]", number)
    type_on(page, first)
    expect(page.locator("[data-can-send=yes]")).to_be_visible()
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile(r"/inbox/[0-9a-f-]{36}/"))
    type_on(page, "And one more")
    expect(page.locator("#timeline .event", has_text="Switched to").first).to_be_visible(timeout=15_000)
    sent = page.locator("#timeline .bubble.out")
    expect(sent.filter(has_text=first)).to_have_count(1)
    expect(page.locator(BOX)).to_have_value("And one more")
    expect(row(page, number)).to_have_count(1)
    page.locator(BOX).press("Control+Enter")
    expect(page.locator("[data-refusal]")).to_contain_text("This conversation moved to")
    assert sent.count() == 1
    page.locator("[data-answer]").click()
    expect(sent.filter(has_text="And one more")).to_have_count(1)
    page.reload()
    expect(sent).to_have_count(2)
    expect(row(page, number)).to_have_count(1)


COPIES = """
from messaging.models import Message
from tenants.scoping import new_id
row = Message.unscoped.filter(from_value="{number}").get()
for n in range(220):
    row.pk, row.provider_sid, row.body = new_id(), f"SM{{new_id()}}", f"Text {{n}}"
    row._state.adding = True
    row.save(force_insert=True)
"""


def test_each_line_of_a_long_thread_stands_there_once(stack: Stack, inbox: Page, talks: list[str]) -> None:
    """inbox 20: after "Show earlier" and a new text 201 bubbles had 300 stamps."""
    made = stack.manage("shell", "-c", COPIES.format(number=talks[0]), check=False)
    assert made.returncode == 0, made.stderr
    open_talk(inbox, talks[0])
    inbox.get_by_role("button", name="Show earlier").click()
    expect(inbox.locator(".bubble")).to_have_count(200)
    for words in ("A new text", "Another one"):
        stack.text_in(sender=talks[0], to=RENEWALS, body=words)
        expect(inbox.locator("#timeline .bubble", has_text=words)).to_be_visible(timeout=15_000)
    for part in (".bubble", ".stamp"):
        ids = inbox.locator(f".thread {part}").evaluate_all("found => found.map((one) => one.id)")
        assert len(ids) == len(set(ids)) >= 202, (part, len(ids), len(set(ids)))
    assert inbox.locator(".thread .stamp").count() == inbox.locator(".thread .bubble").count()


def test_characters_that_make_a_message_unicode_are_replaced_at_a_click(
    inbox: Page, talks: list[str]
) -> None:
    """field: segments; words typed meanwhile stay."""
    open_talk(inbox, talks[0])
    type_on(inbox, "“Tomorrow” – at 9…")
    button = inbox.get_by_role("button", name="Replace with plain characters")
    expect(button).to_be_visible()
    type_on(inbox, " or 10’")
    button.click()
    expect(inbox.locator(BOX)).to_have_value('"Tomorrow" - at 9... or 10\'')
    expect(inbox.locator("#counter")).not_to_contain_text("Unicode")


def test_hints_follow_what_happened_while_the_words_stayed_the_same(
    stack: Stack, inbox: Page, talks: list[str]
) -> None:
    """inbox 4: the same question was answered with the stored page of its first time, “Can’t send” after a START."""
    open_talk(inbox, talks[0])
    with inbox.expect_response("**/inbox/drafts"), inbox.expect_response("**/inbox/compose/preview"):
        type_on(inbox, "I was just")
    for word, can_send in (("STOP", "no"), ("START", "yes"), ("STOP", "no")):
        stack.text_in(sender=talks[0], to=RENEWALS, body=word)
        expect(inbox.locator(f"[data-can-send={can_send}]")).to_be_attached(timeout=15_000)
    expect(inbox.locator(BOX)).to_have_value("I was just")
