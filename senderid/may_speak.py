"""What a member may speak with and read, and why: every assignment that reaches them, by sender."""

from dataclasses import dataclass, field
from uuid import UUID

from senderid.delegated import delegated_assignments
from senderid.models import Assignment, SenderId
from tenants.access import standing_of
from tenants.models import Assignee, Membership

WHY = {
    Assignee.Kind.MEMBER: "their own",
    Assignee.Kind.TEAM: "team {}",
    Assignee.Kind.PROFILE: "profile {}",
    Assignee.Kind.ORGANIZATION: "the whole organization",
}


@dataclass
class Grant:
    """One assignment that counts for the member: why, and whether it sends and reads now."""

    assignment: Assignment
    why: str
    sends: bool
    reads: bool


@dataclass
class Reach:
    """All that a member may do with one sender."""

    sender: SenderId
    grants: list[Grant] = field(default_factory=list)

    @property
    def sends(self) -> bool:
        return any(grant.sends for grant in self.grants)

    @property
    def reads(self) -> bool:
        return any(grant.reads for grant in self.grants)


def reach_of(member: Membership) -> list[Reach]:
    """By sender, in the order in which selection would look; ended or coming assignments count as neither."""
    standing = standing_of(member)
    covered = delegated_assignments(standing)
    rows = Assignment.objects.for_org(member.org_id).filter(assignee__in=[*standing.assignees, *covered])
    rows = (
        rows.select_related("sender", "assignee").prefetch_related("countries").order_by("priority", "sender")
    )
    found: dict[UUID, Reach] = {}
    levels = list(WHY)
    for row in sorted(rows, key=lambda r: levels.index(Assignee.Kind(r.assignee.kind))):
        if (why := _why(row, standing.assignees, covered)) is None:
            continue
        live = row.is_live and member.is_active
        grant = Grant(row, why, live and row.can_send and member.may_write, live and row.can_read)
        found.setdefault(row.sender_id, Reach(row.sender)).grants.append(grant)
    return list(found.values())


def _why(row: Assignment, mine: dict[UUID, str], covered: dict[UUID, tuple]) -> str | None:  # type: ignore[type-arg]
    if row.assignee_id in mine:
        return WHY[Assignee.Kind(row.assignee.kind)].format(row.assignee.name)
    delegation, chosen = covered[row.assignee_id]
    if chosen is not None and row.sender_id not in chosen:
        return None
    return f"stands in for {delegation.absent.name}"
