"""Acting on STOP, START and HELP as they come in; replies to them are marked as such and notify nobody."""

from dataclasses import dataclass

from messaging import consent, conversations, programs, sending
from messaging.consent import HELP, START, STOP, Keyword, fold
from messaging.models import Conversation, InboundEvent, OptOut, Program, TimelineEntry
from tenants.models import Organization

Scope = OptOut.Scope
VERDICTS = {"STOP": STOP, "START": START, "HELP": HELP}  # Twilio's OptOutType
RECONCILED = "reconciled"
AMBIGUOUS = {"YES", "JOIN"}  # may answer a question of ours; JOIN counts where it joins a program


@dataclass(frozen=True)
class Outcome:
    """Whether the text was a keyword that acted, why nobody is notified of it, and the program it joined, if any."""

    is_keyword: bool
    hushed: str = ""
    program: Program | None = None


def act_on(*, conversation: Conversation, event: InboundEvent) -> Outcome:
    """Does what a keyword asks. A START word without an opt-out to undo is left to programs."""
    word = _keyword_of(event)
    if word is None:
        return Outcome(False)
    program = programs.program_of(conversation)
    answered = _provider_answered(event)
    if word.action == STOP:
        _stop(conversation, event.body, word, program, provider_answered=answered)
        return Outcome(True, "STOP: no mail is sent for it")
    if word.action == HELP:
        if not answered:
            _help(conversation, event.body, program)
        return Outcome(True, "HELP: no mail is sent for it")
    return _start(conversation, event.body, word, provider_answered=answered)


def _keyword_of(event: InboundEvent) -> Keyword | None:
    """By the provider's own verdict where it gives one, else by the words."""
    word = consent.keyword_in(event.body)
    action = VERDICTS.get(event.payload.get("OptOutType", "").upper())
    if action is None or (word is not None and word.action == action):
        return word
    return Keyword(action, "")


def _provider_answered(event: InboundEvent) -> bool:
    """Whether the provider answers keywords itself: it says so; for a text found later, whether it ever did."""
    if RECONCILED not in event.payload:
        return event.payload.get("OptOutType", "").upper() in VERDICTS
    events = InboundEvent.objects.for_org(event.org_id).filter(account=event.account_id)
    return events.filter(payload__OptOutType__in=list(VERDICTS)).exists()


def _stop(
    conversation: Conversation, body: str, word: Keyword, program: Program | None, *, provider_answered: bool
) -> None:
    org = conversation.org
    row, is_new = consent.record_stop(
        org=org,
        contact_number=conversation.contact.number,
        sender=conversation.sender,
        program=program,
        source=OptOut.Source.TEXT,
        words=body,
        language=word.language,
        everywhere=word.everywhere,
    )
    conversations.note(
        conversation=conversation, kind=TimelineEntry.Kind.OPT_OUT, text=f"opted out ({row.scope})"
    )
    if is_new and not provider_answered:
        text = program.says("stop") if program else ""
        sending.answer(
            conversation=conversation,
            body=text or _stop_text(org, row, program),
            to_text=body,
            program=program,
            compliance=True,
        )


def _stop_text(org: Organization, row: OptOut, program: Program | None) -> str:
    """What was ended, exactly, and how to undo it: START does not undo an org-wide STOPALL of a narrower org."""
    if row.scope == Scope.PROGRAM and program is not None:
        return (
            f"{org.name}: you will get no more messages from {program.name}. Reply START to get them again."
        )
    if row.scope == Scope.SENDER:
        return f"{org.name}: you will get no more messages from this number. Reply START to get them again."
    if org.stop_scope == Organization.StopScope.ORG:
        return f"{org.name}: you will get no more messages from us. Reply START to get them again."
    return f"{org.name}: you will get no more messages from any of our numbers. Contact us to get them again."


def _help(conversation: Conversation, body: str, program: Program | None) -> None:
    text = program.says("help") if program else ""
    default = f"{conversation.org.name}: text us here and we will reply. Reply STOP to get no more messages."
    sending.answer(
        conversation=conversation, body=text or default, to_text=body, program=program, compliance=True
    )


def _start(conversation: Conversation, body: str, word: Keyword, *, provider_answered: bool) -> Outcome:
    """Lifts what a START may lift; the text then goes on to programs, and one reply names both."""
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
    if word.language == "" or fold(body) not in AMBIGUOUS:
        consent.withdraw_wishes(conversation=conversation)
    if not undone:
        return Outcome(False)
    text = "" if provider_answered else _start_text(org, undone)
    joined = programs.join_by_text(conversation=conversation, body=body, preface=text)
    if joined is None and text:
        program = programs.program_of(conversation)
        sending.answer(conversation=conversation, body=text, to_text=body, program=program, compliance=True)
    return Outcome(True, "START: no mail is sent for it", joined)


def _start_text(org: Organization, undone: list[OptOut]) -> str:
    scopes = {row.scope for row in undone}
    if scopes == {Scope.PROGRAM}:
        what = ", ".join(row.program.name for row in undone if row.program)
        return f"{org.name}: you will get messages from {what} again. Reply STOP to end them."
    if Scope.ORG in scopes:
        return f"{org.name}: you will get our messages again. Reply STOP to end them."
    return f"{org.name}: you will get messages from this number again. Reply STOP to end them."
