"""From a frozen audience to queued texts, in bulk: selection, skips with reasons, merge fields. No query per contact.

`campaigns.sweep` calls `write_batch`; the pre-send report runs the same decisions and writes nothing.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from messaging import quiet_hours, rendering, segments, usage
from messaging.models import Campaign, CampaignRecipient, ConsentEntry, Contact, Conversation, Message, OptOut
from messaging.sending import DISPATCH, first_status
from messaging.statuses import Status
from senderid.board import Board, board_for
from senderid.eligibility import Ask
from senderid.models import SenderId
from senderid.phone_numbers import parse
from senderid.selection import Choice, choose
from tenants import hints
from tenants.access import Standing, standing_of
from tenants.errors import DomainError

State = CampaignRecipient.State
OptedOut = frozenset[UUID] | Literal["all"]
REPORTED = [
    "total",
    "will_be_sent",
    "opted_out",
    "no_consent",
    "blocked_country",
    "invalid",
    "duplicate",
    "no_eligible_sender",
    "deferred",
    "segments",
    "cost",
    "finishes_at",
]


@dataclass(frozen=True)
class Decision:
    """What happens to one contact: a text from a sender, or a skip with its code."""

    contact: Contact
    sender: SenderId | None = None
    choice: Choice | None = None
    body: str = ""
    cut: segments.Cut | None = None
    due_at: datetime | None = None
    code: str = ""
    text: str = ""

    @property
    def is_sent(self) -> bool:
        return not self.code


@dataclass
class Surroundings:
    """All that deciding looks at, loaded once per batch."""

    campaign: Campaign
    board: Board
    standings: dict[UUID, Standing]
    opted_out: dict[str, OptedOut]
    consented: set[str] | None
    last_used: dict[UUID, UUID]
    now: datetime = field(default_factory=timezone.now)


def write_batch(campaign: Campaign, most: int) -> int:
    """Turns up to `most` pending recipients into texts or skips; returns how many were decided."""
    with transaction.atomic():
        held = Campaign.objects.for_org(campaign.org_id).select_for_update(skip_locked=True)
        if not held.filter(pk=campaign.pk, status=Campaign.Status.SENDING).exists():
            return 0
        pending = CampaignRecipient.objects.for_org(campaign.org_id).filter(
            campaign=campaign, state=State.PENDING
        )
        rows = list(pending.select_related("contact__owner__user").order_by("pk")[:most])
        if not rows:
            return 0
        around = surroundings(campaign, [row.contact for row in rows])
        decisions = {row.pk: decide(around, row.contact) for row in rows}
        decisions = _with_room(campaign, decisions)
        rows = [row for row in rows if row.pk in decisions]
        decisions = _within_caps(campaign, decisions, around.now)
        _write(campaign, rows, decisions)
        hints.after_commit(DISPATCH)
        return len(rows)


def _with_room(campaign: Campaign, decisions: dict[UUID, Decision]) -> dict[UUID, Decision]:
    """Without those whose sender's queue holds ten hours already: they stay pending until it has drained."""
    senders = {one.sender.pk: one.sender for one in decisions.values() if one.is_sent and one.sender}
    queued = Message.objects.for_org(campaign.org_id).filter(
        sender__in=senders, status__in=[Status.QUEUED, Status.SCHEDULED]
    )
    held = dict(queued.values_list("sender").annotate(n=Sum("segments")))
    room = {pk: sender.queue_limit - held.get(pk, 0) for pk, sender in senders.items()}
    kept: dict[UUID, Decision] = {}
    for pk, one in decisions.items():
        if one.is_sent and one.sender and one.cut:
            room[one.sender.pk] -= one.cut.segments
            if room[one.sender.pk] < 0:
                continue
        kept[pk] = one
    return kept


