"""Who of an organization can reply in a conversation once it is assigned to them, and why the others can't.

`conversations.assign_conversation` asks for one member, the assign menu for all, round robin for those of its turn.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.utils import timezone

from messaging.models import Conversation
from senderid.country_rules import country_name
from senderid.models import Assignment
from tenants.models import Delegation, Membership, TeamMember


@dataclass(frozen=True)
class AssigneeOption:
    """A member to assign to; `cannot_reply` is a sentence, empty when they can; `absence` runs now."""

    member: Membership
    cannot_reply: str = ""
    absence: Delegation | None = None


@dataclass
class _Grants:
    """What lets people send from one sender: the countries of each assignment (empty is all), places, absences, and
    whom each stand-in covers on it."""

    by_assignee: dict[UUID, set[str]] = field(default_factory=dict)
    teams: dict[UUID, set[UUID]] = field(default_factory=dict)
    absences: list[Delegation] = field(default_factory=list)
    covered: dict[UUID, list[Membership]] = field(default_factory=dict)

    def assignees_of(self, member: Membership) -> set[UUID]:
        groups = {member.profile_id} if member.profile_id else set()
        return {member.pk, *groups, *self.teams.get(member.pk, ())}


def options_for(*, conversation: Conversation, members: Iterable[Membership]) -> list[AssigneeOption]:
    """Each of the members, in their order; six queries at most, however many they are."""
    people = list(members)
    grants = _grants(conversation, people)
    away = {one.absent_id: one for one in grants.absences}
    return [
        AssigneeOption(person, _refusal(conversation, person, grants), away.get(person.pk))
        for person in people
    ]


def why_cannot_reply(*, conversation: Conversation, member: Membership) -> str:
    """A sentence, or '' when this member could reply as the assignee."""
    return options_for(conversation=conversation, members=[member])[0].cannot_reply


def able_to_reply(*, conversation: Conversation, members: Iterable[Membership]) -> list[Membership]:
    return [
        one.member for one in options_for(conversation=conversation, members=members) if not one.cannot_reply
    ]


def _grants(conversation: Conversation, people: list[Membership]) -> _Grants:
    org, now, grants = conversation.org_id, timezone.now(), _Grants()
    running = Delegation.objects.for_org(org).filter(starts_at__lte=now, ends_at__gt=now)
    running = running.select_related("absent__user", "stand_in__user").prefetch_related("chosen_senders")
    grants.absences = list(running.order_by("starts_at"))
    assignments = Assignment.objects.for_org(org).filter(
        Assignment.live(), sender=conversation.sender_id, can_send=True
    )
    for row in assignments.prefetch_related("countries"):
        grants.by_assignee[row.assignee_id] = set(row.country_codes)
    concerned = [*(one.pk for one in people), *(one.absent_id for one in grants.absences)]
    places = TeamMember.objects.for_org(org).filter(member__in=concerned)
    for member_id, team_id in places.values_list("member_id", "team_id"):
        grants.teams.setdefault(member_id, set()).add(team_id)
    for one in grants.absences:
        covers = one.all_senders or conversation.sender_id in _chosen(one)
        if one.stand_in_id and one.absent.is_active and covers:
            grants.covered.setdefault(one.stand_in_id, []).append(one.absent)
    return grants


def _refusal(conversation: Conversation, member: Membership, grants: _Grants) -> str:
    if not member.is_active:
        return f"{member.name} is deactivated."
    if not member.may_write:
        return f"{member.name} has view-only access."
    if conversation.campaign_id or conversation.program_id:
        return ""  # the assignee belongs to the audience of its campaign or program
    assignees = {*grants.assignees_of(member), member.org_id, *_covered(member, grants)}
    held = [grants.by_assignee[pk] for pk in assignees if pk in grants.by_assignee]
    country = conversation.contact.country
    if not held:
        return f"{member.name} doesn’t have permission to send from {conversation.sender.display}."
    if not any(not countries or country in countries for countries in held):
        where = country_name(country) if country else "this number"
        return f"{member.name} can’t text {where} from {conversation.sender.display}."
    return ""


def _covered(member: Membership, grants: _Grants) -> set[UUID]:
    """The assignees of those whom the member stands in for on this sender."""
    absent = grants.covered.get(member.pk, ())
    return set().union(*(grants.assignees_of(one) for one in absent))


def _chosen(delegation: Delegation) -> set[UUID]:
    return {row.sender_id for row in delegation.chosen_senders.all()}  # type: ignore[attr-defined]
