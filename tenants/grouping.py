"""Who is in a profile or a team."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count

from tenants.memberships import change_member
from tenants.models import Assignee, Membership, Profile, Team

Kind = Assignee.Kind


def place(*, member: Membership, group: Profile | Team, inside: bool, by: Membership | None = None) -> None:
    """Puts the member in, or takes them out; a profile replaces the one they had."""
    if isinstance(group, Profile):
        if inside or member.profile_id == group.pk:
            change_member(member=member, by=by, profile=group if inside else None)
        return
    teams = [team for team in member.teams.all() if team.pk != group.pk]
    change_member(member=member, by=by, teams=[*teams, group] if inside else teams)


def sizes_of(assignees: Iterable[Assignee]) -> dict[UUID, int]:
    """How many active members each organization, profile and team is; three queries at most. Others are left out."""
    return _counts(assignees, GROUPS, {})


def viewers_in(assignees: Iterable[Assignee]) -> dict[UUID, int]:
    """How many of them are viewers, who can read but not send; a member counts as 0 or 1. Four queries at most."""
    return _counts(assignees, (*GROUPS, (Kind.MEMBER, "pk")), {"role": Membership.Role.VIEWER})


GROUPS = ((Kind.ORGANIZATION, "org"), (Kind.PROFILE, "profile"), (Kind.TEAM, "places__team"))


def _counts(
    assignees: Iterable[Assignee], columns: Iterable[tuple[str, str]], only: dict[str, str]
) -> dict[UUID, int]:
    found: dict[UUID, int] = {}
    by_kind: dict[str, list[UUID]] = {}
    org_id = None
    for assignee in assignees:
        org_id = assignee.org_id
        by_kind.setdefault(assignee.kind, []).append(assignee.pk)
    members = Membership.objects.for_org(org_id).filter(is_active=True, **only) if org_id else None
    for kind, column in columns:
        ids = by_kind.get(kind, [])
        if members is None or not ids:
            continue
        counted = members.filter(**{f"{column}__in": ids}).values_list(column).annotate(n=Count("pk"))
        found |= dict.fromkeys(ids, 0) | dict(counted)
    return found
