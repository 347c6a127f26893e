"""What the composer shows: which sender a message would leave from and why; it keeps notes.

Called by the composer's views while one types; `planning` decides. Submitting: `messaging.inbox.submissions`.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import transaction

from messaging import conversations, segments
from messaging.live_events import tell_conversation
from messaging.models import Conversation, TimelineEntry
from messaging.planning import Request, plan_text
from senderid.board import load_board
from senderid.eligibility import Ask
from senderid.models import SenderId
from senderid.selection import Choice
from tenants.access import standing_of
from tenants.errors import DomainError, unreadable
from tenants.models import Membership

UNWRITTEN = "-"


@dataclass(frozen=True)
class Preview:
    """What would happen to the text as it stands; `refusal` says why nothing would, in words."""

    cut: segments.Cut
    choice: Choice | None = None
    refusal: str = ""
    warnings: tuple[tuple[str, str], ...] = ()
    due_at: datetime | None = None
    instruction: str = ""
    plain_forms: str = ""  # JSON: character → its plain form, when these would make the text GSM-7

    @property
    def may_send(self) -> bool:
        return bool(self.choice and self.choice.sender)

    @property
    def is_opted_out(self) -> bool:
        """Nobody may speak because the contact said STOP."""
        return bool(self.choice and any(refusal.code == "opted_out" for refusal in self.choice.rejected[:1]))

    @property
    def room(self) -> int:
        """How many units the segments in use hold."""
        single, multi = (70, 67) if self.cut.encoding == segments.UCS_2 else (160, 153)
        return single if self.cut.segments == 1 else multi * self.cut.segments


def answer_to(
    *, conversation: Conversation, member: Membership, body: str, send_at: datetime | None = None
) -> Request:
    """The request of a member's answer in a conversation."""
    return Request(
        org=member.org,
        to=conversation.contact.number,
        body=body,
        as_member=member,
        conversation=conversation,
        may_answer=conversations.may_answer(member=member, conversation=conversation),
        send_at=send_at,
    )


def preview_of(*, request: Request) -> Preview:
    """Plans a text that may still be empty; a refusal becomes a sentence. Writes nothing."""
    cut = segments.cut(request.body)
    if request.conversation is not None and not request.conversation.contact.is_number:
        return Preview(cut, refusal="A short code or a name texted you here; it can’t be texted back.")
    try:
        plan = plan_text(request=request if request.body.strip() else replace(request, body=UNWRITTEN))
    except DomainError as error:
        return Preview(cut, refusal=error.text)
    return Preview(
        cut=cut,
        choice=_known_to(request, plan.choice),
        refusal="" if plan.choice.sender else plan.choice.text,
        warnings=plan.warnings,
        due_at=plan.due_at,
        instruction=_instruction(plan.choice.sender, request.body),
        plain_forms=plain_forms_of(request.body),
    )


def plain_forms_of(body: str) -> str:
    """All of them as JSON, for what is typed meanwhile too; '' when they would not make this body GSM-7."""
    return json.dumps(segments.PLAIN_FORMS) if segments.plain_forms(body) else ""


def _known_to(request: Request, choice: Choice) -> Choice:
    """An admin sees every sender that was not chosen; others only theirs and the conversation's."""
    if request.as_member is None or request.as_member.is_admin:
        return choice
    own = request.conversation.sender_id if request.conversation else None
    known = (row for row in choice.rejected if row.code != "not_assigned" or row.sender.pk == own)
    return replace(choice, rejected=tuple(known))


def _instruction(sender: SenderId | None, body: str) -> str:
    """How to answer a name, unless the text says so already."""
    if sender is None or sender.receives or not sender.reply_instruction:
        return ""
    return "" if sender.reply_instruction.casefold() in body.casefold() else sender.reply_instruction


def usable_senders(*, member: Membership) -> list[SenderId]:
    """Active senders this member may send from now, by label; which one a text may take depends on its destination."""
    ask = Ask(org_id=member.org_id, country=member.org.country, standing=standing_of(member))
    found: dict[UUID, SenderId] = {}
    for candidate in load_board(ask).everyone():
        sender = candidate.sender
        if (
            candidate.can_send
            and candidate.is_live
            and sender.sends
            and sender.status == SenderId.Status.ACTIVE
        ):
            found[sender.pk] = sender
    return sorted(found.values(), key=lambda sender: (sender.label, sender.value))


@transaction.atomic
def write_note(
    *, conversation: Conversation, text: str, by: Membership, client_ref: str = ""
) -> TimelineEntry:
    """A note for colleagues; the contact never sees it."""
    if not text.strip():
        raise unreadable("body", "Write something first; the note is empty.", "required")
    if len(text) > 2000:
        raise unreadable("body", f"A note has at most 2,000 characters; shorten it by {len(text) - 2000}.")
    entry = conversations.note(
        conversation=conversation,
        kind=TimelineEntry.Kind.NOTE,
        text=text.strip(),
        by=by,
        client_ref=client_ref,
    )
    tell_conversation(conversation)
    return entry
