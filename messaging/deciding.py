"""What happens to each contact of a campaign: a text from a sender, or a skip with its reason. Writes nothing.

`fanout` writes what is decided here; the pre-send report counts it. All is loaded for many contacts at once, and
what is the same for many (the choice of a sender, the end of quiet hours) is found out once.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from django.db import connection
from django.utils import timezone

from messaging import quiet_hours, rendering, segments
from messaging.models import Campaign, OptOut
from messaging.premium_numbers import is_premium
from senderid.board import Board, board_for
from senderid.country_rules import country_name
from senderid.eligibility import MAY_HAVE_OPTED_OUT, Ask
from senderid.models import SenderId
from senderid.phone_numbers import national
from senderid.selection import Choice, choose
from tenants.access import Standing, standing_of
from tenants.errors import DomainError
from tenants.models import Membership

OptedOut = frozenset[UUID] | Literal["all"]
NOBODY: frozenset[UUID] = frozenset()
# Ids come and go as PostgreSQL writes an array of them: objects made of 100,000 would take most of the time.
PEOPLE = """
SELECT id::text, number, name, country, timezone, owner_id, attributes::text FROM messaging_contact
WHERE org_id = %s AND id = ANY(%s::uuid[]) ORDER BY id
"""
OPTED_OUT = """
SELECT o.number, o.scope, o.sender_id FROM messaging_contact k
JOIN messaging_optout o ON o.org_id = k.org_id AND o.number = k.number AND o.scope <> 'program'
WHERE k.org_id = %s AND k.id = ANY(%s::uuid[])
"""
HELD = """
SELECT DISTINCT w.number FROM messaging_contact k
JOIN messaging_possibleoptout w ON w.org_id = k.org_id AND w.number = k.number AND w.decided_at IS NULL
WHERE k.org_id = %s AND k.id = ANY(%s::uuid[])
"""
CONSENTED = """
SELECT number FROM (
  SELECT DISTINCT ON (e.number) e.number, e.what FROM messaging_contact k
  JOIN messaging_consententry e ON e.org_id = k.org_id AND e.number = k.number AND e.scope = 'org'
  WHERE k.org_id = %s AND k.id = ANY(%s::uuid[]) ORDER BY e.number, e.at DESC) newest
WHERE what <> 'opt_out'
"""
LAST_USED = """
SELECT DISTINCT ON (contact_id) contact_id::text, sender_id FROM messaging_conversation
WHERE org_id = %s AND contact_id = ANY(%s::uuid[]) AND last_at IS NOT NULL ORDER BY contact_id, last_at DESC
"""


class Person(NamedTuple):
    """What a campaign looks at of a contact."""

    pk: str
    number: str
    name: str
    country: str
    timezone: str
    owner_id: UUID | None
    written_attributes: str

    def __str__(self) -> str:
        return self.name or self.display_number

    @property
    def display_number(self) -> str:
        return national(self.number)


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one contact: a text from a sender, or a skip with its code."""

    contact: Person
    sender: SenderId | None = None
    choice: Choice | None = None
    body: str = ""
    cut: segments.Cut | None = None
    due_at: datetime | None = None
    code: str = ""
    text: str = ""
    waits: bool = False  # its sender's queue is full: decided anew later

    @property
    def is_sent(self) -> bool:
        return not self.code and not self.waits


@dataclass
class Surroundings:
    """All that deciding looks at, loaded once for many contacts, and what was found out on the way."""

    campaign: Campaign
    template: rendering.Template
    board: Board
    owners: dict[UUID, Membership]
    standings: dict[UUID, Standing]
    opted_out: dict[str, OptedOut]
    held: set[str]
    consented: set[str] | None
    last_used: dict[str, UUID]
    now: datetime
    choices: dict[tuple[Any, ...], Choice] = field(default_factory=dict)
    due: dict[tuple[str, tuple[str, ...]], datetime] = field(default_factory=dict)


def people_of(org_id: UUID, ids: str) -> list[Person]:
    """These contacts, by their ids' order; one that was deleted is not among them."""
    return [Person(*row) for row in _rows(PEOPLE, org_id, ids)]


def _rows(statement: str, org_id: UUID, ids: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [org_id, ids])
        return cursor.fetchall()


def surroundings(
    campaign: Campaign, ids: str, people: list[Person], now: datetime | None = None
) -> Surroundings:
    """Loads what the decisions for these people need: a fixed number of queries, and two per contact owner."""
    org_id = campaign.org_id
    template = rendering.Template(campaign.body)
    owners: dict[UUID, Membership] = {}
    if _by_owner(campaign) or "owner.name" in template.names:
        owner_ids = {person.owner_id for person in people if person.owner_id}
        owners = Membership.objects.for_org(org_id).select_related("user").in_bulk(owner_ids)
    standings = {
        pk: standing_of(owner) for pk, owner in owners.items() if owner.is_active and _by_owner(campaign)
    }
    assignees = {pk for standing in standings.values() for pk in standing.assignees} | {campaign.pk}
    consented = None
    if campaign.org.require_consent:
        consented = {number for (number,) in _rows(CONSENTED, org_id, ids)}
    return Surroundings(
        campaign=campaign,
        template=template,
        board=board_for(org_id=org_id, assignee_ids=assignees, countries={p.country for p in people}),
        owners=owners,
        standings=standings,
        opted_out=_opted_out(_rows(OPTED_OUT, org_id, ids)),
        held=_held(campaign, ids),
        consented=consented,
        last_used=dict(_rows(LAST_USED, org_id, ids)),
        now=now or timezone.now(),
    )


