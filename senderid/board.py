"""The rows selection looks at, loaded once: assignments by assignee, country rules, overrides, registrations."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from senderid.country_rules import overrides_of
from senderid.delegated import delegated_assignments
from senderid.eligibility import Ask
from senderid.models import (
    Assignment,
    AssignmentCountry,
    CountryRule,
    Registration,
    SenderId,
    VerdictOverride,
)
from tenants.access import Standing


@dataclass(frozen=True)
class Candidate:
    """A sender as one assignment offers it."""

    sender: SenderId
    countries: frozenset[str] = frozenset()
    is_default: bool = False
    priority: int = 100
    can_send: bool = True
    is_live: bool = True
    is_assigned: bool = True

    @classmethod
    def unassigned(cls, sender: SenderId) -> "Candidate":
        return cls(sender, is_assigned=False)

    @classmethod
    def granted(cls, sender: SenderId) -> "Candidate":
        """Allowed without an assignment: a campaign's fall-back, the sender of a conversation one may answer."""
        return cls(sender)


@dataclass
class Board:
    """What `selection.choose` reads; no query is made from here on."""

    by_assignee: dict[UUID, list[Candidate]] = field(default_factory=dict)
    delegated: list[Candidate] = field(default_factory=list)
    rules: dict[str, CountryRule] = field(default_factory=dict)
    overrides: dict[tuple[str, str], VerdictOverride] = field(default_factory=dict)
    registrations: dict[tuple[UUID, str], Registration] = field(default_factory=dict)

    def of(self, assignee_id: UUID) -> list[Candidate]:
        return self.by_assignee.get(assignee_id, [])

    def everyone(self) -> Iterable[Candidate]:
        for candidates in self.by_assignee.values():
            yield from candidates
        yield from self.delegated


def load_board(ask: Ask) -> Board:
    """All that one Ask needs."""
    ids = set(ask.standing.assignees) | {pk for pk in (ask.program_id, ask.campaign_id) if pk}
    board = board_for(org_id=ask.org_id, assignee_ids=ids, countries=[ask.country])
    board.delegated = _delegated(ask.standing)
    return board


def board_for(*, org_id: UUID, assignee_ids: Iterable[UUID], countries: Iterable[str] | None) -> Board:
    """The board of many assignees; `countries` None loads every country's rule."""
    board = Board(overrides=overrides_of(org_id=org_id))
    rules = (
        CountryRule.objects.all() if countries is None else CountryRule.objects.filter(pk__in=list(countries))
    )
    board.rules = {rule.country: rule for rule in rules}
    for assignee_id, candidate in _candidates(org_id, assignee_ids):
        board.by_assignee.setdefault(assignee_id, []).append(candidate)
    registered = Registration.objects.for_org(org_id)
    if countries is not None:
        registered = registered.filter(country__in=list(countries))
    board.registrations = {(row.sender_id, row.country): row for row in registered}
    return board


def _candidates(org_id: UUID, assignee_ids: Iterable[UUID]) -> list[tuple[UUID, Candidate]]:
    """One query: a row for each country of each assignment."""
    rows = (
        AssignmentCountry.objects.for_org(org_id)
        .filter(assignee_id__in=list(assignee_ids))
        .select_related("assignment__sender__provider_account")
    )
    countries: dict[UUID, set[str]] = {}
    assignments: dict[UUID, Assignment] = {}
    for row in rows:
        assignments[row.assignment_id] = row.assignment
        countries.setdefault(row.assignment_id, set()).update({row.country} if row.country else set())
    return [(a.assignee_id, _candidate(a, countries[pk])) for pk, a in assignments.items()]


def _candidate(assignment: Assignment, countries: set[str]) -> Candidate:
    return Candidate(
        sender=assignment.sender,
        countries=frozenset(countries),
        is_default=assignment.is_default,
        priority=assignment.priority,
        can_send=assignment.can_send,
        is_live=assignment.is_live,
    )


def _delegated(standing: Standing) -> list[Candidate]:
    """Senders of those the member stands in for, as far as the delegation covers them."""
    covered = delegated_assignments(standing)
    if not covered:
        return []
    found = []
    for assignee_id, candidate in _candidates(standing.org_id, covered):
        chosen = covered[assignee_id][1]
        if chosen is None or candidate.sender.pk in chosen:
            found.append(candidate)
    return found
