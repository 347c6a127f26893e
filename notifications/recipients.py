"""Who is told of a text: the rule of each assignment, its fall-backs, stand-ins, throttle; every decision is a row.

Pure reading: `decide` returns decisions and `notify.record` writes them. A text attributed to a campaign or program
follows that assignment's rule; otherwise the union over the live assignments of people.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from messaging.conversations import readable_by
from messaging.models import Conversation, Message
from notifications.models import Notification, NotificationRule, Preference, Rule
from senderid.models import Assignment
from tenants.access import audience_of, stand_ins
from tenants.models import Assignee, Delegation, Membership

Outcome = Notification.Outcome
FALLBACKS = (Rule.CONVERSATION_ASSIGNEE, Rule.CONTACT_OWNER, Rule.ALL)
OVERRIDDEN_BY_ASSIGNEE = (Rule.LAST_SENDER, Rule.CONTACT_OWNER, Rule.ROUND_ROBIN)


@dataclass(frozen=True)
class Decision:
    """One person (or plain address): told or not, by which rule, why."""

    rule: str
    reason: str
    outcome: str = Outcome.PENDING
    member: Membership | None = None
    email: str = ""
    assignment: Assignment | None = None
    takes_conversation: bool = False

    @property
    def address(self) -> str:
        return self.email or (self.member.email if self.member else "")


@dataclass
class Case:
    """What the rules of one assignment look at."""

    message: Message
    conversation: Conversation
    assignment: Assignment
    rule: NotificationRule
    audience: list[Membership]
    away: dict[UUID, Delegation] = field(default_factory=dict)

    def member(self, member_id: UUID | None) -> Membership | None:
        return next((m for m in self.audience if m.pk == member_id), None)

    def is_free(self, member: Membership) -> bool:
        return member.is_active and member.pk not in self.away


Chosen = list[tuple[Membership | str, str]]  # (who, why)


def rule_of(assignment: Assignment) -> NotificationRule:
    """The assignment's rule; unsaved defaults when none was set: the member alone, or the last sender when shared."""
    found = NotificationRule.objects.for_org(assignment.org_id).filter(assignment=assignment).first()
    if found is not None:
        return found
    is_member = assignment.assignee.kind == Assignee.Kind.MEMBER
    return NotificationRule(
        org_id=assignment.org_id,
        assignment=assignment,
        rule=Rule.ASSIGNED_MEMBER if is_member else Rule.LAST_SENDER,
    )


def decide(message: Message) -> list[Decision]:
    """All decisions for one inbound text, one per person."""
    conversation = message.conversation
    assert conversation is not None
    if message.hushed:
        return [Decision("none", message.hushed, Outcome.SKIPPED)]
    cases = [_case(message, conversation, assignment) for assignment in governing(message)]
    if not cases:
        return _admins(message, "no_assignment", "nobody is assigned this sender")
    found = [decision for case in cases for decision in _by_rule(case)]
    found = _one_each(found)
    return [*(_tempered(message, decision) for decision in found), *_left_out(cases, found)]


def governing(message: Message) -> list[Assignment]:
    """The assignments whose rules count: the campaign's or program's own, else those of people."""
    live = (
        Assignment.objects.for_org(message.org_id)
        .filter(Assignment.live(), sender=message.sender_id)
        .select_related("assignee", "sender")
        .order_by("created_at")
    )
    for attributed in (message.campaign_id, message.program_id):
        own = [a for a in live if attributed and a.assignee_id == attributed]
        if own:
            return own
    return [a for a in live if a.assignee.kind in Assignee.PEOPLE and a.can_read]


def _case(message: Message, conversation: Conversation, assignment: Assignment) -> Case:
    audience = audience_of(assignment.assignee)
    if assignment.assignee.kind not in Assignee.PEOPLE:
        audience = _attributed_audience(message, conversation)
    ids = {
        pk
        for pk in (*(m.pk for m in audience), conversation.assignee_id, conversation.contact.owner_id)
        if pk
    }
    rule = rule_of(assignment)
    chosen = list(rule.members.select_related("user")) if rule.pk and not rule._state.adding else []
    away = stand_ins(message.org_id, [*ids, *(m.pk for m in chosen)])
    return Case(message, conversation, assignment, rule, audience, away)


def _attributed_audience(message: Message, conversation: Conversation) -> list[Membership]:
    """A campaign's or program's audience: its owner, the contact's owner, the conversation's assignee."""
    owner = message.campaign.owner if message.campaign else message.program.owner if message.program else None
    people = [owner, conversation.contact.owner, conversation.assignee]
    return list({m.pk: m for m in people if m is not None and m.is_active}.values())


