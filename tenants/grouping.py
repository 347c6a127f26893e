"""Who is in a profile or a team."""

from tenants.memberships import change_member
from tenants.models import Membership, Profile, Team


def place(*, member: Membership, group: Profile | Team, inside: bool, by: Membership | None = None) -> None:
    """Puts the member in, or takes them out; a profile replaces the one they had."""
    if isinstance(group, Profile):
        if inside or member.profile_id == group.pk:
            change_member(member=member, by=by, profile=group if inside else None)
        return
    teams = [team for team in member.teams.all() if team.pk != group.pk]
    change_member(member=member, by=by, teams=[*teams, group] if inside else teams)
