"""Which senders an absence covers: a stand-in reads and sends on these, for that time."""

from collections.abc import Iterable
from uuid import UUID

from django.db import connection
from django.db.models import Q

from senderid.models import Assignment, DelegatedSender, SenderId
from tenants.access import Standing
from tenants.models import Assignee, Delegation, Membership, TeamMember


def choose_senders(*, delegation: Delegation, senders: Iterable[SenderId]) -> None:
    """Limits the delegation to these senders; none given leaves it covering all."""
    rows = DelegatedSender.objects.for_org(delegation.org_id)
    rows.filter(delegation=delegation).delete()
    chosen = list(senders)
    for sender in chosen:
        rows.create(delegation=delegation, sender=sender)
    delegation.all_senders = not chosen
    delegation.save(update_fields=["all_senders"])


def assignee_ids_of(member: Membership) -> set[UUID]:
    """Member, teams and profile of an absent person (the org's own senders are everybody's already)."""
    teams = TeamMember.objects.for_org(member.org_id).filter(member=member).values_list("team_id", flat=True)
    return {member.pk, *teams} | ({member.profile_id} if member.profile_id else set())


def delegated_assignments(standing: Standing) -> dict[UUID, tuple[Delegation, set[UUID] | None]]:
    """{assignee id of the absent: (delegation, chosen sender ids or None for all)}. One query, none without absences."""
    covered: dict[UUID, tuple[Delegation, set[UUID] | None]] = {}
    if not standing.delegations:
        return covered
    teams, senders = _teams_and_senders(standing)
    for delegation in standing.delegations:
        absent = delegation.absent
        chosen = None if delegation.all_senders else set(senders.get(delegation.pk, ()))
        for assignee in (absent.pk, *teams.get(absent.pk, ()), absent.profile_id):
            if assignee is None:
                continue
            first, known = covered.get(assignee, (delegation, set()))
            both = None if known is None or chosen is None else known | chosen
            covered[assignee] = (first, both)
    return covered


def _teams_and_senders(standing: Standing) -> tuple[dict[UUID, list[UUID]], dict[UUID, list[UUID]]]:
    """Teams by absent member, chosen senders by delegation."""
    found: tuple[dict[UUID, list[UUID]], dict[UUID, list[UUID]]] = ({}, {})
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT 0, member_id, team_id FROM tenants_teammember WHERE org_id = %(org)s AND member_id = ANY(%(absent)s)
            UNION ALL
            SELECT 1, delegation_id, sender_id FROM senderid_delegatedsender
            WHERE org_id = %(org)s AND delegation_id = ANY(%(delegations)s)
            """,
            {
                "org": standing.org_id,
                "absent": [delegation.absent_id for delegation in standing.delegations],
                "delegations": [delegation.pk for delegation in standing.delegations],
            },
        )
        for which, key, value in cursor.fetchall():
            found[which].setdefault(key, []).append(value)
    return found


def readable_sender_ids(standing: Standing) -> set[UUID]:
    """Senders whose texts this standing may read by live assignments to people and by delegation. Not campaigns'."""
    return _sender_ids(standing, Assignment.live(), can_read=True)


def known_sender_ids(standing: Standing) -> set[UUID]:
    """Senders that were ever assigned to what this standing is: those it may be told about, usable now or not."""
    return _sender_ids(standing)


def _sender_ids(standing: Standing, *conditions: Q, **fields: bool) -> set[UUID]:
    covered = delegated_assignments(standing)
    rows = Assignment.objects.for_org(standing.org_id).filter(
        *conditions, **fields, assignee__in=[*standing.assignees, *covered]
    )
    found = set()
    for sender_id, assignee_id in rows.values_list("sender_id", "assignee_id"):
        if (
            assignee_id in standing.assignees
            or (chosen := covered[assignee_id][1]) is None
            or sender_id in chosen
        ):
            found.add(sender_id)
    return found


def is_for_people(kind: str) -> bool:
    """Whether an assignee kind is people (org, profile, team, member) rather than a campaign or program."""
    return kind in Assignee.PEOPLE