def _by_rule(case: Case) -> list[Decision]:
    rule = Rule(case.rule.rule)
    if rule == Rule.NONE:
        return [Decision(rule, "the rule tells nobody", Outcome.SKIPPED, assignment=case.assignment)]
    assignee = case.conversation.assignee
    if assignee is not None and rule in OVERRIDDEN_BY_ASSIGNEE:
        found = _replace_absent(case, rule, [(assignee, f"{assignee.name} has the conversation")])
    else:
        found = _replace_absent(case, rule, RULES[rule](case))
    if any(d.outcome == Outcome.PENDING for d in found):
        return found
    return [*found, *_fall_back(case)]


def _fall_back(case: Case) -> list[Decision]:
    """The rule's own fall-back, then conversation assignee, contact owner, all, then owners and admins."""
    steps = [Rule(case.rule.fallback)] if case.rule.fallback else []
    for rule in [*steps, *FALLBACKS]:
        if rule == Rule.NONE:
            return [Decision(rule, "the fall-back tells nobody", Outcome.SKIPPED, assignment=case.assignment)]
        found = _replace_absent(case, rule, RULES[rule](case))
        told = [d for d in found if d.outcome == Outcome.PENDING]
        if told:
            return [replace(d, reason=f"fall-back: {d.reason}"[:300]) for d in told]
    return _admins(case.message, str(case.rule.rule), "nobody else was left", case.assignment)


def _admins(message: Message, rule: str, why: str, assignment: Assignment | None = None) -> list[Decision]:
    admins = Membership.objects.for_org(message.org_id).filter(
        is_active=True, role__in=[Membership.Role.OWNER, Membership.Role.ADMIN]
    )
    return [
        Decision(rule, f"{why}, so owners and admins are told", member=admin, assignment=assignment)
        for admin in admins.select_related("user").order_by("created_at")
    ]


def _assigned_member(case: Case) -> Chosen:
    return [(m, "it is their own sender") for m in case.audience[:1]]


def _all(case: Case) -> Chosen:
    return [(m, f"everyone in {case.assignment.assignee.name} is told") for m in case.audience]


def _last_sender(case: Case) -> Chosen:
    """The last person who texted in this conversation and is still in the audience; a campaign counts as its owner."""
    texts = Message.objects.for_org(case.message.org_id).filter(
        sender=case.message.sender_id,
        contact=case.message.contact_id,
        direction=Message.Direction.OUTBOUND,
        origin__in=[Message.Origin.MANUAL, Message.Origin.CAMPAIGN],
        pk__lt=case.message.pk,
    )
    for origin, sent_by, owner in texts.order_by("-pk").values_list("origin", "sent_by", "campaign__owner")[
        :200
    ]:
        member = case.member(owner if origin == Message.Origin.CAMPAIGN else sent_by)
        if member is not None:
            how = "their campaign texted last" if origin == Message.Origin.CAMPAIGN else "they texted last"
            return [(member, how)]
    return []


def _conversation_assignee(case: Case) -> Chosen:
    assignee = case.conversation.assignee
    return [(assignee, "they have the conversation")] if assignee is not None else []


def _contact_owner(case: Case) -> Chosen:
    """If allowed to read this sender."""
    owner = case.conversation.contact.owner
    if owner is None or not readable_by(owner).filter(pk=case.conversation.pk).exists():
        return []
    return [(owner, "they own the contact")]


def _specific(case: Case) -> Chosen:
    people: Chosen = [(m, "chosen by name") for m in case.rule.members.select_related("user")]
    return [*people, *((email, "chosen address") for email in case.rule.emails)]


def _round_robin(case: Case) -> Chosen:
    """The next available in order after whoever's turn it was."""
    ids = [m.pk for m in case.audience]
    start = ids.index(case.rule.last_turn_id) + 1 if case.rule.last_turn_id in ids else 0
    for member in [*case.audience[start:], *case.audience[:start]]:
        if case.is_free(member):
            return [(member, "it is their turn")]
    return []


RULES: dict[str, Callable[[Case], Chosen]] = {
    Rule.ASSIGNED_MEMBER: _assigned_member,
    Rule.ALL: _all,
    Rule.LAST_SENDER: _last_sender,
    Rule.CONVERSATION_ASSIGNEE: _conversation_assignee,
    Rule.CONTACT_OWNER: _contact_owner,
    Rule.SPECIFIC: _specific,
    Rule.ROUND_ROBIN: _round_robin,
}


