"""Acting on STOP, START and HELP as they come in; answers are marked as such and told to nobody."""

from dataclasses import dataclass

from messaging import consent, conversations, programs, sending
from messaging.consent import HELP, START, STOP, Keyword
from messaging.models import Conversation, OptOut, Program, TimelineEntry
from tenants.models import Organization

Scope = OptOut.Scope


@dataclass(frozen=True)
class Outcome:
    """Whether the text was a keyword that acted, and why nobody is told of it."""

    is_keyword: bool
    hushed: str = ""


def act_on(*, conversation: Conversation, body: str, payload: dict[str, str]) -> Outcome:
    """Does what a keyword asks. A START word without an opt-out to undo is left to programs."""
    word = consent.keyword_in(body)
    if word is None:
        return Outcome(False)
    program = programs.program_of(conversation)
    if word.action == STOP:
        _stop(conversation, body, word, program, provider_answered="OptOutType" in payload)
        return Outcome(True, "STOP: no mail is sent for it")
    if word.action == HELP:
        _help(conversation, program, provider_answered="OptOutType" in payload)
        return Outcome(True, "HELP: no mail is sent for it")
    if _start(conversation, body, word, program):
        return Outcome(True, "START: no mail is sent for it")
    return Outcome(False)


def _scope(org: Organization, word: Keyword, program: Program | None) -> str:
    if word.everywhere:
        return Scope.ORG
    if org.stop_scope == Organization.StopScope.PROGRAM:
        return Scope.PROGRAM if program else Scope.SENDER
    return org.stop_scope


def _stop(
    conversation: Conversation, body: str, word: Keyword, program: Program | None, *, provider_answered: bool
) -> None:
    org, number = conversation.org, conversation.contact.number
    scope = _scope(org, word, program)
    _, is_new = consent.opt_out(
        org=org,
        number=number,
        scope=scope,
        source=OptOut.Source.TEXT,
        sender=conversation.sender,
        program=program,
        words=body,
        language=word.language,
    )
    if program is not None:
        programs.leave(program=program, contact=conversation.contact)
    conversations.note(
        conversation=conversation, kind=TimelineEntry.Kind.OPT_OUT, text=f"opted out ({scope})"
    )
    if is_new and not provider_answered:
        text = program.says("stop") if program else ""
        sending.answer(
            conversation=conversation, body=text or _stop_text(org), program=program, compliance=True
        )


def _stop_text(org: Organization) -> str:
    return f"{org.name}: you will get no more texts from us. Text START to get them again."


def _help(conversation: Conversation, program: Program | None, *, provider_answered: bool) -> None:
    if provider_answered:
        return
    text = program.says("help") if program else ""
    default = f"{conversation.org.name}: text us here and we answer. Text STOP to get no more texts."
    sending.answer(conversation=conversation, body=text or default, program=program, compliance=True)


def _start(conversation: Conversation, body: str, word: Keyword, program: Program | None) -> bool:
    assert word.action == START
    org, number = conversation.org, conversation.contact.number
    on_sender = programs.programs_on(org_id=org.pk, sender_id=conversation.sender_id)
    undone = consent.undoable(org=org, number=number, sender=conversation.sender, programs=on_sender)
    for row in undone:
        consent.opt_in(
            org=org,
            number=number,
            scope=row.scope,
            source=OptOut.Source.TEXT,
            sender=row.sender,
            program=row.program,
            words=body,
            language=word.language,
        )
        conversations.note(
            conversation=conversation, kind=TimelineEntry.Kind.OPT_IN, text=f"opted in ({row.scope})"
        )
    if not undone:
        return False
    text = f"{org.name}: you will get our texts again. Text STOP to end them."
    sending.answer(conversation=conversation, body=text, program=program, compliance=True)
    return True
