"""The rows selection looks at, loaded once: assignments by assignee, country rules, overrides, registrations.

One text loads them with `load_board`, in plain SQL: it runs for every text and every look at the composer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.utils import timezone

from senderid.country_rules import NEEDS_REGISTRATION, Verdict, overrides_of
from senderid.delegated import delegated_assignments
from senderid.eligibility import Ask
from senderid.models import CountryRule, ProviderAccount, Registration, SenderId, VerdictOverride
from tenants import rows
from tenants.kept import Kept, typed


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
    # By kind, home and destination: what the rules above come to, worked out once.
    verdicts: dict[tuple[str, str, str], Verdict] = field(default_factory=dict)

    def of(self, assignee_id: UUID) -> list[Candidate]:
        return self.by_assignee.get(assignee_id, [])

    def register(self, sender_id: UUID, country: str, status: str, expires_at: datetime | None) -> None:
        self.registrations[sender_id, country] = Registration(
            sender_id=sender_id, country=country, status=status, expires_at=expires_at
        )

    def everyone(self) -> Iterable[Candidate]:
        for candidates in self.by_assignee.values():
            yield from candidates
        yield from self.delegated


def load_board(ask: Ask) -> Board:
    """All that one Ask needs: two queries; a third where absences count."""
    covered = delegated_assignments(ask.standing)
    mine = set(ask.standing.assignees) | {pk for pk in (ask.program_id, ask.campaign_id) if pk}
    board = _ground(ask)
    for assignee_id, candidate in _candidates(
        board, ask.org_id, mine | set(covered), of_simulators=ask.sandbox,
        registered_in=ask.country if _registers(board) else "",
    ):  # fmt: skip
        if assignee_id in mine:
            board.by_assignee.setdefault(assignee_id, []).append(candidate)
        if assignee_id in covered:
            chosen = covered[assignee_id][1]
            if chosen is None or candidate.sender.pk in chosen:
                board.delegated.append(candidate)
    return board


def board_for(*, org_id: UUID, assignee_ids: Iterable[UUID], countries: Iterable[str] | None) -> Board:
    """The board of many assignees; `countries` None loads every country's rule."""
    board = Board(overrides=overrides_of(org_id=org_id))
    rules = (
        CountryRule.objects.all() if countries is None else CountryRule.objects.filter(pk__in=list(countries))
    )
    board.rules = {rule.country: rule for rule in rules}
    for assignee_id, candidate in _candidates(board, org_id, assignee_ids):
        board.by_assignee.setdefault(assignee_id, []).append(candidate)
    registered = Registration.objects.for_org(org_id)
    if countries is not None:
        registered = registered.filter(country__in=list(countries))
    board.registrations = {(row.sender_id, row.country): row for row in registered}
    return board


GROUND = Kept(
    "ground",
    f"""
    SELECT {rows.columns(CountryRule, "r")},
      (SELECT json_agg(json_build_array(v.kind, v.verdict, v.reason)) FROM senderid_verdictoverride v
       WHERE v.org_id = %(org)s AND v.country = %(country)s),
      (SELECT json_agg(json_build_array(g.sender_id, g.status, g.expires_at)) FROM senderid_registration g
       WHERE g.org_id = %(org)s AND g.country = %(country)s AND g.sender_id = ANY(%(named)s))
    FROM (SELECT 1) one LEFT JOIN senderid_countryrule r ON r.country = %(country)s
    """,  # noqa: S608 - only our own names are put in
    takes={"org": "uuid", "country": "text", "named": "uuid[]"},
    gives=typed(CountryRule) | {"overrides": "json", "registered": "json"},
)


def _ground(ask: Ask) -> Board:
    """The country's rule, the org's overrides of it, and the registrations of senders that need no assignment."""
    named = [sender.pk for sender in (ask.named, ask.fallback, ask.conversation_sender) if sender]
    with connection.cursor() as cursor:
        given = {"org": ask.org_id, "country": ask.country, "named": named}
        *rule, overrides, registered = GROUND.ask(cursor, given).fetchone()
    board = Board()
    if rule[0] is not None:
        board.rules[ask.country] = rows.build(CountryRule, rule)
    for kind, verdict, reason in overrides or ():
        board.overrides[kind, ask.country] = VerdictOverride(
            kind=kind, country=ask.country, verdict=verdict, reason=reason
        )
    for sender_id, status, expires_at in registered or ():
        at = datetime.fromisoformat(expires_at) if expires_at else None
        board.register(UUID(sender_id), ask.country, status, at)
    return board


