"""Possible opt-outs: a contact asked to stop in words that are no keyword, and a person decides what was meant.

`receiving` holds promotional messages with `hold_for`; the thread's two buttons and the API call `decide` and `undo`.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from messaging import consent, conversations, programs
from messaging.live_events import tell_conversation
from messaging.models import ConsentEntry, Conversation, OptOut, PossibleOptOut, TimelineEntry
from messaging.stop_wishes import stop_wish_in, wants_messages_again
from tenants import audit
from tenants.errors import DomainError, NotFound, register
from tenants.models import Membership

Decision = PossibleOptOut.Decision
OFFER_UNDO = timedelta(hours=1)
DECISIONS = (Decision.OPTED_OUT, Decision.DISMISSED)
IN_WORDS = {Decision.OPTED_OUT: "an opt-out", Decision.DISMISSED: "not an opt-out"}


def hold_for(*, conversation: Conversation, body: str) -> bool:
    """Holds promotional messages where the text is a wish to stop, or releases them where it takes one back; whether
    it is a wish."""
    language = stop_wish_in(body)
    if not language:
        if wants_messages_again(body):
            consent.withdraw_wishes(conversation=conversation)
        return False
    if _has_opted_out(conversation):
        return True
    number = conversation.contact.number
    _, is_new = PossibleOptOut.objects.for_org(conversation.org_id).get_or_create(
        conversation=conversation,
        number=number,
        decided_at=None,
        defaults={"words": body[:200], "language": language},
    )
    if is_new:
        text = "May have opted out: promotional messages are held until someone decides."
        conversations.note(conversation=conversation, kind=TimelineEntry.Kind.FLAG, text=text)
    return True


def _has_opted_out(conversation: Conversation) -> bool:
    reach = consent.opted_out(org=conversation.org_id, number=conversation.contact.number)
    return reach == "all" or conversation.sender_id in reach


def undecided(conversation: Conversation) -> PossibleOptOut | None:
    """The wish of this conversation that waits for a decision, if any."""
    return _rows(conversation).filter(decided_at__isnull=True).first()


def undoable(conversation: Conversation, member: Membership | None) -> PossibleOptOut | None:
    """The last decision here, if this member made it or is an admin; without a member: any."""
    last = _rows(conversation).order_by("-created_at").select_related("decided_by__user").first()
    if last is None or last.decision not in DECISIONS:
        return None
    return last if member is None or member.is_admin or last.decided_by_id == member.pk else None


def recent_decision(conversation: Conversation, member: Membership) -> PossibleOptOut | None:
    """The same within the hour after it was made, while the thread offers to take it back."""
    row = undoable(conversation, member)
    return row if row and row.decided_at and row.decided_at > timezone.now() - OFFER_UNDO else None


@transaction.atomic
def decide(*, conversation: Conversation, decision: str, by: Membership | None = None) -> None:
    """Opts the contact out as a STOP would, or releases what was held. 422 `already_decided` when somebody, or the
    contact, decided otherwise meanwhile."""
    _lock(conversation)
    row = undecided(conversation)
    if row is None:
        _refuse_other(conversation, decision)
        return
    if decision == Decision.OPTED_OUT:
        row.opt_out = _opt_out(conversation, row, by)
    row.decision, row.decided_at, row.decided_by = decision, timezone.now(), by
    row.save(update_fields=["decision", "decided_at", "decided_by", "opt_out"])
    _note(conversation, f"marked this as {IN_WORDS[Decision(decision)]}", by)
    audit.note(
        org_id=conversation.org_id,
        action="possible_opt_out.decided",
        target=conversation,
        text=f"Possible opt-out of {conversation.contact.number}: {IN_WORDS[Decision(decision)]}",
        decision=decision,
    )
    _announce(conversation)


def _opt_out(conversation: Conversation, row: PossibleOptOut, by: Membership | None) -> OptOut | None:
    """As the contact's own STOP, so that their START undoes it; the log names who decided."""
    made, is_new = consent.record_stop(
        org=conversation.org,
        contact_number=row.number,
        sender=conversation.sender,
        program=programs.program_of(conversation),
        source=OptOut.Source.TEXT,
        words=row.words,
        language=row.language,
        member=by,
    )
    return made if is_new else None


def _refuse_other(conversation: Conversation, decision: str) -> None:
    last = _rows(conversation).order_by("-created_at").select_related("decided_by__user").first()
    if last is None:
        raise NotFound("possible opt-out")
    if last.decision == decision:
        return
    if last.decision == Decision.WITHDRAWN:
        text = f"{conversation.contact} asked for messages again meanwhile."
    else:
        who = last.decided_by.name if last.decided_by else "Somebody"
        text = f"{who} marked this as {IN_WORDS[Decision(last.decision)]} meanwhile."
    raise DomainError("already_decided", text, field="possible_opt_out_decision")


@transaction.atomic
def undo(*, conversation: Conversation, by: Membership | None = None) -> None:
    """Takes back the last decision: the wish waits again, and the opt-out that it recorded is lifted."""
    _lock(conversation)
    row = undoable(conversation, by)
    if row is None:
        raise NotFound("decision to undo")
    if row.decision == Decision.OPTED_OUT and row.opt_out is not None:
        _refuse_after_stop(row)
        _lift(row.opt_out, by)
    row.decision, row.decided_at, row.decided_by = "", None, None
    row.save(update_fields=["decision", "decided_at", "decided_by"])
    _note(conversation, "took back the decision about the possible opt-out", by)
    audit.note(
        org_id=conversation.org_id,
        action="possible_opt_out.reopened",
        target=conversation,
        text=f"Decision about the possible opt-out of {conversation.contact.number} undone",
    )
    _announce(conversation)


def _refuse_after_stop(row: PossibleOptOut) -> None:
    log = ConsentEntry.objects.for_org(row.org_id).filter(number=row.number, at__gt=row.decided_at)
    if log.filter(what=ConsentEntry.What.OPT_OUT, member__isnull=True).exists():
        text = "The contact has opted out since; this decision can’t be undone."
        raise DomainError("already_decided", text, field="possible_opt_out_decision")


def _lift(made: OptOut, by: Membership | None) -> None:
    consent.opt_in(
        org=made.org,
        number=made.number,
        scope=made.scope,
        source=OptOut.Source.MANUAL,
        sender=made.sender,
        program=made.program,
        member=by,
    )


def _rows(conversation: Conversation) -> QuerySet[PossibleOptOut]:
    return PossibleOptOut.objects.for_org(conversation.org_id).filter(conversation=conversation)


def _lock(conversation: Conversation) -> None:
    """The conversation first, then the number's wishes by id, as what comes in does."""
    rows = Conversation.objects.for_org(conversation.org_id).select_for_update(of=("self",))
    rows.get(pk=conversation.pk)
    wishes = consent.possible_opt_outs(org=conversation.org_id, number=conversation.contact.number)
    list(wishes.select_for_update().order_by("pk").values_list("pk"))


def _note(conversation: Conversation, text: str, by: Membership | None) -> None:
    if by is None:
        text = f"An integration {text}"
    conversations.note(conversation=conversation, kind=TimelineEntry.Kind.DECIDED, text=text, by=by)


def _announce(conversation: Conversation) -> None:
    """Other conversations of the contact show it too."""
    tell_conversation(conversation)
    others = Conversation.objects.for_org(conversation.org_id).filter(contact=conversation.contact_id)
    for other in others.exclude(pk=conversation.pk).select_related("contact")[:20]:
        tell_conversation(other)


register({"already_decided": "Somebody decided about this possible opt-out meanwhile."})
