"""Drafts: kept per member and conversation, never lost by a late answer, a second tab or a session that ended."""

import json
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from messaging.models import Conversation, Draft, Message
from tests.composing import keep_draft, reply_at, submit
from tests.texting import Texting
from tests.visiting import visit
from tests.world import make_account, make_member, make_org

pytestmark = pytest.mark.django_db


@pytest.fixture
def texting() -> Texting:
    return Texting()


@pytest.fixture
def rob(texting: Texting) -> Client:
    return visit(texting.rob)


@pytest.fixture
def talk(texting: Texting) -> Conversation:
    texting.receive("Is the plan still on?")
    return texting.conversation()


def drafts_on(visitor: Client, talk: Conversation) -> list[dict[str, Any]]:
    html = visitor.get(f"/inbox/{talk.pk}/?folder=all").content.decode()
    found = re.search(r'data-drafts="([^"]*)"', html)
    assert found
    return json.loads(unescape(found[1]))


def bodies(texting: Texting) -> list[str]:
    rows = Draft.objects.for_org(texting.org).exclude(body="").order_by("body")
    return list(rows.values_list("body", flat=True))


def typed(
    visitor: Client, talk: Conversation, body: str, tab: str = "a", edited: int = 1, **more: Any
) -> Any:
    return reply_at(visitor, talk, body=body, tab=tab, edited=edited) | more


def test_a_draft_comes_back_with_mode_body_and_time(rob: Client, talk: Conversation) -> None:
    """inbox 6."""
    keep_draft(rob, typed(rob, talk, "Half a sent", mode="note", when="later", send_at="2031-01-01T10:00"))
    html = rob.get(f"/inbox/{talk.pk}/").content.decode()
    assert "Half a sent</textarea>" in html and 'name="mode" value="note"' in html
    assert 'value="2031-01-01T10:00"' in html and 'name="when" value="later"' in html
    assert [(one["mode"], one["later"]) for one in drafts_on(rob, talk)] == [("note", True)]


def test_the_list_shows_it_to_its_author_only(texting: Texting, rob: Client, talk: Conversation) -> None:
    """inbox 6."""
    keep_draft(rob, typed(rob, talk, "Half a sent"))
    row = rob.get("/inbox/?folder=all").content.decode()
    assert "Draft: Half a sent</span>" in row and "Is the plan still on?" in row
    tim = visit(texting.tim)
    assert "Half a sent" not in tim.get("/inbox/?folder=all").content.decode()
    assert drafts_on(tim, talk) == []


def test_an_outsider_keeps_no_draft_in_it(texting: Texting, rob: Client, talk: Conversation) -> None:
    fields = typed(rob, talk, "Mine")
    org = make_org("Elsewhere")
    make_account(org, "AC" + "9" * 32)
    otto = make_member(org, "Otto", "admin")
    answer = visit(otto).post("/inbox/drafts", fields | {"member": str(otto.pk)})
    assert answer.status_code == 404
    assert not Draft.objects.for_org(org).exists()


def test_a_save_that_arrives_late_changes_nothing_newer(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    """inbox 6: requests of one tab, reordered."""
    fields = typed(rob, talk, "One two", edited=2)
    keep_draft(rob, fields)
    keep_draft(rob, fields | {"body": "One", "edited": 1})
    assert bodies(texting) == ["One two"]


def test_a_save_after_an_emptied_draft_does_not_fill_it_again(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    fields = typed(rob, talk, "One", edited=1)
    keep_draft(rob, fields)
    assert keep_draft(rob, fields | {"body": "", "edited": 3})["state"] == "empty"
    keep_draft(rob, fields | {"edited": 2})
    assert bodies(texting) == []


def test_a_save_that_arrives_after_the_message_was_sent_brings_no_draft_back(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    """inbox 6: gone exactly once, also when requests are reordered."""
    fields = typed(rob, talk, "On it")
    submit(rob, talk, fields)
    assert keep_draft(rob, fields) == {
        "ref": fields["client_ref"], "revision": 0, "state": "sent", "sent": "On it",
    }  # fmt: skip
    assert bodies(texting) == []


def test_two_tabs_that_edit_one_draft_keep_both(texting: Texting, rob: Client, talk: Conversation) -> None:
    """inbox 6: no silent loss."""
    first = typed(rob, talk, "Common", tab="a")
    revision = keep_draft(rob, first)["revision"]
    second = typed(rob, talk, "Common from b", tab="b", edited=1)
    assert second["client_ref"] == first["client_ref"] and second["revision"] == str(revision)
    assert keep_draft(rob, second)["state"] == "saved"
    answer = keep_draft(rob, first | {"body": "Common from a", "edited": 5, "revision": revision})
    assert answer["state"] == "forked" and answer["ref"] != first["client_ref"]
    assert bodies(texting) == ["Common from a", "Common from b"]
    assert {one["body"] for one in drafts_on(rob, talk)} == {"Common from a", "Common from b"}


def test_sending_from_one_tab_keeps_what_another_added(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    """inbox 6: tab b went on with the draft that tab a sends."""
    first = typed(rob, talk, "Common", tab="a")
    revision = keep_draft(rob, first)["revision"]
    keep_draft(rob, typed(rob, talk, "Common and more", tab="b"))
    submit(rob, talk, first | {"revision": revision})
    assert Message.objects.for_org(texting.org).get(direction="outbound").body == "Common"
    assert bodies(texting) == ["Common and more"]


def test_a_lost_answer_is_no_second_tab(texting: Texting, rob: Client, talk: Conversation) -> None:
    fields = typed(rob, talk, "One", edited=1)
    keep_draft(rob, fields)
    assert keep_draft(rob, fields | {"body": "One two", "edited": 2})["state"] == "saved"
    assert bodies(texting) == ["One two"]


def test_send_from_another_sender_carries_the_draft(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    """inbox 6, inbox 16: "Text from … instead" opened an empty box."""
    keep_draft(rob, typed(rob, talk, "Half a sent"))
    html = rob.get(f"/inbox/new?to=%2B14155550199&draft={talk.pk}").content.decode()
    assert "Half a sent</textarea>" in html and f'data-key-of-draft="{talk.pk}"' in html


def test_a_member_keeps_at_most_fifty_drafts_in_a_place(rob: Client, talk: Conversation) -> None:
    fields = typed(rob, talk, "x")
    for n in range(50):
        keep_draft(rob, fields, client_ref=f"composer-{n}")
    assert rob.post("/inbox/drafts", fields | {"client_ref": "composer-50"}).status_code == 422


@pytest.mark.parametrize("body", ["<b>bold</b>", "\"]}'", "‮ ﷽", "x" * 20_000])
def test_hostile_words_come_back_as_they_are(rob: Client, talk: Conversation, body: str) -> None:
    keep_draft(rob, typed(rob, talk, body))
    assert drafts_on(rob, talk)[0]["body"] == body