def _registers(board: Board) -> bool:
    """Whether any kind of sender needs a registration there."""
    rules = any(rule.alphanumeric == "registration_required" for rule in board.rules.values())
    return rules or any(override.verdict == NEEDS_REGISTRATION for override in board.overrides.values())


def _offers() -> Kept:
    """Every assignment of some assignees, with its sender: without the org, and the account as text, for making a UUID
    costs more than all else in a row."""
    columns = rows.columns(SenderId, "s").replace('s."org_id"', "NULL::uuid")
    return Kept(
        "offers",
        f"""
        SELECT array_position(%(ids)s, a.assignee_id), a.is_default, a.priority, a.can_send, a.valid_from, a.valid_until,
          ARRAY(SELECT c.country FROM senderid_assignmentcountry c WHERE c.assignment_id = a.id AND c.country <> ''),
          g.status, g.expires_at, {columns.replace('s."provider_account_id"', 's."provider_account_id"::text')}
        FROM senderid_assignment a JOIN senderid_senderid s ON s.id = a.sender_id
        LEFT JOIN senderid_registration g ON %(country)s <> '' AND g.sender_id = s.id AND g.country = %(country)s
        WHERE a.org_id = %(org)s AND a.assignee_id = ANY(%(ids)s)
        """,  # noqa: S608 - only our own names are put in
        takes={"org": "uuid", "ids": "uuid[]", "country": "text"},
        gives={
            "place": "integer", "is_default": "boolean", "priority": "smallint", "can_send": "boolean",
            "valid_from": "timestamptz", "valid_until": "timestamptz", "countries": "varchar[]",
            "registration": "varchar", "expires_at": "timestamptz",
        } | typed(SenderId, "sender_") | {"sender_provider_account_id": "text"},
    )  # fmt: skip


OFFERS = _offers()
CANDIDATES = f"SELECT * FROM {OFFERS.call}"  # noqa: S608 - only our own names are put in
CANDIDATES_WITH_ACCOUNTS = (
    f"SELECT f.*, {rows.columns(ProviderAccount, 'p')} FROM {OFFERS.call} f "  # noqa: S608 - only our own names are put in
    "JOIN senderid_provideraccount p ON p.id = f.sender_provider_account_id::uuid"
)


def _candidates(
    board: Board,
    org_id: UUID,
    assignee_ids: Iterable[UUID],
    *,
    registered_in: str = "",
    of_simulators: bool = False,
) -> Iterator[tuple[UUID, Candidate]]:
    """Every assignment of these assignees, in one query.

    Where `registered_in` is a country, the senders' registrations there go onto the board; `of_simulators` loads the
    accounts too.
    """
    ids = list(assignee_ids)
    with connection.cursor() as cursor:
        given = {"org": org_id, "ids": ids, "country": registered_in}
        cursor.execute(CANDIDATES_WITH_ACCOUNTS if of_simulators else CANDIDATES, given)
        found = cursor.fetchall()
    senders: dict[UUID, SenderId] = {}
    accounts: dict[str, UUID] = {}
    now, width = timezone.now(), rows.width(SenderId)
    for place, is_default, priority, can_send, begins, ends, countries, status, expires_at, *values in found:
        sender = senders.get(values[0])
        if sender is None:
            sender = senders[values[0]] = rows.build(SenderId, values[:width])
            account = str(sender.provider_account_id)
            sender.org_id = org_id
            sender.provider_account_id = accounts.get(account) or accounts.setdefault(account, UUID(account))
            if of_simulators:
                sender.provider_account = rows.build(ProviderAccount, values[width:])
            if status:
                board.register(sender.pk, registered_in, status, expires_at)
        is_live = (begins is None or begins <= now) and (ends is None or ends > now)
        candidate = Candidate(sender, frozenset(countries), is_default, priority, can_send, is_live)
        yield ids[place - 1], candidate
