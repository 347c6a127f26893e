"""Who is told of a text: the rule of each assignment, its fall-backs, stand-ins, throttle; every decision is a row.

Pure reading: `decide` returns decisions and `notify.record` writes them. A text attributed to a campaign or program
follows that assignment's rule; otherwise the union over the live assignments of people.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.db.models import Q

from messaging.assignees import able_to_reply
from messaging.conversations import readable_by
from messaging.models import Conversation, Message
from messaging.receiving import NOT_TEXTED
from messaging.statuses import Status
from notifications.absences import Absence, absences
from notifications.decisions import Decision, Outcome, one_each
from notifications.models import NotificationRule, Rule
from notifications.tempering import tempered
from senderid.models import Assignment
from tenants.access import audience_of
from tenants.models import Assignee, Membership

FALLBACKS = (Rule.CONVERSATION_ASSIGNEE, Rule.CONTACT_OWNER, Rule.ALL)
OVERRIDDEN_BY_ASSIGNEE = (Rule.LAST_SENDER, Rule.CONTACT_OWNER, Rule.ROUND_ROBIN)
NOT_SENT = (Status.SCHEDULED, Status.BLOCKED, Status.CANCELLED, Status.EXPIRED)
NOBODY_ASSIGNED = "no_assignment"


@dataclass
class Case:
    """What the rules of one assignment look at; without an assignment there are only the fall-backs."""

    message: Message
    conversation: Conversation
    assignment: Assignment | None
    rule: NotificationRule
    audience: list[Membership]
    away: dict[UUID, Absence] = field(default_factory=dict)

    def member(self, member_id: UUID | None) -> Membership | None:
        return next((m for m in self.audience if m.pk == member_id), None)

    def is_free(self, member: Membership) -> bool:
        return member.is_active and member.pk not in self.away

    @property
    def assignee(self) -> Membership | None:
        """Whoever has the conversation; someone deactivated has it no longer."""
        assignee = self.conversation.assignee
        return assignee if assignee is not None and assignee.is_active else None

    def decision(
        self, rule: str, reason: str, outcome: str = Outcome.PENDING, member: Membership | None = None
    ) -> Decision:
        return Decision(rule, reason, outcome, member=member, assignment=self.assignment, settings=self.rule)


Chosen = list[tuple[Membership | str, str]]  # (who, why)


def rule_of(assignment: Assignment) -> NotificationRule:
    """The assignment's rule, or the usual one when none was set."""
    found = NotificationRule.objects.for_org(assignment.org_id).filter(assignment=assignment).first()
    return found or usual_rule(assignment)


def usual_rule(assignment: Assignment) -> NotificationRule:
    """The unsaved default: the member alone, or the last sender when shared."""
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
    if cases:
        found = [decision for case in cases for decision in _by_rule(case)]
    else:
        found = _fall_back(_unassigned_case(message, conversation))
    found = one_each(tempered(message, found))
    return [*found, *_left_out(cases, found)]


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
    rule = rule_of(assignment)
    chosen = [] if rule._state.adding else [member.pk for member in rule.members.all()]
    case = Case(message, conversation, assignment, rule, audience)
    case.away = _away(case, [*chosen, *(member.pk for member in audience)])
    return case


def _unassigned_case(message: Message, conversation: Conversation) -> Case:
    """Nobody is assigned the sender: no rule, the fall-backs alone."""
    case = Case(
        message, conversation, None, NotificationRule(org_id=message.org_id, rule=NOBODY_ASSIGNED), []
    )
    case.away = _away(case, [])
    return case


def _away(case: Case, ids: list[UUID]) -> dict[UUID, Absence]:
    concerned = {*ids, case.conversation.assignee_id, case.conversation.contact.owner_id} - {None}
    return absences(
        org_id=case.message.org_id,
        member_ids=[pk for pk in concerned if pk],
        sender_id=case.message.sender_id,
    )


def _attributed_audience(message: Message, conversation: Conversation) -> list[Membership]:
    """A campaign's or program's audience: its owner, the contact's owner, the conversation's assignee."""
    owner = message.campaign.owner if message.campaign else message.program.owner if message.program else None
    people = [owner, conversation.contact.owner, conversation.assignee]
    return list({m.pk: m for m in people if m is not None and m.is_active}.values())


def _by_rule(case: Case) -> list[Decision]:
    rule = Rule(case.rule.rule)
    if rule == Rule.NONE:
        return [case.decision(rule, "the rule tells nobody", Outcome.SKIPPED)]
    if case.assignee is not None and rule in OVERRIDDEN_BY_ASSIGNEE:
        why = f"{case.assignee.name} has the conversation"
        found = _replace_absent(case, rule, [(case.assignee, why)])
    else:
        found = _replace_absent(case, rule, RULES[rule](case))
    if any(decision.is_told for decision in found):
        return found
    return [*found, *_fall_back(case)]


