"""An organization with many rows of each kind, written in bulk, most of them hanging on the scene's own rows."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import connection
from django.utils import timezone

from messaging.models import (
    Attempt,
    Campaign,
    CampaignCount,
    CampaignPortion,
    CampaignSkip,
    ConsentEntry,
    Contact,
    ContactList,
    ContactListEntry,
    Conversation,
    ConversationRead,
    Draft,
    InboundEvent,
    Message,
    MessageMedia,
    OptOut,
    PossibleOptOut,
    Program,
    ProgramKeyword,
    Reaction,
    ReceiptEvent,
    Subscription,
    TimelineEntry,
    Usage,
)  # fmt: skip
from notifications.models import (
    EmailTemplate,
    Escalation,
    Notification,
    NotificationRule,
    Preference,
    Rule,
    RuleMember,
)  # fmt: skip
from senderid.models import (
    Assignment,
    AssignmentCountry,
    CountryRule,
    DelegatedSender,
    ProviderAccount,
    Registration,
    SenderId,
    VerdictOverride,
)  # fmt: skip
from tenants.models import (
    ApiKey,
    Assignee,
    AuditEntry,
    Delegation,
    IdempotencyKey,
    Invitation,
    Membership,
    Profile,
    Team,
    TeamMember,
    User,
)  # fmt: skip
from tenants.scoping import TenantOwned
from tests.walk.scene import Scene

MOST_COUNTRIES = (Registration, VerdictOverride)  # at most one row for each country
KINDS = ("long_code", "toll_free", "alphanumeric")
VALUES = {"long_code": "+1415600{:04}", "toll_free": "+1800600{:04}", "alphanumeric": "Name{}"}


def owned() -> list[type[TenantOwned]]:
    """Every table of an organization's rows."""
    return [model for model in apps.get_models() if issubclass(model, TenantOwned)]


