"""STOP, START and HELP; who may not be texted; the consent log.

`receiving` asks `keyword_in` of every inbound text; `sending` and the claim ask who has opted out.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from messaging.models import (
    ConsentEntry,
    Conversation,
    OptOut,
    PossibleOptOut,
    Program,
    Subscription,
    TimelineEntry,
)
from messaging.stop_wishes import fold as fold
from messaging.stop_wishes import without_lookalikes
from senderid.models import Assignment, SenderId
from tenants.errors import register, unreadable
from tenants.models import Membership, Organization

CLOCKS_DIFFER = timedelta(minutes=5)  # by which another machine may be ahead
DATA = Path(__file__).parent / "data"
STOP, START, HELP = "stop", "start", "help"
STOP_ALL = {"STOPALL", "STOP ALL"}
Scope, Source = OptOut.Scope, OptOut.Source


@dataclass(frozen=True)
class Keyword:
    """A STOP, START or HELP word: what it does, in which language, whether it is org-wide whatever the setting."""

    action: str
    language: str
    everywhere: bool = False


@lru_cache(maxsize=1)
def keywords() -> dict[str, Keyword]:
    """{folded word: Keyword} from data/optout_keywords.csv; a word's first language wins."""
    found: dict[str, Keyword] = {}
    with (DATA / "optout_keywords.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            word = fold(row["keyword"])
            found.setdefault(word, Keyword(row["action"], row["language"], word in STOP_ALL))
    return found


def keyword_in(body: str) -> Keyword | None:
    """The keyword that the whole message is, or None."""
    return keywords().get(fold(body))


def mentions_stop(body: str) -> bool:
    """A STOP word inside a sentence: opts nobody out, but a person should look."""
    text = fold(body)
    if " " not in text or keyword_in(body) is not None:
        return False
    return any(word in ("stop", "unsubscribe", "optout") for word in without_lookalikes(text).split())


def opted_out(
    *, org: Organization | UUID, number: str, program_id: UUID | None = None
) -> frozenset[UUID] | Literal["all"]:
    """Senders this number opted out of, or "all". A program's opt-out counts only for its own texts."""
    rows = OptOut.objects.for_org(org).filter(number=number)
    return reach_of(rows.values_list("scope", "sender_id", "program_id"), program_id)


def reach_of(
    rows: Iterable[tuple[str, UUID | None, UUID | None]], program_id: UUID | None = None
) -> frozenset[UUID] | Literal["all"]:
    """The same of rows already read: (scope, sender id, program id)."""
    senders = set()
    for scope, sender_id, of_program in rows:
        if scope == Scope.ORG or (scope == Scope.PROGRAM and of_program == program_id):
            return "all"
        if scope == Scope.SENDER and sender_id is not None:
            senders.add(sender_id)
    return frozenset(senders)


def possible_opt_outs(*, org: Organization | UUID, number: str) -> QuerySet[PossibleOptOut]:
    """Wishes of this number to stop that nobody decided about: while there is one, promotional messages are held."""
    return PossibleOptOut.objects.for_org(org).filter(number=number, decided_at__isnull=True)


@transaction.atomic
def opt_out(
    *,
    org: Organization,
    number: str,
    scope: str,
    source: str,
    sender: SenderId | None = None,
    program: Program | None = None,
    words: str = "",
    language: str = "",
    member: Membership | None = None,
) -> tuple[OptOut, bool]:
    """Records an opt-out and its line in the log; (row, whether it is new). Wishes to stop that it fulfils are decided
    with it."""
    wishes = list(
        possible_opt_outs(org=org, number=number).select_for_update().order_by("pk").values_list("pk")
    )
    where = {
        "sender": sender if scope == Scope.SENDER else None,
        "program": program if scope == Scope.PROGRAM else None,
    }
    row, is_new = OptOut.objects.for_org(org).get_or_create(
        number=number, scope=scope, **where, defaults={"source": source}
    )
    _log(org, number, ConsentEntry.What.OPT_OUT, scope, source, words, language, member, where)
    if wishes:
        _fulfil_wishes(row, member)
    return row, is_new


def _fulfil_wishes(row: OptOut, by: Membership | None) -> None:
    """Decides the wishes of the number within the opt-out's reach; a program's reaches none."""
    wishes = possible_opt_outs(org=row.org_id, number=row.number)
    if row.scope == Scope.SENDER:
        wishes = wishes.filter(conversation__sender=row.sender_id)
    if row.scope != Scope.PROGRAM:
        wishes.update(decision=PossibleOptOut.Decision.OPTED_OUT, decided_at=timezone.now(), decided_by=by)


def record_stop(
    *,
    org: Organization,
    contact_number: str,
    sender: SenderId,
    program: Program | None,
    source: str,
    words: str,
    language: str = "",
    everywhere: bool = False,
    member: Membership | None = None,
) -> tuple[OptOut, bool]:
    """Opts a number out as far as the org's setting says, and ends the subscriptions within that reach.

    The one function for a STOP, whether it was texted or reported by the provider. `everywhere`: the whole org
    whatever the setting (STOPALL). Returns (row, whether it is new).
    """
    scope = Scope.ORG if everywhere else _scope_of(org, program)
    row, is_new = opt_out(
        org=org,
        number=contact_number,
        scope=scope,
        source=source,
        sender=sender,
        program=program,
        words=words,
        language=language,
        member=member,
    )
    _end_subscriptions(row)
    return row, is_new


def _scope_of(org: Organization, program: Program | None) -> str:
    if org.stop_scope == Organization.StopScope.PROGRAM:
        return Scope.PROGRAM if program else Scope.SENDER
    return org.stop_scope


def _end_subscriptions(row: OptOut) -> None:
    live = Subscription.objects.for_org(row.org_id).filter(contact__number=row.number, ended_at__isnull=True)
    if row.scope == Scope.PROGRAM:
        live = live.filter(program=row.program_id)
    elif row.scope == Scope.SENDER:
        on_sender = Assignment.objects.for_org(row.org_id).filter(sender=row.sender_id)
        live = live.filter(program__in=on_sender.values("assignee"))
    live.update(state=Subscription.State.ENDED, ended_at=timezone.now())


def opt_in(
    *,
    org: Organization,
    number: str,
    scope: str,
    source: str,
    sender: SenderId | None = None,
    program: Program | None = None,
    words: str = "",
    language: str = "",
    member: Membership | None = None,
) -> int:
    """Undoes the opt-outs of this scope only; returns how many."""
    rows = OptOut.objects.for_org(org).filter(number=number, scope=scope)
    where: dict[str, SenderId | Program | None] = {"sender": None, "program": None}
    if scope == Scope.SENDER:
        rows, where["sender"] = rows.filter(sender=sender), sender
    if scope == Scope.PROGRAM:
        rows, where["program"] = rows.filter(program=program), program
    undone, _ = rows.delete()
    if undone:
        _log(org, number, ConsentEntry.What.OPT_IN, scope, source, words, language, member, where)
    return undone


def undoable(
    *, org: Organization, number: str, sender: SenderId, programs: Iterable[Program]
) -> list[OptOut]:
    """The opt-outs that a START on this sender undoes: those a STOP here makes, and what the provider told us.

    Blocks that people or integrations made stay, and so does an org-wide STOPALL where a STOP reaches less far.
    """
    rows = OptOut.objects.for_org(org).filter(number=number, source__in=[Source.TEXT, Source.PROVIDER])
    mine = Q(scope=Scope.SENDER, sender=sender) | Q(scope=Scope.PROGRAM, program__in=list(programs))
    if org.stop_scope == Organization.StopScope.ORG:
        mine |= Q(scope=Scope.ORG)
    return list(rows.filter(mine).select_related("sender", "program"))


def withdraw_wishes(*, conversation: Conversation) -> bool:
    """The contact wants messages again: what was held is released as far as a STOP here would reach."""
    org = conversation.org
    wishes = possible_opt_outs(org=org, number=conversation.contact.number)
    if org.stop_scope != Organization.StopScope.ORG:
        wishes = wishes.filter(conversation__sender=conversation.sender_id)
    ids = list(wishes.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    if not ids:
        return False
    now = timezone.now()
    PossibleOptOut.objects.for_org(org).filter(pk__in=ids).update(
        decision=PossibleOptOut.Decision.WITHDRAWN, decided_at=now
    )
    TimelineEntry.objects.for_org(org).create(
        conversation=conversation, kind=TimelineEntry.Kind.OPT_IN, text="asked for messages again"
    )
    return True


def give_consent(*, org: Organization, number: str, source: str, at: datetime | None = None) -> None:
    """A row that says this number agreed to be texted. One to come would outlive what the number says until then."""
    if at is not None and at > timezone.now() + CLOCKS_DIFFER:
        raise unreadable("consent.at", "This time is still to come; give when they agreed.", "in_the_future")
    entry = ConsentEntry.objects.for_org(org).create(
        number=number, what=ConsentEntry.What.CONSENT, scope=Scope.ORG, source=source[:40]
    )
    if at is not None:
        ConsentEntry.objects.for_org(org).filter(pk=entry.pk).update(at=at)


def has_consent(*, org: Organization, number: str) -> bool:
    """Whether the newest org-wide entry of this number is not an opt-out, and there is one."""
    log = ConsentEntry.objects.for_org(org).filter(number=number, scope=Scope.ORG)
    newest = log.order_by("-at").values_list("what", flat=True)
    return (newest.first() or ConsentEntry.What.OPT_OUT) != ConsentEntry.What.OPT_OUT


def _log(
    org: Organization,
    number: str,
    what: str,
    scope: str,
    source: str,
    words: str,
    language: str,
    member: Membership | None,
    where: Any,
) -> None:
    ConsentEntry.objects.for_org(org).create(
        number=number,
        what=what,
        scope=scope,
        source=source,
        words=words[:200],
        language=language,
        member=member,
        **where,
    )


register({"consent_missing": "The organization asks for consent, and this number has given none."})
