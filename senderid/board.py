"""The rows selection looks at, loaded once: assignments by assignee, country rules, overrides, registrations.

One text loads them with `load_board`, in plain SQL: it runs for every text and every look at the composer.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from senderid.country_rules import Held, Verdict, overrides_of
from senderid.delegated import delegated_assignments
from senderid.eligibility import Ask
from senderid.models import CountryRule, Registration, SenderId, VerdictOverride
from tenants import rows
from tenants.kept import Kept, typed
from tenants.models import Delegation


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
    registration: Held | None = None  # in the country of the Ask; else the board's are asked
    is_simulated: bool | None = None  # whether its account is the simulator's; None where nobody asked

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
    registrations: dict[tuple[UUID, str], Held] = field(default_factory=dict)
    # By kind, home and destination: what the rules above come to, worked out once.
    verdicts: dict[tuple[str, str, str], Verdict] = field(default_factory=dict)

    def of(self, assignee_id: UUID) -> list[Candidate]:
        return self.by_assignee.get(assignee_id, [])

    def register(self, sender_id: UUID, country: str, status: str, expires_at: datetime | None) -> None:
        self.registrations[sender_id, country] = Held(status, expires_at)

    def everyone(self) -> Iterable[Candidate]:
        for candidates in self.by_assignee.values():
            yield from candidates
        yield from self.delegated


def load_board(ask: Ask) -> Board:
    """All that one Ask needs: one query; a second where absences count."""
    look = look_for(ask)
    with connection.cursor() as cursor:
        return look.board(GROUND.ask(cursor, look.given).fetchone())


@dataclass(frozen=True)
class Look:
    """What GROUND is to be asked for an Ask, and how its answer becomes a board: a higher layer may ask it together
    with a statement of its own."""

    ask: Ask
    mine: list[UUID]
    covered: dict[UUID, tuple[Delegation, set[UUID] | None]]

    @property
    def given(self) -> dict[str, Any]:
        ask = self.ask
        named = [sender.pk for sender in (ask.named, ask.fallback, ask.conversation_sender) if sender]
        assignees = [*self.mine, *(pk for pk in self.covered if pk not in self.mine)]
        return {
            "org": ask.org_id, "country": ask.country, "named": named, "assignees": assignees, "sandbox": ask.sandbox,
        }  # fmt: skip

    def board(self, found: Sequence[Any]) -> Board:
        """`found` is a row of GROUND."""
        ask, board = self.ask, Board()
        *rule, overrides, registered, offers = found
        if rule[0] is not None:
            board.rules[ask.country] = rows.build(CountryRule, rule)
        for kind, verdict, reason in overrides or ():
            board.overrides[kind, ask.country] = VerdictOverride(
                kind=kind, country=ask.country, verdict=verdict, reason=reason
            )
        for sender_id, status, expires_at in registered or ():
            board.register(UUID(sender_id), ask.country, status, _time(expires_at))
        assignees = self.given["assignees"]
        for place, candidate in _candidates(ask.org_id, offers):
            self._put(board, assignees[place - 1], candidate)
        return board

    def _put(self, board: Board, assignee_id: UUID, candidate: Candidate) -> None:
        if assignee_id in self.mine:
            board.by_assignee.setdefault(assignee_id, []).append(candidate)
        if assignee_id in self.covered:
            chosen = self.covered[assignee_id][1]
            if chosen is None or candidate.sender.pk in chosen:
                board.delegated.append(candidate)


def look_for(ask: Ask) -> Look:
    """One query where absences count, else none."""
    others = [pk for pk in (ask.program_id, ask.campaign_id) if pk]
    return Look(ask, [*ask.standing.assignees, *others], delegated_assignments(ask.standing))


def board_for(*, org_id: UUID, assignee_ids: Iterable[UUID], countries: Iterable[str] | None) -> Board:
    """The board of many assignees; `countries` None loads every country's rule."""
    board = Board(overrides=overrides_of(org_id=org_id))
    rules = (
        CountryRule.objects.all() if countries is None else CountryRule.objects.filter(pk__in=list(countries))
    )
    board.rules = {rule.country: rule for rule in rules}
    ids = list(assignee_ids)
    with connection.cursor() as cursor:
        given = {"org": org_id, "country": "", "assignees": ids, "sandbox": False}
        (offers,) = OFFERS.ask(cursor, given).fetchone()
    for place, candidate in _candidates(org_id, offers):
        board.by_assignee.setdefault(ids[place - 1], []).append(candidate)
    registered = Registration.objects.for_org(org_id)
    if countries is not None:
        registered = registered.filter(country__in=list(countries))
    for sender_id, country, status, expires_at in registered.values_list(
        "sender_id", "country", "status", "expires_at"
    ):
        board.register(sender_id, country, status, expires_at)
    return board