def _within_caps(campaign: Campaign, decisions: dict[UUID, Decision], at: datetime) -> dict[UUID, Decision]:
    """Counts the texts against the org's caps; those beyond are skipped with the reason."""
    sizes = {pk: one.cut.segments for pk, one in decisions.items() if one.is_sent and one.cut}
    carried = usage.spend_for_as_many(org=campaign.org, sizes=list(sizes.values()), at=at)
    text = "Your organization’s cap of segments was reached."
    beyond = {pk: replace(decisions[pk], code="cap_reached", text=text) for pk in list(sizes)[carried:]}
    return decisions | beyond


def _write(campaign: Campaign, rows: list[CampaignRecipient], decisions: dict[UUID, Decision]) -> None:
    texts = [text_of(campaign, decision) for decision in decisions.values() if decision.is_sent]
    Message.objects.for_org(campaign.org_id).bulk_create(texts, batch_size=500, ignore_conflicts=True)
    for row in rows:
        decision = decisions[row.pk]
        row.state = State.QUEUED if decision.is_sent else State.SKIPPED
        row.code, row.text = decision.code, decision.text[:300]
    CampaignRecipient.objects.for_org(campaign.org_id).bulk_update(
        rows, ["state", "code", "text"], batch_size=500
    )


def surroundings(campaign: Campaign, contacts: list[Contact]) -> Surroundings:
    """Loads what the decisions for these contacts need: a fixed number of queries, and one per contact owner."""
    org_id = campaign.org_id
    owners = {c.owner.pk: c.owner for c in contacts if c.owner is not None and c.owner.is_active}
    standings = {pk: standing_of(owner) for pk, owner in owners.items()} if _by_owner(campaign) else {}
    assignees = {pk for standing in standings.values() for pk in standing.assignees} | {campaign.pk}
    numbers = [contact.number for contact in contacts]
    conversations = Conversation.objects.for_org(org_id).filter(contact__in=contacts, last_at__isnull=False)
    consented = None
    if campaign.org.require_consent:
        log = ConsentEntry.objects.for_org(org_id).filter(number__in=numbers, scope="org").order_by("at")
        newest = dict(log.values_list("number", "what"))
        consented = {number for number, what in newest.items() if what != ConsentEntry.What.OPT_OUT}
    return Surroundings(
        campaign=campaign,
        board=board_for(org_id=org_id, assignee_ids=assignees, countries={c.country for c in contacts}),
        standings=standings,
        opted_out=_opted_out(org_id, numbers),
        consented=consented,
        last_used=dict(conversations.order_by("last_at").values_list("contact_id", "sender_id")),
    )


def _by_owner(campaign: Campaign) -> bool:
    return campaign.sender_mode == Campaign.SenderMode.CONTACT_OWNER


def _opted_out(org_id: UUID, numbers: list[str]) -> dict[str, OptedOut]:
    found: dict[str, OptedOut] = {}
    rows = OptOut.objects.for_org(org_id).filter(number__in=numbers).exclude(scope=OptOut.Scope.PROGRAM)
    for number, scope, sender_id in rows.values_list("number", "scope", "sender_id"):
        known = found.get(number, frozenset())
        found[number] = "all" if scope == OptOut.Scope.ORG or known == "all" else known | {sender_id}
    return found


def decide(around: Surroundings, contact: Contact) -> Decision:
    """Skip with a reason, or a text with its sender."""
    campaign = around.campaign
    if skip := _unfit(around, contact):
        return Decision(contact, code=skip[0], text=skip[1])
    choice = choose(ask=_ask(around, contact), board=around.board)
    if choice.sender is None:
        refused_by_stop = choice.rejected and all(
            r.code in ("opted_out", "outranked") for r in choice.rejected
        )
        code = "opted_out" if refused_by_stop else "no_eligible_sender"
        return Decision(contact, choice=choice, code=code, text=choice.text)
    try:
        body = rendering.render(campaign.body, rendering.contact_fields(contact, campaign.org, choice.sender))
    except DomainError as error:
        return Decision(contact, choice=choice, code="template_error", text=error.text)
    if not body.strip() or len(body) > segments.MOST_CHARACTERS:
        return Decision(
            contact, choice=choice, code="invalid", text="The text is empty or over 1,600 characters."
        )
    due = due_at(campaign, country=contact.country, timezone=contact.timezone, now=around.now)
    return Decision(contact, choice.sender, choice, body, segments.cut(body), due)