class Many:
    """`grow(n)` brings each kind to at least n rows; `made` holds what was made, by model."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.org, self.rows, self.size = scene, scene.ours.org, scene.rows, 0
        self.office, self.now = scene.ours, timezone.now()
        self.made: dict[type[Any], list[Any]] = {}
        self.codes = sorted(CountryRule.objects.values_list("pk", flat=True))
        self.conversation = Conversation.objects.for_org(self.org).get(pk=self.rows["conversation"])

    def grow(self, size: int) -> None:
        for make in (people, groups, senders, assigned, texted, talked, campaigned, joined, notified, logged):
            make(self, range(self.size, size))
        self.size = size
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    def add(self, model: type[Any], rows: Iterator[Any]) -> list[Any]:
        made = [model(org=self.org, **fields) for fields in rows]
        model.unscoped.bulk_create(made, batch_size=1000)
        self.made.setdefault(model, []).extend(made)
        return made

    def assignable(self, model: type[Any], rows: Iterator[dict[str, Any]]) -> list[Any]:
        made = [model(org=self.org, **fields) for fields in rows]
        for one in made:
            one.assignee_id = one.pk
        named = (Assignee(pk=one.pk, org=self.org, kind=one.assignee_kind, name=str(one)) for one in made)
        Assignee.unscoped.bulk_create(named, batch_size=1000)
        model.unscoped.bulk_create(made, batch_size=1000)
        self.made.setdefault(model, []).extend(made)
        return made

    def one(self, model: type[Any], n: int) -> Any:
        """One of those made, the same for the same n."""
        return self.made[model][n]


def people(many: Many, numbers: range) -> None:
    users = [User(email=f"m{n}@many.example", name=f"Member {n}", password="!") for n in numbers]
    User.objects.bulk_create(users, batch_size=1000)
    roles = ("rep", "viewer", "admin", "owner", "rep")
    invited = {n for n in numbers if n % 10 == 9}
    many.assignable(Profile, ({"name": f"Profile {n}"} for n in numbers))
    many.assignable(Team, ({"name": f"Team {n}"} for n in numbers))
    many.assignable(Membership, (
        {"name": f"Member {n}", "email": user.email, "role": roles[n % 5], "is_active": n % 10 != 8,
         "profile_id": many.rows["profile"] if n % 2 else many.one(Profile, n).pk,
         "user": None if n in invited else user, "accepted_at": None if n in invited else many.now}
        for n, user in zip(numbers, users, strict=True)
    ))  # fmt: skip


def groups(many: Many, numbers: range) -> None:
    def member(n: int) -> Any:
        return many.one(Membership, n)

    later = many.now + timedelta(days=9)
    soon = many.now + timedelta(days=1)
    many.add(TeamMember, ({"team": many.office.team, "member": member(n)} for n in numbers))
    many.add(TeamMember, ({"team": many.one(Team, n), "member": member(n)} for n in numbers))
    many.add(Invitation, (
        {"member": member(n - n % 10 + 9 if n - n % 10 + 9 < numbers.stop else n), "digest": f"{n:064}",
         "invited_by": many.office["Ada"], "expires_at": later} for n in numbers
    ))  # fmt: skip
    many.add(Delegation, (
        {"absent_id": many.rows["member"] if n % 2 else member(n).pk, "stand_in": many.office["Rob"],
         "starts_at": many.now if n % 3 else soon, "ends_at": later, "all_senders": n % 4 != 0} for n in numbers
    ))  # fmt: skip
    many.add(ApiKey, (
        {"name": f"Key {n}", "prefix": f"cs_live_{n}", "digest": f"{n:064}", "scopes": ["read"],
         "created_by": member(n), "revoked_at": None if n % 5 else many.now} for n in numbers
    ))  # fmt: skip
    many.add(IdempotencyKey, (
        {"key": f"key {n}", "body_hash": "x", "status": 202, "answer": {}, "expires_at": later} for n in numbers
    ))  # fmt: skip


def senders(many: Many, numbers: range) -> None:
    token = many.office.account.sealed_token
    many.add(ProviderAccount, (
        {"label": f"Account {n}", "account_sid": f"AC{n:032}", "sealed_token": token} for n in numbers
    ))  # fmt: skip
    statuses = ("active", "active", "active", "suspended", "draft", "retired")
    many.add(SenderId, (
        {"label": f"Sender {n}", "kind": KINDS[n % 3], "value": VALUES[KINDS[n % 3]].format(n), "country": "US",
         "provider_account": many.office.account if n % 2 else many.one(ProviderAccount, n), "mps": 1,
         "status": statuses[n % 6], "reply_number": many.office.sender if n % 3 == 2 else None,
         "reply_instruction": "Text us" if n % 3 == 2 else ""} for n in numbers
    ))  # fmt: skip
    many.add(
        Registration,
        ({"sender": many.one(SenderId, n), "country": "US", "status": "approved"} for n in numbers),
    )
    foreign = [code for code in many.codes if code != "US"]
    some = foreign[numbers.start : numbers.stop]
    many.add(
        Registration,
        ({"sender": many.office.sender, "country": code, "status": "submitted"} for code in some),
    )
    many.add(VerdictOverride, (
        {"kind": kind, "country": code, "verdict": "ok", "reason": "Agreed", "made_by": many.office["Ada"]}
        for code in some for kind in ("long_code", "toll_free", "short_code", "alphanumeric")
    ))  # fmt: skip
    many.add(DelegatedSender, (
        {"delegation": many.one(Delegation, n), "sender": many.one(SenderId, n)} for n in numbers
    ))  # fmt: skip


def assigned(many: Many, numbers: range) -> None:
    """The scene's sender to each member, each sender to the scene's people; a rule of every kind."""
    holders = (many.org.pk, many.office.team.pk, many.office["Ann"].pk, many.rows["profile"])
    pairs = [(many.office.sender, many.one(Membership, n).pk) for n in numbers]
    pairs += [(many.one(SenderId, n), holder) for n in numbers for holder in {holders[n % 4], holders[2]}]
    given = many.add(Assignment, ({"sender": sender, "assignee_id": pk} for sender, pk in pairs))
    many.add(AssignmentCountry, ({"assignment": one, "assignee_id": one.assignee_id} for one in given))
    kinds = Rule.values
    rules = many.add(NotificationRule, (
        {"assignment": one, "rule": kinds[n % len(kinds)], "emails": ["desk@many.example"],
         "escalate_after_minutes": 5 if n % 3 == 0 else None, "escalate_to": many.office["Ada"]}
        for n, one in enumerate(given) if n % 4
    ))  # fmt: skip
    many.add(RuleMember, (
        {"notification_rule": rule, "member": many.office[name]} for rule in rules for name in ("Ann", "Ada")
    ))  # fmt: skip
    many.add(Preference, (
        {"member": many.office["Ann"], "sender": many.one(SenderId, n), "how": "off"} for n in numbers
    ))  # fmt: skip


def texted(many: Many, numbers: range) -> None:
    """Contacts and their lists; programs and campaigns they are in."""
    many.add(Contact, (
        {"number": f"+1628601{n:04}", "name": f"Contact {n}" if n % 4 else "", "country": "US",
         "owner": (many.office["Ann"], many.one(Membership, n), None)[n % 3], "tags": [f"tag {n}", "vip"],
         "attributes": {"n": n}, "timezone": "America/New_York"} for n in numbers
    ))  # fmt: skip
    many.add(ContactList, ({"name": f"List {n}"} for n in numbers))
    many.add(ContactListEntry, (
        {"contact_list_id": pk, "contact": many.one(Contact, n)}
        for n in numbers for pk in (many.rows["list"], many.one(ContactList, n).pk)
    ))  # fmt: skip
    owner = many.office["Ann"]
    statuses = Campaign.Status.values
    many.assignable(Campaign, (
        {"name": f"Campaign {n}", "body": "Hi", "owner": owner if n % 2 else many.one(Membership, n), "total": n,
         "status": statuses[n % len(statuses)], "audience": {"tags": ["vip"]}} for n in numbers
    ))  # fmt: skip
    many.assignable(Program, (
        {"name": f"Program {n}", "owner": owner if n % 2 else many.one(Membership, n)} for n in numbers
    ))  # fmt: skip
    many.add(ProgramKeyword, (
        {"program_id": pk, "word": f"WORD{n}", "folded": f"word{n}"}
        for n in numbers for pk in (many.rows["program"], many.one(Program, n).pk)
    ))  # fmt: skip


def talked(many: Many, numbers: range) -> None:
    """The scene's sender with each contact, its contact with each sender; 1 text in each and all in one."""
    statuses = Conversation.Status.values
    names = ("Ann", "Rob", "Ada")
    pairs = [(many.office.sender, many.one(Contact, n)) for n in numbers]
    pairs += [(many.one(SenderId, n), many.office.carla) for n in numbers]
    made = many.add(Conversation, (
        {"sender": sender, "contact": contact, "status": statuses[n % 4], "tags": [f"tag {n}"],
         "assignee": many.office[names[n % 3]] if n % 5 else None, "last_human": many.office["Ann"],
         "campaign_id": many.rows["campaign"] if n % 7 == 0 else None,
         "program_id": many.rows["program"] if n % 7 == 1 else None, "inbound_count": 1, "last_body": "Hi",
         "last_at": many.now - timedelta(seconds=n), "last_direction": "inbound" if n % 2 else "outbound",
         "waiting_since": many.now if n % 2 else None} for n, (sender, contact) in enumerate(pairs)
    ))  # fmt: skip
    sids = random.Random(numbers.start)
    every = [*made, *[many.conversation] * len(numbers)]
    texts = many.add(
        Message, (text(many, one, n, f"SM{sids.getrandbits(120):x}") for n, one in enumerate(every))
    )
    inner = texts[len(made) :]
    many.add(Attempt, ({"message": one, "no": 1, "sender_value": "+1"} for one in inner))
    many.add(MessageMedia, (
        {"message": one, "position": 0, "state": "failed", "declared_type": "image/png"} for one in inner
    ))  # fmt: skip
    many.add(Reaction, ({"message": one, "target": inner[0], "emoji": "❤️"} for one in inner))
    many.add(PossibleOptOut, (
        {"conversation": one, "number": one.contact.number, "words": "please stop", "decision": "dismissed" if n % 2 else "",
         "decided_at": many.now if n % 2 else None} for n, one in enumerate(made)
    ))  # fmt: skip
    many.add(ReceiptEvent, ({"message": one, "provider_sid": "SM1", "raw_status": "sent"} for one in inner))
    kinds = TimelineEntry.Kind.values
    many.add(TimelineEntry, (
        {"conversation": many.conversation, "kind": kinds[n % len(kinds)], "text": "set to open",
         "member": many.one(Membership, n)} for n in numbers
    ))  # fmt: skip
    readers = (many.office["Ann"], many.office["Olga"])
    many.add(
        ConversationRead,
        ({"conversation": one, "member": who, "read_count": 0} for one in made for who in readers),
    )
    many.add(Draft, (
        {"member": who, "conversation": one, "client_ref": f"draft {numbers.start} {n}", "body": "Well"}
        for n, one in enumerate(made) for who in readers
    ))  # fmt: skip


