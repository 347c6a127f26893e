"""Inbox folders: one name, one filter. The rail counts them, the list and the API open them."""

from collections.abc import Callable
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from messaging.conversations import with_unread
from messaging.models import Conversation, Message, PossibleOptOut
from messaging.statuses import Status as TextStatus
from senderid.models import Assignment
from senderid.searching import matches
from tenants.errors import unreadable
from tenants.models import Assignee, Membership

Rows = QuerySet[Conversation]
ENDED = (Conversation.Status.CLOSED, Conversation.Status.SNOOZED)


def _mine(rows: Rows, member: Membership | None) -> Rows:
    """Assigned to me; or on a sender that is only mine and nobody else's by name."""
    if member is None:
        return rows.none()
    own = Assignment.objects.for_org(member.org_id).filter(
        Assignment.live(), assignee=member.pk, can_read=True
    )
    return rows.filter(
        Q(assignee=member) | Q(assignee__isnull=True, sender__in=own.values("sender"))
    ).exclude(status__in=ENDED)


def _unassigned(rows: Rows, member: Membership | None) -> Rows:
    return rows.filter(assignee__isnull=True).exclude(status__in=ENDED)


def _shared(rows: Rows, member: Membership | None) -> Rows:
    """On senders assigned to a team, a profile or the organization."""
    groups = (Assignee.Kind.TEAM, Assignee.Kind.PROFILE, Assignee.Kind.ORGANIZATION)
    shared = Assignment.unscoped.filter(
        Assignment.live(),
        org=OuterRef("org"),
        sender=OuterRef("sender"),
        assignee__kind__in=groups,
        can_read=True,
    )
    return rows.filter(Exists(shared)).exclude(status__in=ENDED)


def _campaigns(rows: Rows, member: Membership | None) -> Rows:
    return rows.filter(campaign__isnull=False).exclude(status__in=ENDED)


def _programs(rows: Rows, member: Membership | None) -> Rows:
    return rows.filter(program__isnull=False).exclude(status__in=ENDED)


def _unread(rows: Rows, member: Membership | None) -> Rows:
    return with_unread(rows, member).filter(unread_count__gt=0)


def _waiting(rows: Rows, member: Membership | None) -> Rows:
    return rows.filter(waiting_since__isnull=False).exclude(status__in=ENDED)


def _scheduled(rows: Rows, member: Membership | None) -> Rows:
    texts = Message.unscoped.filter(conversation=OuterRef("pk"), status=TextStatus.SCHEDULED)
    return rows.filter(Exists(texts))


def undecided_wishes() -> QuerySet[PossibleOptOut]:
    """Of the conversation outside: wishes to stop that wait for a decision."""
    rows = PossibleOptOut.unscoped.filter(org=OuterRef("org"), conversation=OuterRef("pk"))
    return rows.filter(decided_at__isnull=True)


def possible_opt_outs(rows: Rows) -> Rows:
    """Those in which a wish to stop waits for a decision."""
    return rows.filter(Exists(undecided_wishes()))


def _possible_opt_outs(rows: Rows, member: Membership | None) -> Rows:
    return possible_opt_outs(rows)


def _closed(rows: Rows, member: Membership | None) -> Rows:
    return rows.filter(status=Conversation.Status.CLOSED)


def _all(rows: Rows, member: Membership | None) -> Rows:
    return rows


FOLDERS: dict[str, tuple[str, Callable[[Rows, Membership | None], Rows]]] = {
    "mine": ("Mine", _mine),
    "unassigned": ("Unassigned", _unassigned),
    "shared": ("Shared", _shared),
    "campaigns": ("Campaign replies", _campaigns),
    "programs": ("Program replies", _programs),
    "unread": ("Unread", _unread),
    "waiting": ("Waiting", _waiting),
    "possible_opt_outs": ("Possible opt-outs", _possible_opt_outs),
    "scheduled": ("Scheduled", _scheduled),
    "closed": ("Closed", _closed),
    "all": ("All", _all),
}


def in_folder(rows: Rows, folder: str, member: Membership | None) -> Rows:
    """The conversations of `rows` in this folder; 400 for an unknown one."""
    if folder not in FOLDERS:
        raise unreadable("folder", f"“{folder}” is no folder; there are: {', '.join(FOLDERS)}.")
    return FOLDERS[folder][1](rows, member)


def narrowed(rows: Rows, filters: dict[str, Any], *, country: str) -> Rows:
    """By status, assignee, sender, contact, campaign, program, tag and words: what is given counts."""
    for name in ("status", "assignee", "sender", "contact", "campaign", "program"):
        if value := filters.get(name):
            rows = rows.filter(**{name: value})
    if tag := filters.get("tag"):
        rows = rows.filter(tags__contains=[tag])
    if words := (filters.get("q") or "").strip():
        who = matches(
            words, country=country, numbers=("contact__number",), folded_names=("contact__search_name",)
        )
        rows = rows.filter(who | Q(last_body__icontains=words))
    return rows


def counts(rows: Rows, member: Membership) -> dict[str, int]:
    """How many unread conversations lie in each folder of the rail."""
    shown = ("mine", "unassigned", "shared", "campaigns", "programs", "waiting")
    return {name: in_folder(_unread(rows, member), name, member).count() for name in shown}