def _held(campaign: Campaign, ids: str) -> set[str]:
    """Numbers that may have opted out: they get nothing promotional until someone decided."""
    if campaign.category != Campaign.Category.PROMOTIONAL:
        return set()
    return {number for (number,) in _rows(HELD, campaign.org_id, ids)}


def _by_owner(campaign: Campaign) -> bool:
    return campaign.sender_mode == Campaign.SenderMode.CONTACT_OWNER


def _opted_out(rows: list[tuple[Any, ...]]) -> dict[str, OptedOut]:
    found: dict[str, OptedOut] = {}
    for number, scope, sender_id in rows:
        known = found.get(number, NOBODY)
        found[number] = "all" if scope == OptOut.Scope.ORG or known == "all" else known | {sender_id}
    return found


def decide(
    around: Surroundings, person: Person, is_full: Callable[[SenderId], bool] = lambda _: False
) -> Decision:
    """Skip with a reason, or a text with its sender; or neither yet, when the sender's queue `is_full`."""
    if skip := _unfit(around, person):
        return Decision(person, code=skip[0], text=skip[1])
    choice = choice_for(around, person)
    if choice.sender is None:
        refused_by_stop = choice.rejected and all(
            r.code in ("opted_out", "outranked") for r in choice.rejected
        )
        code = "opted_out" if refused_by_stop else "no_eligible_sender"
        return Decision(person, choice=choice, code=code, text=choice.text)
    if choice.sender.value == person.number:
        return Decision(person, choice=choice, code="invalid", text="It’s the sender’s own number.")
    if is_full(choice.sender):
        return Decision(person, choice.sender, choice, waits=True)
    try:
        body = segments.read_body(around.template.fill(_fields(around, person, choice.sender)))
    except DomainError as error:
        if error.retryable:
            raise  # nothing is wrong with the text: the portion is decided again later
        return Decision(person, choice=choice, code="template_error", text=error.text)
    if not body.strip() or len(body) > segments.MOST_CHARACTERS or "\x00" in body:
        text = "The text is empty, over 1,600 characters or has one that can’t be sent."
        return Decision(person, choice=choice, code="invalid", text=text)
    return Decision(person, choice.sender, choice, body, segments.cut(body), _due(around, person))


def _unfit(around: Surroundings, person: Person) -> tuple[str, str] | None:
    if not person.number.startswith("+") or not person.country:
        return "invalid", "This isn’t a phone number that can be texted."
    if is_premium(number=person.number, country=person.country):
        return "invalid", "Premium and shared-cost numbers are never texted."
    if not around.campaign.org.may_reach(person.country):
        return "blocked_country", f"Your organization doesn’t text {country_name(person.country)}."
    if around.opted_out.get(person.number) == "all":
        return "opted_out", "This number has opted out."
    if person.number in around.held:
        return "possible_opt_out", MAY_HAVE_OPTED_OUT
    if around.consented is not None and person.number not in around.consented:
        return "no_consent", "This number has given no consent."
    return None


def choice_for(around: Surroundings, person: Person) -> Choice:
    """Selection's answer, asked once for all who stand alike."""
    opted_out = around.opted_out.get(person.number, NOBODY)
    standing = around.standings.get(person.owner_id) if person.owner_id else None
    last_used = around.last_used.get(person.pk)
    key = (person.owner_id if standing else None, person.country, opted_out, last_used)
    if (known := around.choices.get(key)) is not None:
        return known
    campaign = around.campaign
    ask = Ask(
        org_id=campaign.org_id,
        country=person.country,
        standing=standing or Standing(campaign.org_id, None),
        wants_reply=campaign.wants_reply,
        campaign_id=campaign.pk,
        by_contact_owner=_by_owner(campaign),
        fallback=campaign.fallback_sender,
        opted_out=opted_out,
        last_used=last_used,
    )
    return around.choices.setdefault(key, choose(ask=ask, board=around.board))


def _fields(around: Surroundings, person: Person, sender: SenderId) -> dict[str, Any]:
    owner = around.owners.get(person.owner_id) if person.owner_id else None
    return rendering.person_fields(
        person,
        around.campaign.org,
        sender,
        owner_name=owner.name if owner else "",
        attributes=json.loads(person.written_attributes) if around.template.uses_attributes else {},
        wanted=around.template.names,
    )


def _due(around: Surroundings, person: Person) -> datetime:
    zones = quiet_hours.zones_for(number=person.number, country=person.country, timezone=person.timezone)
    place = (person.country, zones)
    known = around.due.get(place)
    if known is None:
        known = due_at(around.campaign, country=person.country, zones=zones, now=around.now)
        around.due[place] = known
    return known


def due_at(campaign: Campaign, *, country: str, zones: tuple[str, ...], now: datetime) -> datetime:
    """When its text may leave for this place: promotional ones wait for the end of quiet hours."""
    org = campaign.org
    if campaign.category != Campaign.Category.PROMOTIONAL or org.quiet_hours == org.QuietHours.OFF:
        return now
    return quiet_hours.next_allowed(country=country, zones=zones, at=now)