def _unfit(around: Surroundings, contact: Contact) -> tuple[str, str] | None:
    if not contact.is_number or not contact.country:
        return "invalid", "It is no phone number that can be texted."
    number = parse(contact.number)
    if number is not None and number.premium:
        return "invalid", "Premium and shared-cost numbers are never texted."
    if not around.campaign.org.may_reach(contact.country):
        return "blocked_country", f"Your organization does not text {contact.country}."
    if around.opted_out.get(contact.number) == "all":
        return "opted_out", "This number has opted out."
    if around.consented is not None and contact.number not in around.consented:
        return "no_consent", "This number has given no consent."
    return None


def _ask(around: Surroundings, contact: Contact) -> Ask:
    campaign = around.campaign
    nobody = Standing(campaign.org_id, None)
    return Ask(
        org_id=campaign.org_id,
        country=contact.country,
        standing=around.standings.get(contact.owner_id, nobody) if contact.owner_id else nobody,
        wants_reply=campaign.wants_reply,
        campaign_id=campaign.pk,
        by_contact_owner=_by_owner(campaign),
        fallback=campaign.fallback_sender,
        opted_out=around.opted_out.get(contact.number, frozenset()),
        last_used=around.last_used.get(contact.pk),
    )


def due_at(campaign: Campaign, *, country: str, timezone: str, now: datetime) -> datetime:
    """When its text may leave for this place: promotional ones wait for the end of quiet hours."""
    org = campaign.org
    if campaign.category != Campaign.Category.PROMOTIONAL or org.quiet_hours == org.QuietHours.OFF:
        return now
    return quiet_hours.next_allowed(country=country, timezone=timezone, at=now)


def text_of(campaign: Campaign, decision: Decision) -> Message:
    """The row of one campaign text."""
    assert decision.sender and decision.choice and decision.cut and decision.due_at
    return Message(
        org_id=campaign.org_id,
        sender=decision.sender,
        account_id=decision.sender.provider_account_id,
        contact=decision.contact,
        direction=Message.Direction.OUTBOUND,
        origin=Message.Origin.CAMPAIGN,
        status=first_status(decision.due_at),
        lane=Message.BULK,
        to=decision.contact.number,
        from_value=decision.sender.value,
        country=decision.contact.country,
        body=decision.body,
        encoding=decision.cut.encoding,
        segments=decision.cut.segments,
        rule=decision.choice.rule,
        rule_text=decision.choice.text[:200],
        campaign=campaign,
        due_at=decision.due_at,
        expires_at=decision.due_at + settings.MESSAGE_VALIDITY,
    )


def report(campaign: Campaign, contacts: list[Contact]) -> dict[str, Any]:
    """The pre-send report over the audience; `cost` is null until prices are set, `finishes_at` by the slowest sender."""
    around = surroundings(campaign, contacts)
    decisions = [decide(around, contact) for contact in contacts]
    skipped = Counter(d.code for d in decisions if d.code)
    sent = [d for d in decisions if d.is_sent]
    per_sender: Counter[SenderId] = Counter()
    for decision in sent:
        assert decision.sender and decision.cut
        per_sender[decision.sender] += decision.cut.segments
    seconds = max((n / sender.mps for sender, n in per_sender.items()), default=0)
    latest = max((d.due_at for d in sent if d.due_at), default=around.now)
    return {
        "total": len(decisions),
        "will_be_sent": len(sent),
        **{code: skipped[code] for code in ("opted_out", "no_consent", "blocked_country")},
        "invalid": skipped["invalid"] + skipped["template_error"],
        "duplicate": 0,
        "no_eligible_sender": skipped["no_eligible_sender"],
        "deferred": sum(1 for d in sent if d.due_at and d.due_at > around.now),
        "segments": sum(per_sender.values()),
        "cost": None,
        "finishes_at": latest + timedelta(seconds=seconds) if sent else None,
        "decisions": decisions,
        "per_sender": per_sender,
    }
