"""The composer sends only what the rep meant, to whom they meant, once; a refusal sends nothing and keeps the words."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from messaging import consent, conversations, dispatching, scheduled
from messaging.models import Conversation, Draft, Message, OptOut, TimelineEntry
from senderid.models import SenderId
from tests.composing import JSON, composer_at, keep_draft, reply, reply_at, submit
from tests.texting import CONTACT, Texting
from tests.visiting import visit
from tests.world import give, make_account, make_member, make_org, make_sender

pytestmark = pytest.mark.django_db
OTHER = "+14155550188"
NEW_YORK = ZoneInfo("America/New_York")  # the zone of a test's organization


@pytest.fixture
def texting() -> Texting:
    return Texting()


@pytest.fixture
def rob(texting: Texting) -> Client:
    return visit(texting.rob)


@pytest.fixture
def tim(texting: Texting) -> Client:
    return visit(texting.tim)


@pytest.fixture
def talk(texting: Texting) -> Conversation:
    texting.receive("Is the plan still on?")
    return texting.conversation()


@pytest.fixture
def other(texting: Texting) -> Conversation:
    texting.person(OTHER, "Olga")
    texting.receive("And mine?", sender=OTHER)
    return Conversation.objects.for_org(texting.org).get(contact__number=OTHER)


def sent(texting: Texting) -> list[tuple[str, str]]:
    rows = Message.objects.for_org(texting.org).filter(direction="outbound").order_by("pk")
    return list(rows.values_list("to", "body"))


def in_a_day() -> str:
    return f"{timezone.localtime(timezone=NEW_YORK) + timedelta(days=1):%Y-%m-%dT%H:%M}"


def test_a_message_goes_to_the_number_its_composer_was_drawn_for(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    answer = reply(rob, talk)
    assert (answer.status_code, answer.json()["state"]) == (200, "sent")
    assert sent(texting) == [(CONTACT, "On it")]


@pytest.mark.parametrize("field", ["conversation", "to"])
def test_a_composer_of_another_conversation_sends_nothing(
    texting: Texting, rob: Client, talk: Conversation, other: Conversation, field: str
) -> None:
    """inbox 1: the page showed one conversation and held the composer of another."""
    theirs = reply_at(rob, other)
    answer = submit(rob, talk, reply_at(rob, talk, body="Dear Carla") | {field: theirs[field]})
    assert answer.status_code == 409
    assert "Nothing was sent" in answer.json()["text"]
    assert sent(texting) == []


@pytest.mark.parametrize("field", ["conversation", "to", "mode", "when", "client_ref", "seen", "member"])
def test_nothing_is_assumed_of_a_composer_that_leaves_something_out(
    texting: Texting, rob: Client, talk: Conversation, field: str
) -> None:
    """inbox 1, inbox 2: no field has a default that sends."""
    fields = reply_at(rob, talk, body="On it")
    del fields[field]
    assert submit(rob, talk, fields).status_code in (400, 409)
    assert sent(texting) == [] and not talk.timeline.exists()


@pytest.mark.parametrize("mode", ["", "text", "Note", "x"])
def test_an_unknown_mode_is_neither_a_message_nor_a_note(
    texting: Texting, rob: Client, talk: Conversation, mode: str
) -> None:
    """inbox 2."""
    assert reply(rob, talk, mode=mode).status_code == 400
    assert sent(texting) == [] and not talk.timeline.exists()


def test_a_message_that_may_not_be_sent_is_refused_and_no_note(texting: Texting) -> None:
    """inbox 9: a text of someone who may not send was kept silently as a note."""
    owned = texting.conversation() if texting.receive("Hello?") else None
    assert owned is not None
    SenderId.objects.for_org(texting.org).get().assignments.all().delete()
    visitor = visit(texting.admin)
    answer = reply(visitor, owned, "I answer")
    assert answer.status_code == 422
    assert sent(texting) == [] and not owned.timeline.filter(kind="note").exists()


def test_a_note_is_added_once_and_sent_to_nobody(texting: Texting, rob: Client, talk: Conversation) -> None:
    """inbox 2, inbox 21."""
    fields = reply_at(rob, talk, body="In arrears", mode="note")
    assert [submit(rob, talk, fields).json()["state"] for _ in range(2)] == ["noted", "noted"]
    assert [entry.text for entry in talk.timeline.all()] == ["In arrears"]
    assert sent(texting) == []


@pytest.mark.parametrize("at", ["2020-01-01T10:00", "", "soon"])
def test_a_schedule_that_is_refused_sends_nothing_now(
    texting: Texting, rob: Client, talk: Conversation, at: str
) -> None:
    """inbox 3: a refused time, then Send, sent at once."""
    answer = reply(rob, talk, when="later", send_at=at)
    assert answer.status_code == 400 and answer.json()["field"] == "send_at"
    assert sent(texting) == []


def test_a_time_that_just_passed_does_not_count_as_now(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    """inbox 3: within a minute a past time was read as now."""
    just = f"{timezone.localtime(timezone=NEW_YORK):%Y-%m-%dT%H:%M}"
    assert reply(rob, talk, when="later", send_at=just).status_code == 400
    assert sent(texting) == []


def test_a_time_without_the_schedule_is_a_contradiction(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    """inbox 2b: a scheduled text left at once."""
    assert reply(rob, talk, when="now", send_at=in_a_day()).status_code == 400
    assert sent(texting) == []


def test_without_scripts_a_refusal_keeps_time_and_text(rob: Client, talk: Conversation) -> None:
    """inbox 3."""
    fields = reply_at(rob, talk, body="Tomorrow", when="later", send_at="2020-01-01T10:00")
    html = rob.post(f"/inbox/{talk.pk}/send", fields).content.decode()
    assert "Tomorrow</textarea>" in html and 'value="2020-01-01T10:00"' in html
    assert 'data-when="later"' in html and 'name="when" value="later"' in html


def test_a_retry_sends_once(texting: Texting, rob: Client, talk: Conversation) -> None:
    """inbox 21: the answer was lost, the same message is submitted again."""
    fields = reply_at(rob, talk, body="On it")
    first, second = submit(rob, talk, fields), submit(rob, talk, fields)
    assert first.json() == second.json()
    assert sent(texting) == [(CONTACT, "On it")]


def test_other_words_under_the_same_mark_are_not_taken_for_sent(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    """inbox 21: after a lost answer the text was edited; it is neither dropped nor sent unasked."""
    fields = reply_at(rob, talk, body="On it")
    submit(rob, talk, fields)
    answer = submit(rob, talk, fields | {"body": "On it, tomorrow"})
    assert answer.status_code == 409 and "already sent" in answer.json()["text"]
    assert sent(texting) == [(CONTACT, "On it")]
    again = submit(rob, talk, fields | {"body": "On it, tomorrow"} | answer.json()["fields"])
    assert again.status_code == 200
    assert [body for _, body in sent(texting)] == ["On it", "On it, tomorrow"]


def test_a_colleagues_reply_asks_before_sending(
    texting: Texting, rob: Client, tim: Client, talk: Conversation
) -> None:
    """inbox 5: two people answered one customer, unwarned."""
    mine = reply_at(rob, talk, body="From Rob")
    assert reply(tim, talk, "From Tim").status_code == 200
    answer = submit(rob, talk, mine)
    assert answer.status_code == 409
    assert "Tim replied" in answer.json()["text"] and "From Tim" in answer.json()["text"]
    assert answer.json()["action"] == "Send anyway"
    assert [body for _, body in sent(texting)] == ["From Tim"]
    assert submit(rob, talk, mine | answer.json()["fields"]).status_code == 200
    assert [body for _, body in sent(texting)] == ["From Tim", "From Rob"]


def test_what_the_composer_has_seen_is_not_asked_about(rob: Client, tim: Client, talk: Conversation) -> None:
    """inbox 5: no question about a reply that stood there, or about one's own."""
    reply(tim, talk, "From Tim")
    assert reply(rob, talk, "From Rob").status_code == 200
    assert reply(rob, talk, "Rob again").status_code == 200


