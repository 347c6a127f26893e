"""The rail: the inbox folders of a member with what is unread in each, then the pages their role may open.

`messaging.context` gives it to every page; the inbox fetches it again when something changes. Four to six queries,
however many conversations there are; nothing for a stranger.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from django.db.models import Count, Q
from django.urls import Resolver404, resolve

from messaging.conversations import readable_by, with_unread
from messaging.folders import ENDED, possible_opt_outs
from messaging.models import Conversation
from senderid.models import Assignment
from tenants.access import standing_of
from tenants.models import Assignee, Membership

LOOKED_AT = 2000  # a count on every page must not grow with the history
GROUPS = (Assignee.Kind.TEAM, Assignee.Kind.PROFILE, Assignee.Kind.ORGANIZATION)
FOLDERS = {
    "mine": "Mine",
    "unassigned": "Unassigned",
    "unread": "Unread",
    "waiting": "Waiting",
    "campaigns": "Campaign replies",
    "programs": "Program replies",
}
QUIET_FOLDERS = {"scheduled": "Scheduled", "closed": "Closed", "all": "All"}
SEND = {"/campaigns/": "Campaigns", "/programs/": "Programs", "/contacts/": "Contacts"}
SET_UP = {
    "/senders/": "Sender IDs",
    "/countries/": "Countries",
    "/explain/": "Test a sender",
    "/advisor/": "Advisor",
    "/people/": "People",
    "/absences/": "Absences",
    "/notifications/templates/": "Email templates",
    "/why/": "Notification log",
    "/developers/": "Developers",
    "/quarantine/": "Quarantine",
    "/settings/": "Organization",
}


@dataclass(frozen=True)
class Item:
    """One line of the rail; `count` is of unread conversations, of possible opt-outs all."""

    name: str
    href: str
    is_here: bool = False
    count: int = 0
    counted: str = "unread"


@dataclass(frozen=True)
class Part:
    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class SharedInbox:
    """What comes in on the senders of one team, profile or the whole organization."""

    id: UUID
    name: str
    senders: frozenset[UUID]


def rail_of(*, member: Membership, path: str, query: str = "") -> list[Part]:
    """The parts of the rail; `path` and `query` say which line is the open one."""
    parts = [
        Part("Inbox", tuple(_inbox_items(member, path, query))),
        Part("Send", tuple(_pages(SEND, path))),
    ]
    if member.is_admin:
        parts.append(Part("Set up", tuple(_pages(SET_UP, path))))
    return parts


def shared_inboxes(member: Membership) -> list[SharedInbox]:
    """The team, profile and organization inboxes this member may read; an admin sees all."""
    rows = Assignment.objects.for_org(member.org_id).filter(
        Assignment.live(), can_read=True, assignee__kind__in=GROUPS
    )
    if not member.is_admin:
        rows = rows.filter(assignee__in=list(standing_of(member).assignees))
    found: dict[tuple[str, UUID], set[UUID]] = {}
    for assignee_id, name, sender_id in rows.values_list("assignee_id", "assignee__name", "sender_id"):
        found.setdefault((name, assignee_id), set()).add(sender_id)
    return [SharedInbox(pk, name, frozenset(senders)) for (name, pk), senders in sorted(found.items())]


def unread_counts(*, member: Membership, inboxes: Iterable[SharedInbox]) -> dict[str | UUID, int]:
    """{folder name or shared inbox id: unread conversations} among the newest LOOKED_AT, in one query."""
    own = Assignment.objects.for_org(member.org_id).filter(
        Assignment.live(), assignee=member.pk, can_read=True
    )
    newest = readable_by(member).filter(inbound_count__gt=0).exclude(status__in=ENDED).order_by("-last_at")
    looked_at = Conversation.objects.for_org(member.org_id).filter(pk__in=newest.values("pk")[:LOOKED_AT])
    unread = with_unread(looked_at, member).filter(unread_count__gt=0)
    per_sender = (
        unread.order_by()
        .values("sender_id")
        .annotate(
            unread=Count("pk"),
            mine=Count(
                "pk", filter=Q(assignee=member) | Q(assignee__isnull=True, sender__in=own.values("sender"))
            ),
            unassigned=Count("pk", filter=Q(assignee__isnull=True)),
            waiting=Count("pk", filter=Q(waiting_since__isnull=False)),
            campaigns=Count("pk", filter=Q(campaign__isnull=False)),
            programs=Count("pk", filter=Q(program__isnull=False)),
        )
    )
    counts: dict[str | UUID, int] = {}
    for row in per_sender:
        for folder in FOLDERS:
            counts[folder] = counts.get(folder, 0) + row[folder]
        for inbox in inboxes:
            if row["sender_id"] in inbox.senders:
                counts[inbox.id] = counts.get(inbox.id, 0) + row["unread"]
    return counts


def _inbox_items(member: Membership, path: str, query: str) -> Iterable[Item]:
    given = {name: values[0] for name, values in parse_qs(query).items()}
    here = (
        (given.get("folder", "mine"), given.get("group", ""))
        if path.startswith("/inbox/") and path != "/inbox/new"
        else None
    )
    inboxes = shared_inboxes(member)
    counts = unread_counts(member=member, inboxes=inboxes)
    for folder, name in FOLDERS.items():
        yield Item(name, f"/inbox/?folder={folder}", here == (folder, ""), counts.get(folder, 0))
        if folder == "unassigned":
            for inbox in inboxes:
                href = "/inbox/?" + urlencode({"folder": "shared", "group": inbox.id})
                yield Item(inbox.name, href, here == ("shared", str(inbox.id)), counts.get(inbox.id, 0))
    waiting = possible_opt_outs(readable_by(member)).count()
    name, href = "Possible opt-outs", "/inbox/?folder=possible_opt_outs"
    yield Item(name, href, here == ("possible_opt_outs", ""), waiting, "to decide")
    for folder, name in QUIET_FOLDERS.items():
        yield Item(name, f"/inbox/?folder={folder}", here == (folder, ""))


def _pages(pages: dict[str, str], path: str) -> Iterable[Item]:
    return [Item(name, href, path.startswith(href)) for href, name in pages.items() if _exists(href)]


@lru_cache
def _exists(href: str) -> bool:
    try:
        resolve(href)
    except Resolver404:
        return False
    return True