def _fall_back(case: Case) -> list[Decision]:
    """The rule's own fall-back, then conversation assignee, contact owner, all, then owners and admins."""
    steps = [Rule(case.rule.fallback)] if case.rule.fallback else []
    for rule in [*steps, *FALLBACKS]:
        if rule == Rule.NONE:
            return [case.decision(rule, "the fall-back tells nobody", Outcome.SKIPPED)]
        found = _replace_absent(case, rule, RULES[rule](case))
        if any(decision.is_told for decision in found):
            return [replace(d, reason=f"fall-back: {d.reason}"[:300]) for d in found]
    return _admins(case)


def _admins(case: Case) -> list[Decision]:
    """The last ones to ask: the org's owners and admins, or who stands in for them."""
    admins = Membership.objects.for_org(case.message.org_id).filter(
        is_active=True, role__in=[Membership.Role.OWNER, Membership.Role.ADMIN]
    )
    found = list(admins.select_related("user").order_by("created_at"))
    case.away |= _away(case, [admin.pk for admin in found])
    left = "nobody else was left" if case.assignment else "nobody is assigned this sender"
    why = f"{left}, so owners and admins are told"
    told = _replace_absent(case, str(case.rule.rule), [(admin, why) for admin in found])
    return [replace(decision, turn_of=None) for decision in told]  # the turn stays with the audience


def _assigned_member(case: Case) -> Chosen:
    return [(m, "it is their own sender") for m in case.audience[:1]]


def _all(case: Case) -> Chosen:
    name = case.assignment.assignee.name if case.assignment else ""
    return [(m, f"everyone in {name} is told") for m in case.audience]


def _last_sender(case: Case) -> Chosen:
    """The last person who texted in this conversation and is still in the audience; a campaign counts as its owner.

    A stand-in's text counts as the absent one's, unless the stand-in is in the audience too.
    """
    texts = Message.objects.for_org(case.message.org_id).filter(
        Q(origin=Message.Origin.MANUAL) & ~Q(status__in=NOT_SENT)
        | Q(origin=Message.Origin.CAMPAIGN) & ~Q(status__in=NOT_TEXTED),
        sender=case.message.sender_id,
        contact=case.message.contact_id,
        direction=Message.Direction.OUTBOUND,
        pk__lt=case.message.pk,
    )
    newest = texts.order_by("-pk").values_list("origin", "sent_by", "on_behalf_of", "campaign__owner")[:200]
    for origin, sent_by, on_behalf_of, owner in newest:
        if origin == Message.Origin.CAMPAIGN:
            member, how = case.member(owner), "their campaign texted last"
        else:
            member, how = case.member(sent_by) or case.member(on_behalf_of), "they texted last"
        if member is not None:
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
    people: Chosen = []
    if not case.rule._state.adding:
        people = [(m, "chosen by name") for m in case.rule.members.select_related("user")]
    return [*people, *((email, "chosen address") for email in case.rule.emails)]


def _round_robin(case: Case) -> Chosen:
    """The next available in order after the member whose turn it was; who can reply goes before who only reads."""
    ids = [m.pk for m in case.audience]
    start = ids.index(case.rule.last_turn_id) + 1 if case.rule.last_turn_id in ids else 0
    free = [m for m in [*case.audience[start:], *case.audience[:start]] if case.is_free(m)]
    able = able_to_reply(conversation=case.conversation, members=free)
    return [(member, "it is their turn") for member in (able or free)[:1]]


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
            found.append(replace(case.decision(rule, why), email=who))
        else:
            found.extend(_for_member(case, rule, who, why))
    return found


def _for_member(case: Case, rule: str, member: Membership, why: str) -> list[Decision]:
    plain = case.decision(rule, why, member=member)
    if not member.is_active:
        return [replace(plain, outcome=Outcome.SKIPPED, reason=f"{why}, but they were deactivated")]
    absence = case.away.get(member.pk)
    if absence is not None:
        return _for_absent(plain, absence, why)
    takes_turn = rule == Rule.ROUND_ROBIN and case.assignee is None
    return [replace(plain, turn_of=case.assignment if takes_turn else None)]


def _for_absent(plain: Decision, absence: Absence, why: str) -> list[Decision]:
    stand_in, name = absence.stand_in, absence.absent.name
    if stand_in is None:
        reason = f"{why}, but {name} is away and nobody stands in"
        return [replace(plain, outcome=Outcome.SKIPPED, reason=reason)]
    told = replace(plain, member=stand_in, reason=f"stands in for {name}: {why}")
    if absence.copy_absent:
        return [told, replace(plain, reason=f"copy while away: {why}")]
    away = replace(plain, outcome=Outcome.SKIPPED, reason=f"{why}, but away: {stand_in.name} stands in")
    return [told, away]


def _left_out(cases: list[Case], found: list[Decision]) -> list[Decision]:
    """Why the others in the audience were not told."""
    named = {d.address.casefold() for d in found}
    told = ", ".join(d.member.name for d in found if d.member and d.is_told) or "nobody"
    rows: dict[str, Decision] = {}
    for case in cases:
        for member in case.audience:
            key = member.email.casefold()
            if key not in named and key not in rows:
                text = f"the rule {case.rule.get_rule_display()} chose {told}"
                rows[key] = case.decision(case.rule.rule, text[:300], Outcome.SKIPPED, member)
    return list(rows.values())[:200]