def test_a_reply_that_came_after_the_question_asks_again(
    texting: Texting, rob: Client, tim: Client, talk: Conversation
) -> None:
    """inbox 5: "Send anyway" answers only what was read."""
    mine = reply_at(rob, talk, body="From Rob")
    reply(tim, talk, "One")
    answer = submit(rob, talk, mine)
    reply(tim, talk, "Two")
    again = submit(rob, talk, mine | answer.json()["fields"])
    assert again.status_code == 409 and "Two" in again.json()["text"] and "One" not in again.json()["text"]


def test_a_reply_committed_late_under_an_older_id_is_not_missed(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    """inbox 5: ids are made before the commit that shows their row."""
    older = texting.row(status="queued", conversation=talk, sent_by=texting.tim, body="Late")
    texting.receive("Newer")
    fields = reply_at(rob, talk, body="From Rob")
    fields["seen"] = " ".join(word for word in fields["seen"].split() if word != str(older.pk))
    assert submit(rob, talk, fields).status_code == 409


def test_a_status_changed_by_someone_else_asks(texting: Texting, rob: Client, talk: Conversation) -> None:
    """inbox 5."""
    mine = reply_at(rob, talk, body="From Rob")
    conversations.set_status(conversation=talk, status="closed", by=texting.tim)
    answer = submit(rob, talk, mine)
    assert answer.status_code == 409 and "Tim closed this" in answer.json()["text"]


def test_a_stop_that_arrived_since_refuses(texting: Texting, rob: Client, talk: Conversation) -> None:
    """inbox 5: STOP wins over what the composer showed."""
    mine = reply_at(rob, talk, body="From Rob")
    texting.receive("STOP")
    assert submit(rob, talk, mine).status_code == 422
    assert [body for _, body in sent(texting) if body == "From Rob"] == []


def test_a_note_is_never_held_up_by_others(rob: Client, tim: Client, talk: Conversation) -> None:
    mine = reply_at(rob, talk, body="Aside", mode="note")
    reply(tim, talk, "From Tim")
    assert submit(rob, talk, mine).status_code == 200


def test_the_hints_say_what_others_did(rob: Client, tim: Client, talk: Conversation) -> None:
    """inbox 5: shown beside the box before Send is pressed."""
    mine = reply_at(rob, talk, body="From Rob")
    reply(tim, talk, "From Tim")
    html = rob.post("/inbox/compose/preview", mine).content.decode()
    assert "Tim replied" in html and "From Tim" in html


def test_a_sender_suspended_meanwhile_refuses_once_and_nothing_becomes_a_note(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    """inbox 16."""
    mine = reply_at(rob, talk, body="From Rob")
    SenderId.objects.for_org(texting.org).update(status="suspended")
    answer = submit(rob, talk, mine)
    assert answer.status_code == 422 and "suspended" in answer.json()["text"]
    html = rob.get(f"/inbox/{talk.pk}/").content.decode()
    assert 'name="mode" value="message"' in html and html.count("Can’t send") == 1


def test_a_page_of_another_member_sends_nothing(texting: Texting, rob: Client, talk: Conversation) -> None:
    """inbox 4: after the session ended a colleague logged in on the same machine."""
    mine = reply_at(rob, talk, body="From Rob")
    answer = submit(visit(texting.tim), talk, mine)
    assert answer.status_code == 409 and "logged in as Tim" in answer.json()["text"]
    assert sent(texting) == []


def test_an_outsider_and_a_viewer_send_nothing(texting: Texting, rob: Client, talk: Conversation) -> None:
    fields = reply_at(rob, talk, body="Hi")
    org = make_org("Elsewhere")
    make_account(org, "AC" + "9" * 32)
    outsider = visit(make_member(org, "Otto", "admin"))
    viewer = visit(make_member(texting.org, "Vera", "viewer"))
    assert submit(outsider, talk, fields).status_code == 404
    assert submit(viewer, talk, fields).status_code == 403
    assert sent(texting) == []


# --- A new message ------------------------------------------------------------------------------------


def new(visitor: Client, **typed: Any) -> Any:
    fields = composer_at(visitor, "/inbox/new") | {"to": CONTACT, "body": "Hello"} | typed
    return visitor.post("/inbox/new", fields, headers=JSON)


def test_a_new_message_follows_the_same_rules(texting: Texting, rob: Client) -> None:
    """inbox 1, inbox 3: the page "New message" and a contact's "Text"."""
    assert new(rob, when="later", send_at="").status_code == 400
    assert new(rob, mode="").status_code == 400
    assert new(rob, mode="note").status_code == 400
    assert sent(texting) == []
    answer = new(rob)
    assert answer.json()["location"].startswith("/inbox/")
    assert sent(texting) == [(CONTACT, "Hello")]


def test_another_sender_than_the_one_shown_is_asked_about(texting: Texting, rob: Client) -> None:
    """inbox 16: Automatic would choose another sender by now."""
    shown = make_sender(texting.org, "+14155550135")
    give(shown, texting.rob)
    answer = new(rob, expected_sender=str(texting.sender.pk))
    assert answer.status_code == 409 and "(415) 555-0135" in answer.json()["text"]
    assert sent(texting) == []
    assert new(rob, **answer.json()["fields"]).status_code == 200


def test_a_new_message_asks_when_a_colleague_wrote_meanwhile(
    texting: Texting, rob: Client, tim: Client, talk: Conversation
) -> None:
    """inbox 5: also where no thread is shown."""
    fields = composer_at(rob, "/inbox/new") | {"to": CONTACT, "body": "Hello"}
    reply(tim, talk, "From Tim")
    answer = rob.post("/inbox/new", fields, headers=JSON)
    assert answer.status_code == 409 and "Tim replied" in answer.json()["text"]


# --- Scheduling ---------------------------------------------------------------------------------------


def test_a_scheduled_message_leaves_the_row_and_the_waiting_as_they_were(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    """inbox 14: scheduling ended "waiting" and the list said "You: …" of a text that had not left."""
    before = (talk.last_body, talk.last_direction, talk.waiting_since, talk.last_human_id)
    answer = reply(rob, talk, "See you tomorrow", when="later", send_at=in_a_day())
    assert answer.json()["state"] == "scheduled"
    talk.refresh_from_db()
    assert (talk.last_body, talk.last_direction, talk.waiting_since, talk.last_human_id) == before
    html = rob.get("/inbox/?folder=waiting").content.decode()
    assert f"row-{talk.pk}" in html and "You: See you" not in html
    assert "Scheduled for" in rob.get("/inbox/?folder=scheduled").content.decode()


def test_cancelling_a_scheduled_message_changes_nothing_else(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    """inbox 14."""
    reply(rob, talk, "See you tomorrow", when="later", send_at=in_a_day())
    message = Message.objects.for_org(texting.org).get(direction="outbound")
    rob.post(f"/inbox/{talk.pk}/cancel/{message.pk}")
    since = talk.waiting_since
    talk.refresh_from_db()
    assert (talk.last_body, talk.waiting_since) == ("Is the plan still on?", since)


def test_when_a_scheduled_message_leaves_it_is_on_the_row_and_ends_the_waiting(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    """inbox 14."""
    reply(rob, talk, "See you tomorrow", when="later", send_at=in_a_day())
    Message.objects.for_org(texting.org).filter(status="scheduled").update(
        due_at=timezone.now() - timedelta(hours=1)
    )
    assert scheduled.promote_scheduled() == 1
    talk.refresh_from_db()
    assert (talk.last_body, talk.waiting_since, talk.last_human) == ("See you tomorrow", None, texting.rob)


def test_cancelling_a_queued_message_restores_who_waits(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    """inbox 14: taken back from the queue, the customer waits as before."""
    since = talk.waiting_since
    reply(rob, talk, "Too fast")
    message = Message.objects.for_org(texting.org).get(direction="outbound")
    rob.post(f"/inbox/{talk.pk}/cancel/{message.pk}")
    talk.refresh_from_db()
    assert (talk.last_body, talk.waiting_since, talk.last_direction) == (
        "Is the plan still on?",
        since,
        "inbound",
    )


def test_a_first_message_that_is_scheduled_is_listed_as_scheduled(texting: Texting, rob: Client) -> None:
    """inbox 14: a new conversation with nothing but a scheduled message."""
    new(rob, when="later", send_at=in_a_day(), body="Soon")
    html = rob.get("/inbox/?folder=all").content.decode()
    assert "Scheduled for" in html and "You:" not in html


def test_a_note_that_shows_nothing_is_refused(texting: Texting, rob: Client, talk: Conversation) -> None:
    """inbox 3: a note of a zero-width space alone was added."""
    answer = reply(rob, talk, "\u200b", mode="note")
    assert answer.status_code == 400 and "empty" in answer.json()["text"]
    assert not TimelineEntry.objects.for_org(texting.org).filter(kind="note").exists()


def test_a_time_without_an_hour_is_refused(texting: Texting, rob: Client, talk: Conversation) -> None:
    """inbox 4: a date alone was read as midnight."""
    answer = reply(rob, talk, "Soon", when="later", send_at="2031-01-01")
    assert answer.status_code == 400 and "a date and a time" in answer.json()["text"]
    assert sent(texting) == []


def test_the_draft_is_gone_once_its_message_is_sent(
    texting: Texting, rob: Client, talk: Conversation
) -> None:
    """inbox 6."""
    fields = reply_at(rob, talk, body="On it", tab="a", edited=1)
    keep_draft(rob, fields)
    assert Draft.objects.for_org(texting.org).count() == 1
    submit(rob, talk, fields)
    assert not Draft.objects.for_org(texting.org).exists()


def test_opted_out_is_said_once(texting: Texting, rob: Client, talk: Conversation) -> None:
    consent.opt_out(org=texting.org, number=CONTACT, scope=OptOut.Scope.ORG, source=OptOut.Source.TEXT)
    html = rob.get(f"/inbox/{talk.pk}/").content.decode()
    assert html.count("has opted out (STOP)") == 1
    assert dispatching.is_due() is False
