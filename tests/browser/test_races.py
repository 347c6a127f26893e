"""inbox 1–6: whatever interleaves (open, reply, note, schedule, inbound, assign, switch, expire) while every answer is
late, no text leaves that was not typed for its number as a message to send now, and no typed word is lost.

RACES says how many interleavings (10 here; `make faults` runs 200); RACE_SEED the first seed, to replay one.
"""

import json
import os
import random
import re
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext
from playwright.sync_api import Error as BrowserError

from tests.stack import Stack, eventually, new_number

pytestmark = [pytest.mark.browser, pytest.mark.timeout(3600)]
RENEWALS = "+12125550134"
RACES, FIRST = int(os.environ.get("RACES", "10")), int(os.environ.get("RACE_SEED", "1"))
WATCH = (Path(__file__).parent / "racing.js").read_text()
TOKEN = re.compile(r"w\d+x\d+y")


class Race:
    """One interleaving: a page of Ben's with two conversations, acted upon in a random order."""

    def __init__(self, stack: Stack, context: BrowserContext, seed: int, talks: dict[str, str]) -> None:
        self.stack, self.context, self.seed, self.talks = stack, context, seed, talks
        self.random, self.words = random.Random(seed), 0
        self.cookies = context.cookies()
        context.add_init_script(WATCH.replace("RACE_SEED", str(seed)))
        self.page = context.new_page()
        self.page.set_default_timeout(4000)
        self.page.goto(f"{stack.base}/inbox/?folder=all")

    def run(self) -> list[dict[str, Any]]:
        self.open()
        acts = [
            self.open,
            self.reply,
            self.reply,
            self.note,
            self.schedule,
            self.inbound,
            self.assign,
            self.expire,
        ]
        for _ in range(9):
            act = self.random.choice(acts)
            if not self.page.locator("form.composer").count():
                act = self.open
            with suppress(BrowserError):  # what is not there can't be pressed: a rep could not either
                act()
            self.page.wait_for_timeout(self.random.random() * 250)
        self.come_to_rest()
        return json.loads(self.page.evaluate("sessionStorage.getItem('race-log')") or "[]")

    def come_to_rest(self) -> None:
        """Nothing was under way for longer than a draft waits before it is saved."""
        quiet = 0
        for _ in range(200):
            quiet = 0 if self.page.evaluate("window.racing.busy") else quiet + 1
            if quiet == 8:
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"seed {self.seed}: still busy after 20 s")

    def open(self) -> None:
        pk = self.random.choice(list(self.talks.values()))
        if not self.page.locator("#rows").count():  # an answer that came late led to the login
            self.page.goto(f"{self.stack.base}/inbox/?folder=all")
        self.page.locator(f"#row-{pk}").click()
        if self.random.random() < 0.7:
            self.page.wait_for_selector(f"form.composer[data-conversation='{pk}']:not([inert])")

    def write(self) -> None:
        self.words += 1
        box = self.page.locator("form.composer:not([inert]) textarea")
        box.focus(timeout=1000)
        for part in (f" w{self.seed}x", f"{self.words}y"):
            self.page.keyboard.insert_text(part)

    def send(self) -> None:
        if self.random.random() < 0.75:
            self.page.keyboard.press("Control+Enter")
            answer = self.page.locator("[data-answer]")
            if self.random.random() < 0.3 and answer.is_visible():
                answer.click(timeout=1000)

    def reply(self) -> None:
        self.write()
        self.send()

    def note(self) -> None:
        self.page.locator("[data-does=note]").click(timeout=1000)
        self.reply()

    def schedule(self) -> None:
        self.page.locator("[data-does=schedule]").click(timeout=1000)
        at = datetime.now() + timedelta(days=self.random.choice([-1, 3, 3]))
        self.page.locator("[name=send_at]").fill(f"{at:%Y-%m-%dT%H:%M}", timeout=1000)
        self.reply()

    def inbound(self) -> None:
        self.stack.text_in(sender=self.random.choice(list(self.talks)), to=RENEWALS, body="A text comes in")

    def assign(self) -> None:
        self.page.locator("#talk-head summary").last.click(timeout=1000)
        self.page.locator("#talk-head button[name=to]").first.click(timeout=1000)

    def expire(self) -> None:
        """The session ends while one types; later one logs in again and comes back."""
        self.context.clear_cookies()
        with suppress(BrowserError):
            self.reply()
            self.page.wait_for_timeout(self.random.random() * 600)
        self.context.add_cookies(self.cookies)  # type: ignore[arg-type]
        self.page.goto(
            self.page.url if "/inbox/" in self.page.url else f"{self.stack.base}/inbox/?folder=all"
        )


