"""Tapbacks are reactions on the message they quote, not texts that wait (field: Consent)."""

import csv
from typing import Any

import pytest

from messaging.models import Message, OptOut, PossibleOptOut, Reaction, TimelineEntry
from messaging.tapbacks import DATA, Tapback, tapback_in
from messaging.tapbacks import Tapback as Read
from notifications.models import Notification
from tests.calling import Api
from tests.office import Office
from tests.texting import CONTACT, Texting
from tests.visiting import visit

with DATA.open(newline="", encoding="utf-8") as file:
    FORMS = list(csv.DictReader(file))
QUOTES = {"de": "„{}“", "fr": "« {} »"}


@pytest.mark.parametrize("row", FORMS, ids=lambda row: f"{row['language']} {row['form']}")
def test_every_form_of_the_table_is_read(row: dict[str, str]) -> None:
    for quote in (QUOTES.get(row["language"], "“{}”"), '"{}"'):
        body = row["form"].replace("{it}", quote.format("See you at 3?\nOr 4?")).replace("{emoji}", "🔥")
        found = tapback_in(body.replace("'", "’"))
        assert found is not None, body
        assert found.emoji == (row["emoji"] or "🔥")
        assert (found.is_removed, found.quotes("See you at 3? Or 4?")) == (row["is_removed"] == "yes", True)


@pytest.mark.parametrize(
    ("body", "emoji"),
    [
        ("\u200b👍\u200b to “\u200bHello\u200b”", "👍"),
        ("Reacted ❤️ to “Hello”", "❤️"),
        ("Reacted 👨‍👩‍👧 to “Hello”", "👨‍👩‍👧"),
        ("Liked “Hello…”", "👍"),
        ("liked “Hello there, this was cut...”", "👍"),
    ],
)
def test_dressed_otherwise(body: str, emoji: str) -> None:
    found = tapback_in(body)
    assert found is not None and found.emoji == emoji
    assert found.quotes("Hello there, this was cut off") or found.quotes("Hello")


@pytest.mark.parametrize(
    "body", ["Loved an image", "Laughed at a video", "A aimé une image", "Le encantó una imagen"]
)
def test_a_picture_has_no_words(body: str) -> None:
    found = tapback_in(body)
    assert found is not None and found.quote == ""


@pytest.mark.parametrize(
    "body",
    ["Liked it a lot", "I liked “Hello”", "Loved", "👍", "!!! to “Hello”", "hello to “you”", "J'ai adoré « le film »", "",
     "He said “Hello”", "Liked “Hello” and the rest"],
)  # fmt: skip
def test_other_texts_are_none(body: str) -> None:
    assert tapback_in(body) is None


def test_a_quote_is_the_whole_text_or_its_beginning() -> None:
    assert not Tapback("👍", "Hello", "en").quotes("Hello there")
    assert Tapback("👍", "Hello th…", "en").quotes("Hello there")
    assert not Tapback("👍", "…", "en").quotes("Hello there")
    assert Read("👍", "It's “on”", "en").quotes('It’s "on"')


# --- In the database -----------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


@pytest.fixture
def texting() -> Texting:
    return Texting()


def sent(texting: Texting, body: str, **fields: Any) -> Message:
    conversation = texting.conversation() if fields.pop("talk", False) else None
    return texting.row(body=body, status="delivered", conversation=conversation, **fields)


def test_a_reaction_waits_for_nothing_and_asks_nothing_of_anyone(texting: Texting) -> None:
    texting.program(texts={"auto_reply": "Nobody reads this number."}, opt_in="none")
    texting.receive("Hello")
    answers = len(texting.answers())
    talk = texting.conversation()
    type(talk).objects.for_org(texting.org).update(status="closed", waiting_since=None)
    target = sent(texting, "Sale! Reply STOP to get no more messages", talk=True)
    text = texting.receive("Liked “Sale! Reply STOP to get no more messages”")
    talk = texting.conversation()
    assert text is not None and text.hushed == "Reaction: nobody is notified"
    assert (talk.status, talk.waiting_since) == ("closed", None)
    assert talk.last_body == "Carla reacted 👍 to “Sale! Reply STOP to get no more messages”"
    reaction = Reaction.objects.for_org(texting.org).get()
    assert (reaction.message, reaction.target, reaction.emoji) == (text, target, "👍")
    assert len(texting.answers()) == answers + 1  # the text that was reacted to
    assert not OptOut.objects.for_org(texting.org).exists()
    assert not PossibleOptOut.objects.for_org(texting.org).exists()
    assert not TimelineEntry.objects.for_org(texting.org).filter(kind="flag").exists()
    assert (text.campaign, text.program) == (None, None)