def text(many: Many, conversation: Any, n: int, sid: str) -> dict[str, Any]:
    inbound = n % 3 == 0
    statuses = ("delivered", "queued", "scheduled", "failed", "sent")
    return {
        "sender_id": conversation.sender_id, "account": many.office.account, "contact_id": conversation.contact_id,
        "conversation": conversation, "direction": "inbound" if inbound else "outbound", "to": "+16286010000",
        "origin": "contact" if inbound else "manual", "status": "received" if inbound else statuses[n % 5],
        "from_value": "+16286010000", "country": "US", "body": f"Text {n}", "encoding": "GSM-7", "segments": 1,
        "sent_by": None if inbound else many.office["Ann"], "provider_sid": sid, "announced_at": many.now,
        "on_behalf_of": many.office["Cid"] if n % 4 == 1 else None, "send_at": many.now + timedelta(days=1),
    }  # fmt: skip


def campaigned(many: Many, numbers: range) -> None:
    campaign = {"campaign_id": many.rows["campaign"]}
    conversations = many.made[Conversation][-2 * len(numbers) : -len(numbers)]
    many.add(Message, (
        text(many, conversations[i], 1, "") | campaign | {"origin": "campaign", "lane": 1}
        for i in range(len(numbers))
    ))  # fmt: skip
    contacts = [(n, many.one(Contact, n)) for n in numbers]
    many.add(CampaignSkip, (campaign | {"contact": one, "code": f"code {n % 9}"} for n, one in contacts))
    many.add(CampaignPortion, (
        campaign | {"place": n, "contacts": [one.pk], "size": 1, "look_at": many.now} for n, one in contacts
    ))  # fmt: skip
    many.add(
        CampaignCount,
        ({"campaign": many.one(Campaign, n), "code": f"code {n}", "skipped": 1} for n in numbers),
    )