def _replace_absent(case: Case, rule: str, chosen: Chosen) -> list[Decision]:
    """The stand-in for whoever is away; nobody for whoever has none or was deactivated."""
    found: list[Decision] = []
    for who, why in chosen:
        if isinstance(who, str):
            found.append(Decision(rule, why, email=who, assignment=case.assignment))
        else:
            found.extend(_for_member(case, rule, who, why))
    return found


def _for_member(case: Case, rule: str, member: Membership, why: str) -> list[Decision]:
    plain = Decision(rule, why, member=member, assignment=case.assignment)
    turn = replace(plain, takes_conversation=rule == Rule.ROUND_ROBIN and case.conversation.assignee is None)
    if not member.is_active:
        return [replace(plain, outcome=Outcome.SKIPPED, reason=f"{why}, but they were deactivated")]
    absence = case.away.get(member.pk)
    if absence is None:
        return [turn]
    return _for_absent(plain, absence, why)


def _for_absent(plain: Decision, absence: Delegation, why: str) -> list[Decision]:
    stand_in = absence.stand_in
    name = absence.absent.name
    if stand_in is None or not stand_in.is_active:
        return [
            replace(plain, outcome=Outcome.SKIPPED, reason=f"{why}, but {name} is away and nobody stands in")
        ]
    told = replace(plain, member=stand_in, reason=f"stands in for {name}: {why}")
    if absence.copy_absent:
        return [told, replace(plain, reason=f"copy while away: {why}")]
    away = replace(plain, outcome=Outcome.SKIPPED, reason=f"{why}, but away: {stand_in.name} stands in")
    return [told, away]


def _one_each(found: list[Decision]) -> list[Decision]:
    """One per person per text: being told goes before being skipped."""
    kept: dict[str, Decision] = {}
    for decision in found:
        known = kept.get(decision.address)
        if known is None or (known.outcome != Outcome.PENDING and decision.outcome == Outcome.PENDING):
            kept[decision.address] = decision
    return list(kept.values())


def _tempered(message: Message, decision: Decision) -> Decision:
    """Preferences and the throttle only reduce."""
    if decision.outcome != Outcome.PENDING or decision.member is None:
        return decision
    rule = rule_of(decision.assignment) if decision.assignment else None
    if not (rule and rule.mandatory) and _switched_off(message, decision.member):
        return replace(
            decision, outcome=Outcome.SKIPPED, reason=f"{decision.reason}, but they switched mails off"
        )
    minutes = rule.throttle_minutes if rule else 10
    if _was_told_lately(message, decision.member, minutes):
        text = f"{decision.reason}; told within {minutes} minutes already"
        return replace(decision, outcome=Outcome.THROTTLED, reason=text)
    return decision


def _switched_off(message: Message, member: Membership) -> bool:
    wishes = Preference.objects.for_org(message.org_id).filter(member=member)
    for wish in sorted(wishes, key=lambda w: w.sender_id is None):
        if wish.sender_id in (None, message.sender_id):
            return wish.how == Preference.How.OFF
    return False


def _was_told_lately(message: Message, member: Membership, minutes: int) -> bool:
    """A mail within N minutes, and no reply of their own since."""
    since = timezone.now() - timedelta(minutes=minutes)
    told = Notification.objects.for_org(message.org_id).filter(
        conversation=message.conversation_id,
        member=member,
        kind="new_message",
        outcome__in=[Outcome.SENT, Outcome.PENDING],
        created_at__gt=since,
    )
    last = (
        told.exclude(message=message.pk).order_by("-created_at").values_list("created_at", flat=True).first()
    )
    if last is None:
        return False
    own = Message.objects.for_org(message.org_id).filter(
        conversation=message.conversation_id, sent_by=member, created_at__gt=last
    )
    return not own.exists()


def _left_out(cases: list[Case], found: list[Decision]) -> list[Decision]:
    """Why the others in the audience were not told."""
    named = {d.address for d in found}
    rows: dict[str, Decision] = {}
    for case in cases:
        told = [d.member.name for d in found if d.member and d.outcome == Outcome.PENDING]
        for member in case.audience:
            if member.email not in named and member.email not in rows:
                text = f"the rule {case.rule.get_rule_display()} chose {', '.join(told) or 'nobody'}"
                rows[member.email] = Decision(
                    case.rule.rule, text[:300], Outcome.SKIPPED, member=member, assignment=case.assignment
                )
    return list(rows.values())[:200]