# Every assignment of some assignees, with its sender and the sender's registration in the country; the org is known.
OFFERED = f"""
(SELECT json_agg(json_build_array(
   array_position(%(assignees)s, a.assignee_id), a.is_default, a.priority, a.can_send, a.valid_from, a.valid_until,
   ARRAY(SELECT c.country FROM senderid_assignmentcountry c WHERE c.assignment_id = a.id AND c.country <> ''),
   CASE WHEN %(sandbox)s THEN (SELECT p.is_simulator FROM senderid_provideraccount p WHERE p.id = s.provider_account_id)
   END,
   g.status, g.expires_at, {rows.columns(SenderId, "s").replace('s."org_id"', "NULL")}))
 FROM senderid_assignment a JOIN senderid_senderid s ON s.id = a.sender_id
 LEFT JOIN senderid_registration g ON g.sender_id = s.id AND g.country = %(country)s
 WHERE a.org_id = %(org)s AND a.assignee_id = ANY(%(assignees)s))
"""  # noqa: S608 - only our own names are put in
OFFERS = Kept(
    "offers",
    f"SELECT {OFFERED}",
    takes={"org": "uuid", "country": "text", "assignees": "uuid[]", "sandbox": "boolean"},
    gives={"offers": "json"},
)
# The country's rule, the org's overrides of it, the registrations of senders that need no assignment, all that is offered.
GROUND = Kept(
    "ground",
    f"""
    SELECT {rows.columns(CountryRule, "r")},
      (SELECT json_agg(json_build_array(v.kind, v.verdict, v.reason)) FROM senderid_verdictoverride v
       WHERE v.org_id = %(org)s AND v.country = %(country)s),
      (SELECT json_agg(json_build_array(g.sender_id, g.status, g.expires_at)) FROM senderid_registration g
       WHERE g.org_id = %(org)s AND g.country = %(country)s AND g.sender_id = ANY(%(named)s)),
      {OFFERED}
    FROM (SELECT 1) one LEFT JOIN senderid_countryrule r ON r.country = %(country)s
    """,  # noqa: S608 - only our own names are put in
    takes={**OFFERS.takes, "named": "uuid[]"},
    gives=typed(CountryRule) | {"overrides": "json", "registered": "json", "offers": "json"},
)


def _candidates(org_id: UUID, offers: list[list[Any]] | None) -> Iterator[tuple[int, Candidate]]:
    """(place of the assignee, candidate) of each offer, with the sender's registration in the country."""
    senders: dict[str, tuple[SenderId, Held | None]] = {}
    now = timezone.now()
    for place, default, priority, can_send, begins, ends, countries, simulated, *rest in offers or ():
        status, expires_at, *values = rest
        key = values[0]
        known = senders.get(key)
        if known is None:
            held = Held(status, _time(expires_at)) if status else None
            known = senders[key] = rows.from_json(SenderId, values), held
            known[0].org_id = org_id
        sender, held = known
        is_live = (begins is None or _time(begins) <= now) and (ends is None or _time(ends) > now)
        yield (
            place,
            Candidate(
                sender, frozenset(countries), default, priority, can_send, is_live,
                registration=held, is_simulated=simulated,
            ),
        )  # fmt: skip


def _time(given: str | None) -> Any:
    return datetime.fromisoformat(given) if given else None