def test_who_waited_goes_on_waiting(texting: Texting) -> None:
    first = texting.receive("When do you open?")
    sent(texting, "One moment", talk=True)
    texting.receive("Loved “One moment”")
    talk = texting.conversation()
    assert first is not None and (talk.status, talk.waiting_since) == ("open", first.created_at)


def test_an_unmatched_quote_stays_a_text(texting: Texting) -> None:
    texting.program(texts={"auto_reply": "Nobody reads this number."}, opt_in="none")
    text = texting.receive("Liked “Please stop texting me”")
    assert text is not None and not Reaction.objects.for_org(texting.org).exists()
    assert texting.conversation().waiting_since == text.created_at
    assert texting.conversation().last_body == "Liked “Please stop texting me”"
    assert texting.answers() == [] and not PossibleOptOut.objects.for_org(texting.org).exists()
    assert not TimelineEntry.objects.for_org(texting.org).filter(kind="flag").exists()


def test_of_two_equal_texts_the_newer_of_ours_is_meant(texting: Texting) -> None:
    texting.receive("Ok")
    sent(texting, "Ok", talk=True)
    newer = sent(texting, "Ok", talk=True)
    texting.receive("Ok")
    sent(texting, "Ok", contact=texting.person("+14155550111"))
    texting.receive("Questioned “Ok”")
    assert Reaction.objects.for_org(texting.org).get().target == newer


def test_a_reaction_to_a_campaign_makes_no_work_and_is_no_reply(texting: Texting) -> None:
    from messaging.models import Campaign

    campaign = Campaign(org=texting.org, name="Sale", body="Sale!")
    campaign.save()
    sent(texting, "Sale!", campaign=campaign, origin="campaign")
    text = texting.receive("Reacted 🔥 to “Sale!”")
    talk = texting.conversation()
    assert text is not None and text.campaign is None
    assert (talk.status, talk.campaign, talk.waiting_since) == ("closed", campaign, None)
    texting.receive("Tell me more")
    assert texting.conversation().status == "open"


def test_nobody_is_notified() -> None:
    office = Office()
    office.rule("all", to=office.org)
    office.text("Hello")
    before = Notification.objects.for_org(office.org).filter(outcome="pending").count()
    assert before
    office.text("Loved “Hello”")
    assert Notification.objects.for_org(office.org).filter(outcome="pending").count() == before


def test_thread_and_list_show_it_and_the_newest_counts(texting: Texting) -> None:
    texting.receive("Hello")
    target = sent(texting, "See you at 3?", talk=True)
    rob = visit(texting.rob)
    address = f"/inbox/{texting.conversation().pk}/?folder=all"
    texting.receive("Liked “See you at 3?”")
    last = texting.receive("Loved “See you at 3?”")
    page = rob.get(address).content.decode()
    assert "Carla reacted </span>❤️" in page and "👍</span>" not in page
    assert "Carla reacted ❤️ to “See you at 3?”" in page  # in the list
    assert page.count("See you at 3?”</div>") == 0 and "Loved “" not in page
    api = Api(texting.org)
    shown = {row["id"]: row for row in api.get(f"/messages?contact={texting.contact.pk}")["results"]}
    assert last is not None
    assert shown[str(last.pk)]["reaction"] == {"emoji": "❤️", "to": str(target.pk), "is_removed": False}
    assert shown[str(target.pk)]["reactions"] == [{"emoji": "❤️", "message": str(last.pk)}]
    texting.receive("Removed a heart from “See you at 3?”")
    page = rob.get(address).content.decode()
    assert "Carla reacted </span>" not in page
    assert "Carla removed ❤️ from “See you at 3?”" in page
    assert api.get(f"/messages/{target.pk}")["reactions"] == []


def test_a_reaction_to_an_earlier_page_is_a_line(texting: Texting) -> None:
    texting.receive("Hello")
    sent(texting, "Long ago", talk=True)
    texting.receive("And now?")
    texting.receive("Liked “Long ago”")
    address = f"/inbox/{texting.conversation().pk}/thread?folder=all&most=2"
    page = visit(texting.rob).get(address).content.decode()
    assert "Carla reacted 👍 to “Long ago”" in page


def test_another_orgs_words_are_no_target(texting: Texting) -> None:
    outsiders = Texting("Outsiders")
    sent(outsiders, "Only there")
    texting.receive("Liked “Only there”", sender=CONTACT)
    assert not Reaction.unscoped.exists()