def kept_words(race: Race) -> dict[str, str]:
    """{conversation: everything of it that a member finds there: texts, notes, drafts of server and browser}."""
    local = race.page.evaluate("JSON.stringify(localStorage)")
    found = {}
    for pk in race.talks.values():
        html = race.context.request.get(f"{race.stack.base}/inbox/{pk}/?folder=all").text()
        mine = [body for name, body in json.loads(local).items() if f":{pk}:" in name]
        found[pk] = html + " ".join(mine)
    return found


def words_of(log: list[dict[str, Any]]) -> dict[str, str]:
    """{word: the conversation whose composer it was typed into}."""
    found: dict[str, str] = {}
    for entry in log:
        for word in TOKEN.findall(entry["body"]):
            found.setdefault(word, entry["conversation"])
    return found


@pytest.fixture(scope="module")
def talks(stack: Stack, chromium: Browser, logged_in: Any) -> dict[str, str]:
    """{number: conversation}: two people who texted."""
    context = chromium.new_context(base_url=stack.base, storage_state=logged_in)
    found = {}
    for number in (new_number(), new_number()):
        stack.text_in(sender=number, to=RENEWALS, body="Hello")

        def listed(number: str = number) -> Any:
            html = context.request.get(f"/inbox/?folder=all&q={number[-7:]}").text()
            return re.search(r'id="row-([0-9a-f-]{36})"', html)

        found[number] = eventually(listed)[1]
    context.close()
    return found


def race(
    stack: Stack, chromium: Browser, state: Any, talks: dict[str, str], seed: int
) -> list[dict[str, Any]]:
    """Runs one and checks that each word is kept where it was typed; returns what was done."""
    context = chromium.new_context(
        base_url=stack.base, storage_state=state, viewport={"width": 1440, "height": 900}
    )
    try:
        one = Race(stack, context, seed, talks)
        log = one.run()
        kept, words = kept_words(one), words_of(log)
        for entry in log:
            assert entry["head"] == entry["conversation"] == talks[entry["to"]], (seed, entry)
        lost = {word: pk for word, pk in words.items() if word not in kept[pk]}
        assert not lost, f"seed {seed}: lost {lost}; {log}"
        return log
    finally:
        context.close()


def left(stack: Stack, talks: dict[str, str]) -> list[tuple[str, str]]:
    return [(number, text["body"]) for number in talks for text in stack.handset(number)]


def test_no_interleaving_sends_what_was_not_meant_or_loses_a_word(
    stack: Stack, chromium: Browser, logged_in: Any, talks: dict[str, str]
) -> None:
    meant: set[tuple[str, str]] = set()
    acts = typed = idle = 0
    for seed in range(FIRST, FIRST + RACES):
        log = race(stack, chromium, logged_in, talks, seed)
        idle += not log
        sent = [e for e in log if e["act"] == "sent" and (e["mode"], e["when"]) == ("message", "now")]
        meant |= {(entry["to"], entry["body"].strip()) for entry in sent}
        acts, typed = acts + len([e for e in log if e["act"] == "sent"]), typed + len(words_of(log))
        texts = [(number, body.strip()) for number, body in left(stack, talks)]
        wrong = [text for text in texts if text not in meant]
        assert not wrong, f"seed {seed}: left unmeant: {wrong}"
        assert len(texts) == len(set(texts)), f"seed {seed}: sent twice"
        print(f"seed {seed}: {len(log)} acts noted, {len(texts)} texts left so far", flush=True)
    assert typed and acts and left(stack, talks), "the races did nothing"
    assert idle <= RACES / 20, f"in {idle} of {RACES} races nothing was typed"
    print(f"{RACES} interleavings from seed {FIRST}: {typed} words typed, {acts} submits, {len(meant)} meant")
