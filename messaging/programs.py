"""Programs: keywords that join, single and double opt-in, the auto-responder and its modes.

`receiving` asks `take_text` of each inbound text that was no STOP, START or HELP.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from messaging import consent, sending
from messaging.consent import fold
from messaging.models import (
    ConsentEntry,
    Contact,
    Conversation,
    Message,
    Program,
    ProgramKeyword,
    Subscription,
)
from senderid.models import Assignment, SenderId
from tenants import audit
from tenants.errors import DomainError, register, unreadable
from tenants.models import Assignee, Membership, Organization

MOST_KEYWORDS = 100
DAY = timedelta(hours=24)
ATTRIBUTION = timedelta(days=7)
YES = {"YES", "Y", "JA", "OUI", "SI", "SIM"}
State, Mode, OptIn = Subscription.State, Program.Mode, Program.OptIn


@dataclass(frozen=True)
class Taken:
    """The program a text belongs to, and why nobody is told of it ('' when its assignment's rule decides)."""

    program: Program
    hushed: str = ""


def save_program(
    *,
    org: Organization,
    name: str,
    keywords: list[dict[str, str]] | None = None,
    opt_in: str = OptIn.SINGLE,
    mode: str = Mode.REPLY_AND_NOTIFY,
    texts: dict[str, str] | None = None,
    owner: Membership | None = None,
    program: Program | None = None,
) -> Program:
    """Makes or changes a program; keywords are unique per sender (422 `keyword_taken`)."""
    program = program or Program(org=org)
    if not name.strip():
        raise unreadable("name", "Give the program a name.", "required")
    same = Program.objects.for_org(org).filter(name=name.strip()).exclude(pk=program.pk)
    if same.exists():
        raise DomainError("duplicate", f"There is a program “{name.strip()}” already.", field="name")
    said = _clean_texts(texts if texts is not None else program.texts)
    changed = audit.differing(program, {"name": name.strip(), "opt_in": opt_in, "mode": mode})
    changed += [f"texts.{part}" for part in Program.TEXTS if program.texts.get(part) != said.get(part)]
    program.name, program.opt_in, program.mode, program.texts = name.strip(), opt_in, mode, said
    program.owner = owner or program.owner
    with transaction.atomic():
        program.save()
        if keywords is not None:
            changed += ["keywords"] if _write_keywords(program, keywords) else []
            for sender in SenderId.objects.for_org(org).filter(pk__in=senders_of(program)):
                _refuse_taken(program, sender.pk)
                _demand_receiving(program, sender, field="keywords")
        audit.note(
            org_id=org.pk,
            action="program.saved",
            target=program,
            text=f"Program {program.name} saved",
            changed=changed,
        )
    return program


def _clean_texts(texts: dict[str, str]) -> dict[str, str]:
    for name, text in texts.items():
        if name not in Program.TEXTS:
            raise unreadable(
                "texts", f"“{name}” is no text of a program; there are: {', '.join(Program.TEXTS)}."
            )
        if len(text or "") > 1600:
            raise unreadable(f"texts.{name}", "A text has at most 1,600 characters.", "body_too_long")
    return {name: text.strip() for name, text in texts.items() if text and text.strip()}


def _write_keywords(program: Program, keywords: list[dict[str, str]]) -> bool:
    """Replaces them; whether that changed anything."""
    if len(keywords) > MOST_KEYWORDS:
        raise unreadable("keywords", f"At most {MOST_KEYWORDS} keywords.", "too_many")
    rows = ProgramKeyword.objects.for_org(program.org_id)
    before = set(rows.filter(program=program).values_list("word", "language"))
    rows.filter(program=program).delete()
    for given in keywords:
        word, folded = str(given.get("word", "")).strip(), fold(str(given.get("word", "")))
        if not folded or len(word) > 40 or len(folded) > 40:
            raise unreadable("keywords", f"“{word}” is no keyword; use letters and digits, at most 40.")
        known = consent.keyword_in(word)
        if known is not None and known.action != consent.START:
            raise DomainError(
                "keyword_reserved",
                f"“{word}” means {known.action} everywhere; use another.",
                field="keywords",
            )
        rows.get_or_create(
            program=program, folded=folded, defaults={"word": word, "language": given.get("language") or "en"}
        )
    return before != set(rows.filter(program=program).values_list("word", "language"))


def senders_of(program: Program) -> list[UUID]:
    """Ids of the senders assigned to it now."""
    rows = Assignment.objects.for_org(program.org_id).filter(Assignment.live(), assignee=program.pk)
    return list(rows.values_list("sender_id", flat=True))


def programs_on(*, org_id: UUID, sender_id: UUID) -> list[Program]:
    """Active programs that a sender serves, oldest first."""
    rows = Assignment.objects.for_org(org_id).filter(
        Assignment.live(), sender=sender_id, assignee__kind=Assignee.Kind.PROGRAM
    )
    ids = rows.values_list("assignee_id", flat=True)
    return list(Program.objects.for_org(org_id).filter(pk__in=ids, is_active=True).order_by("created_at"))


def refuse_taken_keywords(sender: Any, assignment: Assignment, **_: Any) -> None:
    """Receiver of `senderid.assignment.assigning`: a program's keywords must be free on the sender, and reach it."""
    program = Program.objects.for_org(assignment.org_id).filter(pk=assignment.assignee_id).first()
    if program is not None:
        _refuse_taken(program, assignment.sender_id)
        _demand_receiving(program, assignment.sender, field="sender_id")


def refuse_deaf_sender(sender: Any, **signal: Any) -> None:
    """Receiver of `senderid.provisioning.changing`: a sender of a keyword program goes on receiving."""
    changed: SenderId = signal["changed"]
    if not changed.receives:
        for program in programs_on(org_id=changed.org_id, sender_id=changed.pk):
            _demand_receiving(program, changed, field="direction")


def _demand_receiving(program: Program, sender: SenderId, *, field: str) -> None:
    """422 `keyword_sender_one_way` when people could not text the program's keywords to the sender."""
    if sender.receives:
        return
    first = program.keywords.first()
    if first is not None:
        text = f"{sender.display} can’t receive, so nobody can text it “{first.word}” to join {program.name}."
        raise DomainError("keyword_sender_one_way", f"{text} Choose a two-way number.", field=field)


def _refuse_taken(program: Program, sender_id: UUID) -> None:
    others = [
        other.pk
        for other in programs_on(org_id=program.org_id, sender_id=sender_id)
        if other.pk != program.pk
    ]
    mine = program.keywords.values_list("folded", flat=True)
    taken = ProgramKeyword.objects.for_org(program.org_id).filter(program__in=others, folded__in=mine)
    clash = taken.select_related("program").first()
    if clash is not None:
        text = f"“{clash.word}” joins {clash.program.name} on this sender already; use another word."
        raise DomainError("keyword_taken", text, field="keywords")


def program_of(conversation: Conversation) -> Program | None:
    """The program this contact is in on this sender, or whose text they last got here."""
    on_sender = programs_on(org_id=conversation.org_id, sender_id=conversation.sender_id)
    if not on_sender:
        return None
    live = Subscription.objects.for_org(conversation.org_id).filter(
        contact=conversation.contact_id, program__in=on_sender, state__in=[State.ACTIVE, State.PENDING]
    )
    newest = live.select_related("program").order_by("-asked_at").first()
    if newest is not None:
        return newest.program
    texts = Message.objects.for_org(conversation.org_id).filter(
        sender=conversation.sender_id,
        contact=conversation.contact_id,
        program__in=on_sender,
        created_at__gt=timezone.now() - ATTRIBUTION,
    )
    last = texts.select_related("program").order_by("-pk").first()
    return last.program if last else next((p for p in on_sender if p.opt_in == OptIn.NONE), None)


def take_text(*, conversation: Conversation, body: str) -> Taken | None:
    """Joins, confirms or answers; None when the text belongs to no program."""
    joined = join_by_text(conversation=conversation, body=body)
    if joined is not None:
        return Taken(joined, _hushed(joined, answered=True))
    program = program_of(conversation)
    if program is None:
        return None
    answered = _auto_reply(conversation, program, body)
    return Taken(program, _hushed(program, answered=answered))


def join_by_text(*, conversation: Conversation, body: str, preface: str = "") -> Program | None:
    """The program whose keyword or YES the whole text is; it replies, after `preface`. None when it is neither."""
    keyword = _by_keyword(conversation, body)
    if keyword is not None:
        _join(conversation, keyword, Reply(conversation, body, preface))
        return keyword.program
    return _confirm(conversation, body, preface)


def _hushed(program: Program, *, answered: bool) -> str:
    if program.mode == Mode.REPLY_ONLY:
        return "The program replies; nobody is notified"
    if program.mode == Mode.REPLY_THEN_NOTIFY and answered:
        return "The program replied; the next message notifies"
    return ""


def _by_keyword(conversation: Conversation, body: str) -> ProgramKeyword | None:
    on_sender = programs_on(org_id=conversation.org_id, sender_id=conversation.sender_id)
    rows = ProgramKeyword.objects.for_org(conversation.org_id).filter(
        program__in=on_sender, folded=fold(body)
    )
    return rows.select_related("program").order_by("program__created_at").first()


def _join(conversation: Conversation, keyword: ProgramKeyword, reply: "Reply") -> None:
    program, contact = keyword.program, conversation.contact
    row = Subscription.objects.for_org(program.org_id).filter(program=program, contact=contact).first()
    if row is not None and row.state == State.ACTIVE:
        reply.send(program, "already_joined", f"{program.name}: you have joined already.")
    elif program.opt_in == OptIn.DOUBLE:
        _subscribe(program, contact, State.PENDING, keyword.word)
        reply.send(program, "confirm", f"{program.name}: reply YES to join.")
    else:
        _subscribe(program, contact, State.ACTIVE, keyword.word)
        consent.withdraw_wishes(conversation=reply.conversation)
        reply.send(program, "welcome", f"{program.name}: welcome. Text STOP to end.")


def _confirm(conversation: Conversation, body: str, preface: str) -> Program | None:
    """The program that a YES joins: the one last asked about on this sender, within 24 h."""
    if fold(body) not in YES:
        return None
    pending = Subscription.objects.for_org(conversation.org_id).filter(
        program__in=programs_on(org_id=conversation.org_id, sender_id=conversation.sender_id),
        contact=conversation.contact,
        state=State.PENDING,
        asked_at__gt=timezone.now() - DAY,
    )
    row = pending.select_related("program").order_by("-asked_at").first()
    if row is None:
        return None
    _subscribe(row.program, conversation.contact, State.ACTIVE, row.keyword)
    consent.withdraw_wishes(conversation=conversation)
    welcome = f"{row.program.name}: welcome. Text STOP to end."
    Reply(conversation, body, preface).send(row.program, "welcome", welcome)
    return row.program


def _subscribe(program: Program, contact: Contact, state: str, word: str) -> None:
    now = timezone.now()
    Subscription.objects.for_org(program.org_id).update_or_create(
        program=program,
        contact=contact,
        defaults={
            "state": state,
            "keyword": word,
            "asked_at": now,
            "joined_at": now if state == State.ACTIVE else None,
            "ended_at": None,
        },
    )
    if state == State.ACTIVE:
        ConsentEntry.objects.for_org(program.org_id).create(
            number=contact.number,
            what=ConsentEntry.What.CONSENT,
            scope="program",
            program=program,
            source="keyword",
            words=word,
        )


@dataclass(frozen=True)
class Reply:
    """An automatic reply of a program to a text: one of its own texts or a default, after `preface`."""

    conversation: Conversation
    to_text: str
    preface: str = ""

    def send(self, program: Program, which: str, default: str) -> None:
        body = " ".join(filter(None, [self.preface, program.says(which) or default]))
        sending.answer(conversation=self.conversation, body=body, to_text=self.to_text, program=program)


def _auto_reply(conversation: Conversation, program: Program, body: str) -> bool:
    """The auto-responder, at most once per contact in 24 h."""
    text = program.says("auto_reply")
    if program.mode == Mode.NOTIFY_ONLY or not text:
        return False
    recent = Message.objects.for_org(program.org_id).filter(
        contact=conversation.contact,
        program=program,
        metadata__automatic="auto_reply",
        created_at__gt=timezone.now() - DAY,
    )
    if recent.exists():
        return False
    message = sending.answer(conversation=conversation, body=text, to_text=body, program=program)
    if message is None:
        return False
    message.metadata = {"automatic": "auto_reply"}
    message.save(update_fields=["metadata"])
    return True


register(
    {
        "keyword_taken": "Another program on the same sender has this keyword.",
        "keyword_sender_one_way": "The program has keywords, and the sender can’t receive them.",
        "keyword_reserved": "The word means STOP or HELP everywhere.",
        "not_quarantined": "Only an event in quarantine can be replayed.",
    }
)


def end_program(*, program: Program) -> None:
    """Deletes one that never spoke; one with history is switched off and loses its senders."""
    audit.note(
        org_id=program.org_id, action="program.ended", target=program, text=f"Program {program.name} ended"
    )
    Assignment.objects.for_org(program.org_id).filter(assignee=program.pk).delete()
    if Message.objects.for_org(program.org_id).filter(program=program).exists():
        program.is_active = False
        program.save(update_fields=["is_active"])
    else:
        program.delete()
