"""inbox 10: a message that moves to another sender leaves no empty conversation, says where it went and why, and its
answer comes in where the rep looks."""

from itertools import product
from typing import Any

import pytest

from messaging import conversations, recording
from messaging.models import Conversation, Draft, Message, TimelineEntry
from senderid.models import SenderId
from senderid.providers import errors
from senderid.providers.base import Answer
from tests.composing import JSON, composer_at, keep_draft, reply_at, submit
from tests.texting import CONTACT, Texting, claim_all
from tests.visiting import visit
from tests.world import give, make_member, make_org, make_sender

pytestmark = pytest.mark.django_db
ALL = "?folder=all"


class Office(Texting):
    """Three senders of the whole org, in this order: the first can't reach the contact."""

    def __init__(self) -> None:
        super().__init__()
        second, third = make_sender(self.org, "+14155550135"), make_sender(self.org, "+14155550136")
        give(second, self.org, priority=110)
        give(third, self.org, priority=120)
        self.senders = [self.sender, second, third]
        self.visitor = visit(self.rob)

    def write(self, body: str = "Your meter is read on Monday") -> str:
        """Rob writes a new message; the address his browser is led to."""
        fields = composer_at(self.visitor, "/inbox/new") | {"to": CONTACT, "body": body}
        answer = self.visitor.post("/inbox/new", fields, headers=JSON)
        assert answer.status_code == 200, answer.content
        return str(answer.json()["location"])

    def refuse(self, times: int = 1) -> None:
        outcome, text = errors.meaning("21612", 400)
        for _ in range(times):
            done = [(one, Answer(outcome, code="21612", text=text, http_status=400)) for one in claim_all()]
            assert recording.record(done) == len(done)

    def page(self, address: str, **options: Any) -> str:
        answer = self.visitor.get(address, follow=True, **options)
        assert answer.status_code == 200
        return answer.content.decode()

    def rows(self) -> list[Conversation]:
        return list(Conversation.objects.for_org(self.org).select_related("sender", "contact"))

    def row_of(self, sender: SenderId) -> Conversation:
        return next(row for row in self.rows() if row.sender_id == sender.pk)

    def require_sound(self) -> None:
        """Every conversation holds a message, and its row shows the newest one of its thread."""
        for row in self.rows():
            shown = [text for text in conversations.thread_of(row) if text.status != "cancelled"]
            assert shown, f"{row} is empty"
            assert row.last_body == shown[-1].body[:160]
            assert row.last_direction == shown[-1].direction


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.mark.parametrize(
    ("times", "known_to_old", "known_to_new", "reply"),
    list(product([1, 2], [False, True], [False, True], ["never", "before", "after"])),
)
def test_whatever_was_there_before_a_message_and_its_answer_are_in_one_thread(
    office: Office, times: int, known_to_old: bool, known_to_new: bool, reply: str
) -> None:
    """inbox 10: new and existing conversations at either sender, moved once or twice, a reply before or after."""
    first, last = office.senders[0], office.senders[times]
    for sender, is_known in ((first, known_to_old), (last, known_to_new)):
        if is_known:
            office.receive("We met before", to=sender.value)
    led_to = office.write()
    if reply == "before":
        office.receive("Are you there?", to=first.value)
    office.refuse(times)
    assert "Your meter is read on Monday" in office.answers()
    office.require_sound()
    is_kept = known_to_old or reply == "before"
    assert len(office.rows()) == (2 if is_kept else 1)
    thread = office.page(f"/inbox/{office.row_of(last).pk}/{ALL}")
    assert "Your meter is read on Monday" in thread
    assert f"Switched to {last.display}: " in thread
    assert "couldn’t send this message. This sender can’t reach this number (21612)." in thread
    if is_kept:
        old = office.page(led_to)
        assert f"“Your meter is read on Monday” moved to {office.senders[1].display}" in old
        assert f'href="/inbox/{office.row_of(last).pk}/{ALL}">Open</a>' in old
    else:
        assert "Your meter is read on Monday" in office.page(led_to)
    if reply == "after":
        office.receive("Monday is fine", to=last.value)
        assert "Monday is fine" in office.page(led_to if not is_kept else f"/inbox/{office.row_of(last).pk}/")
        office.require_sound()