def joined(many: Many, numbers: range) -> None:
    states = Subscription.State.values
    many.add(Subscription, (
        {"program_id": many.rows["program"], "contact": many.one(Contact, n), "state": states[n % 3],
         "joined_at": many.now} for n in numbers
    ))  # fmt: skip
    scopes: list[Callable[[int], dict[str, Any]]] = [
        lambda n: {"scope": "org"},
        lambda n: {"scope": "sender", "sender": many.one(SenderId, n)},
        lambda n: {"scope": "program", "program": many.one(Program, n)},
    ]
    many.add(OptOut, (
        scopes[n % 3](n) | {"number": f"+1628602{n:04}", "source": OptOut.Source.values[n % 4]} for n in numbers
    ))  # fmt: skip
    many.add(ConsentEntry, (
        {"number": many.office.carla.number, "what": ConsentEntry.What.values[n % 3], "scope": "org", "source": "text",
         "sender": many.one(SenderId, n), "program": many.one(Program, n), "member": many.one(Membership, n)}
        for n in numbers
    ))  # fmt: skip
    many.add(Usage, ({"period": f"day {n}", "segments": n} for n in numbers))


def notified(many: Many, numbers: range) -> None:
    kinds, outcomes = EmailTemplate.Kind.values, Notification.Outcome.values
    many.add(EmailTemplate, (
        {"kind": kinds[n % len(kinds)], "name": f"Template {n}", "subject": "S", "html": "H", "text": "T"}
        for n in numbers
    ))  # fmt: skip
    texts = [one for one in many.made[Message] if one.direction == "inbound"]
    many.add(Notification, (
        {"kind": "new_message", "message_id": pk, "conversation": many.conversation, "email": f"m{n}@many.example",
         "member": many.one(Membership, n), "assignment": many.one(Assignment, n), "rule": "all",
         "template": many.one(EmailTemplate, n), "reason": "Everyone", "outcome": outcomes[n % len(outcomes)]}
        for n in numbers for pk in (many.rows["inbound"], texts[n % len(texts)].pk)
    ))  # fmt: skip
    many.add(Escalation, (
        {"conversation": many.one(Conversation, n), "assignment": many.one(Assignment, n), "due_at": many.now,
         "message": texts[n % len(texts)], "escalate_to": many.office["Ada"]} for n in numbers
    ))  # fmt: skip


def logged(many: Many, numbers: range) -> None:
    names = ("member", "sender", "contact", "campaign", "program", "assignment")
    many.add(AuditEntry, (
        {"action": f"{name}.changed", "target_kind": name, "target_id": many.rows[name], "text": f"Changed it {n}",
         "actor": many.one(Membership, n), "on_behalf_of": many.one(Membership, n) if n % 3 else None,
         "api_key": many.one(ApiKey, n)} for n in numbers for name in names
    ))  # fmt: skip
    many.add(InboundEvent, (
        {"account": many.office.account, "provider_sid": f"QM{n}", "to": "+14155550100", "body": "Hi", "reason": "No",
         "from_value": f"+1628601{n:04}", "state": "quarantined"} for n in numbers
    ))  # fmt: skip
