"""Submitting a composer: a message or a note, to whom it was drawn for, once, and never against what the rep meant.

Called by every composer (a conversation's, a new message); `sending` queues. A `Question` sends nothing: the rep reads
what changed and may submit again with the fields it names.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from messaging import composing
from messaging.failover import successor_of
from messaging.inbox import drafts
from messaging.inbox.unseen import in_words, unseen_changes, with_seen
from messaging.models import Conversation, Draft, Message, TimelineEntry
from messaging.planning import Request
from messaging.sending import queue_message
from senderid.models import SenderId
from senderid.phone_numbers import parse
from tenants.errors import DomainError, register, unreadable
from tenants.models import Membership


class Question(DomainError):
    """409: something changed that the rep should know of. `fields` makes the composer fit what they read."""

    def __init__(self, code: str, text: str, *, action: str, fields: dict[str, Any]) -> None:
        super().__init__(code, text, status=409, retryable=True)
        self.action, self.fields = action, fields


@dataclass(frozen=True)
class Submission:
    """A composer as it was submitted. `drawn_for` and `to` are the conversation and the number it was drawn for."""

    member: Membership
    conversation: Conversation | None
    drawn_for: str
    to: str
    mode: str
    body: str
    client_ref: str
    seen: str
    when: str = "now"
    send_at: datetime | None = None
    sender: SenderId | None = None
    expected_sender: UUID | None = None
    wants_reply: bool = False
    tab: str = ""
    revision: int = 0


@transaction.atomic
def submit(*, submission: Submission) -> Message | TimelineEntry:
    """The message queued or the note kept, or those an earlier try of the same `client_ref` made."""
    require_intent(submission)
    drafts.lock_ref(submission.member, submission.client_ref)
    done = drafts.submitted(submission.member, submission.client_ref)
    if done is None:
        done = _note(submission) if submission.mode == Draft.Mode.NOTE else _message(submission)
    elif not _is_the_same(done, submission):
        raise _already_sent(done)
    drafts.finish(
        member=submission.member,
        client_ref=submission.client_ref,
        body=submission.body,
        revision=submission.revision,
        tab=submission.tab,
    )
    return done


def require_intent(submission: Submission) -> None:
    """The mode, the recipient and the time are said, and fit each other; nothing is assumed."""
    drafts.require_ref(submission.client_ref)
    if submission.mode not in Draft.Mode.values:
        raise unreadable("mode", "Choose whether this is a message or a note.", "required")
    _require_conversation(submission)
    if submission.mode == Draft.Mode.MESSAGE:
        _require_time(submission)


def _require_conversation(submission: Submission) -> None:
    """The one the composer was drawn for; when that was merged into another, the rep is asked about its sender."""
    conversation = submission.conversation
    if conversation is None:
        return
    is_same_contact = submission.to == conversation.contact.number
    if is_same_contact and submission.drawn_for == str(conversation.pk):
        return
    if is_same_contact and _was_merged(submission):
        if submission.mode == Draft.Mode.NOTE:
            return
        number = conversation.sender.display
        raise Question(
            "sender_changed",
            f"This conversation moved to {number}. Send your message from there?",
            action=f"Send from {number}",
            fields={"conversation": str(conversation.pk)},
        )
    raise DomainError(
        "conversation_mismatch",
        f"This was written in another conversation than the one with {conversation.contact}. Nothing was sent.",
        status=409,
    )


def _was_merged(submission: Submission) -> bool:
    """The conversation the composer was drawn for has become this one."""
    try:
        drawn_for = UUID(submission.drawn_for)
    except ValueError:
        return False
    assert submission.conversation is not None
    now = successor_of(org_id=submission.member.org_id, conversation_id=drawn_for)
    return now == submission.conversation.pk


def _require_time(submission: Submission) -> None:
    if submission.when not in ("now", "later"):
        raise unreadable("when", "Choose whether to send now or at a time.", "required")
    if submission.when == "now" and submission.send_at is not None:
        raise unreadable("send_at", "A time is set, but sending now was chosen. Nothing was sent.")
    if submission.when == "later" and submission.send_at is None:
        raise unreadable("send_at", "Choose when to send this message.", "required")
    if submission.send_at is not None and submission.send_at <= timezone.now():
        text = "This time has passed. Choose a later one, or cancel the schedule to send now."
        raise unreadable("send_at", text, "in_the_past")


def _message(submission: Submission) -> Message:
    message = queue_message(request=request_of(submission), client_ref=submission.client_ref)
    _ask_about_changes(submission, message)
    _ask_about_sender(submission, message)
    return message


def request_of(submission: Submission) -> Request:
    """What a submission asks for: a reply in its conversation, or a message to a number."""
    conversation = submission.conversation
    if conversation is not None:
        return composing.answer_to(
            conversation=conversation,
            member=submission.member,
            body=submission.body,
            send_at=submission.send_at,
        )
    return Request(
        org=submission.member.org,
        to=submission.to,
        body=submission.body,
        as_member=submission.member,
        named=submission.sender,
        wants_reply=submission.wants_reply,
        send_at=submission.send_at,
    )


def _ask_about_changes(submission: Submission, message: Message) -> None:
    """After the write, which holds the conversation's row: a colleague's reply is either seen here or waits for us."""
    if message.conversation is None:
        return
    changes = unseen_changes(
        conversation=message.conversation, member=submission.member, seen=submission.seen
    )
    if changes:
        raise Question(
            "changed_meanwhile",
            f"{in_words(changes)} Send your message anyway?",
            action="Send anyway",
            fields={"seen": with_seen(submission.seen, changes)},
        )


def _ask_about_sender(submission: Submission, message: Message) -> None:
    expected = submission.expected_sender
    if expected is None or message.sender_id == expected:
        return
    raise Question(
        "sender_changed",
        f"This message would now be sent from {message.sender.display}: {message.rule_text}. Send it?",
        action=f"Send from {message.sender.display}",
        fields={"expected_sender": str(message.sender_id)},
    )


def _note(submission: Submission) -> TimelineEntry:
    if submission.conversation is None:
        raise unreadable("mode", "A note needs a conversation.")
    return composing.write_note(
        conversation=submission.conversation,
        text=submission.body,
        by=submission.member,
        client_ref=submission.client_ref,
    )


def _is_the_same(done: Message | TimelineEntry, submission: Submission) -> bool:
    mode = Draft.Mode.MESSAGE if isinstance(done, Message) else Draft.Mode.NOTE
    return (mode, drafts.body_of(done).strip()) == (submission.mode, submission.body.strip()) and _same_place(
        done, submission
    )


def _same_place(done: Message | TimelineEntry, submission: Submission) -> bool:
    if submission.conversation is not None:
        return done.conversation_id == submission.conversation.pk
    number = parse(submission.to, submission.member.org.country)
    return isinstance(done, Message) and number is not None and done.to == number.e164


def _already_sent(done: Message | TimelineEntry) -> Question:
    words = drafts.body_of(done)
    return Question(
        "already_sent",
        f"“{words[:80]}{'…' if len(words) > 80 else ''}” was already sent from this draft. Send this one too?",
        action="Send this too",
        fields={"client_ref": drafts.new_client_ref()},
    )


register(
    {
        "conversation_mismatch": "The composer was drawn for another conversation.",
        "another_member": "The page was drawn for another member than the one logged in.",
        "changed_meanwhile": "Someone replied or changed the conversation since the composer was drawn.",
        "sender_changed": "Another sender than the one shown would be used.",
        "already_sent": "Another message was sent from this draft.",
    }
)