def test_the_open_page_of_a_merged_conversation_is_led_on(office: Office) -> None:
    """inbox 10: "the page ben was looking at goes empty"; also the API's, with the id of the first answer."""
    led_to = office.write()
    old = office.row_of(office.sender)
    office.refuse()
    new = office.row_of(office.senders[1])
    for address, expected in (
        (led_to, f"/inbox/{new.pk}/{ALL}"),
        (f"/inbox/{old.pk}/thread{ALL}", f"/inbox/{new.pk}/thread{ALL}"),
    ):
        answer = office.visitor.get(address)
        assert (answer.status_code, answer.headers["Location"]) == (302, expected)
    assert office.visitor.post(f"/inbox/{old.pk}/read").status_code == 204


def test_those_who_may_not_read_the_new_conversation_are_not_led_there(office: Office) -> None:
    """inbox 10: Rob's own two numbers; a teammate without them, an outsider."""
    own = [make_sender(office.org, f"+1415555014{digit}") for digit in (1, 2)]
    for sender, priority in zip(own, (10, 20), strict=True):
        give(sender, office.rob, priority=priority)
    led_to = office.write()
    assert office.rows()[0].sender == own[0]
    office.refuse()
    assert [row.sender for row in office.rows()] == [own[1]]
    outsider = make_member(make_org("Contoso"), "Olga", "admin")
    assert [visit(member).get(led_to).status_code for member in (office.rob, office.tim, outsider)] == [
        302,
        404,
        404,
    ]


def test_two_messages_that_move_one_after_the_other_leave_nothing_behind(office: Office) -> None:
    """inbox 10: the conversation stays as long as one of its messages is there, and goes with the last."""
    led_to = office.write("One")
    office.write("Two")
    office.refuse()
    office.require_sound()
    assert [row.sender for row in office.rows()] == [office.senders[1]]
    thread = office.page(led_to)
    assert "One" in thread and "Two" in thread
    assert "moved to" not in thread


def test_what_a_colleague_wrote_and_typed_there_moves_along(office: Office) -> None:
    """inbox 10, inbox 6: notes, drafts, the assignee and tags of the conversation that goes."""
    office.write()
    old, tim = office.row_of(office.sender), visit(office.tim)
    fields = reply_at(tim, old)
    keep_draft(tim, fields, body="Half a sentence")
    submit(tim, old, reply_at(tim, old, mode="note", body="Call first", client_ref="a-note"))
    conversations.assign_conversation(conversation=old, to=office.tim, by=office.rob)
    conversations.set_tags(conversation=old, tags=["meter"])
    office.refuse()
    [new] = office.rows()
    assert (new.assignee, new.tags) == (office.tim, ["meter"])
    assert Draft.objects.for_org(office.org).get().conversation == new
    assert TimelineEntry.objects.for_org(office.org).filter(conversation=new, text="Call first").exists()
    assert keep_draft(tim, fields, body="Half a sentence more")["state"] == "saved"


def test_a_composer_of_the_merged_conversation_asks_before_it_sends_from_the_other_number(
    office: Office,
) -> None:
    """inbox 10: the sender never changes under the rep's hands. A note has no sender and is kept."""
    office.write()
    old = office.row_of(office.sender)
    drawn = reply_at(office.visitor, old)
    office.refuse()
    [new] = office.rows()
    question = submit(office.visitor, old, drawn | {"body": "And on Tuesday"})
    assert question.status_code == 409
    assert question.json()["text"].startswith(f"This conversation moved to {new.sender.display}.")
    assert "And on Tuesday" not in office.answers()
    answered = submit(office.visitor, new, drawn | {"body": "And on Tuesday"} | question.json()["fields"])
    assert answered.status_code == 200
    row = Message.objects.for_org(office.org).get(body="And on Tuesday")
    assert (row.conversation, row.sender) == (new, new.sender)
    note = drawn | {"body": "For us", "mode": "note", "client_ref": "another"}
    assert submit(office.visitor, old, note).status_code == 200


def test_a_conversation_that_goes_on_waits_again_and_one_that_was_closed_is_closed_again(
    office: Office,
) -> None:
    """inbox 10, inbox 14: a message that left the thread answers nobody in it."""
    office.receive("Where are you?")
    waiting = office.row_of(office.sender).waiting_since
    office.write()
    office.refuse()
    assert office.row_of(office.sender).waiting_since == waiting
    conversations.set_status(conversation=office.row_of(office.sender), status="closed", by=office.rob)
    office.write("Another")
    assert office.row_of(office.sender).status == "open"
    office.refuse()
    old = office.row_of(office.sender)
    assert (old.status, old.waiting_since) == ("closed", None)
