"""Everything a member is, at this moment: what assignments are counted for them. Asked anew each time."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.utils import timezone

from tenants.models import Assignee, Delegation, Membership, Organization

# Selection asks these in this order (product rules, steps 5 to 8).
LEVELS = (Assignee.Kind.MEMBER, Assignee.Kind.TEAM, Assignee.Kind.PROFILE, Assignee.Kind.ORGANIZATION)


@dataclass(frozen=True)
class Standing:
    """The assignee ids that count for a member, each with its level, and the absences they stand in for."""

    org_id: UUID
    member: Membership | None
    assignees: dict[UUID, str] = field(default_factory=dict)
    delegations: tuple[Delegation, ...] = ()


def standing_of(member: Membership, at: datetime | None = None) -> Standing:
    """Member, teams, profile, org; plus the delegations that run at `at` (default now). One query; two with those."""
    at = at or timezone.now()
    assignees: dict[UUID, str] = {member.pk: Assignee.Kind.MEMBER}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT ARRAY(SELECT team_id FROM tenants_teammember WHERE org_id = %(org)s AND member_id = %(member)s),
              EXISTS (SELECT FROM tenants_delegation WHERE org_id = %(org)s AND stand_in_id = %(member)s
                      AND starts_at <= %(at)s AND ends_at > %(at)s)
            """,
            {"org": member.org_id, "member": member.pk, "at": at},
        )
        teams, stands_in = cursor.fetchone()
    for team_id in teams:
        assignees[team_id] = Assignee.Kind.TEAM
    if member.profile_id:
        assignees[member.profile_id] = Assignee.Kind.PROFILE
    assignees[member.org_id] = Assignee.Kind.ORGANIZATION
    delegations = _running(member, at) if stands_in else ()
    return Standing(member.org_id, member, assignees, delegations)


def _running(member: Membership, at: datetime) -> tuple[Delegation, ...]:
    rows = Delegation.objects.for_org(member.org_id).filter(stand_in=member, absent__is_active=True)
    return tuple(rows.filter(starts_at__lte=at, ends_at__gt=at).select_related("absent__user"))


def standing_of_org(org: Organization) -> Standing:
    """Nobody in particular: only assignments to the organization count."""
    return Standing(org.pk, None, {org.pk: Assignee.Kind.ORGANIZATION})


def stand_ins(
    org: Organization | UUID, member_ids: list[UUID], at: datetime | None = None
) -> dict[UUID, Delegation]:
    """The running absence of each member who is away: {absent member id: delegation}; newest start wins."""
    at = at or timezone.now()
    running = (
        Delegation.objects.for_org(org)
        .filter(absent__in=member_ids, starts_at__lte=at, ends_at__gt=at)
        .select_related("stand_in__user", "absent__user")
        .order_by("starts_at")
    )
    return {delegation.absent_id: delegation for delegation in running}


def audience_of(assignee: Assignee) -> list[Membership]:
    """The active members behind an assignment to people, in a stable order."""
    members = Membership.objects.for_org(assignee.org_id).filter(is_active=True).select_related("user")
    narrowed = {
        Assignee.Kind.MEMBER: {"pk": assignee.pk},
        Assignee.Kind.TEAM: {"places__team": assignee.pk},
        Assignee.Kind.PROFILE: {"profile": assignee.pk},
        Assignee.Kind.ORGANIZATION: {},
    }.get(Assignee.Kind(assignee.kind))
    if narrowed is None:
        return []
    return list(members.filter(**narrowed).order_by("created_at", "pk"))
