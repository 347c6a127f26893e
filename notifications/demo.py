"""A believable organization to look at: two profiles, a team, six members, five senders of all four kinds in three
countries, assignments of every kind, contacts, conversations with history. Made by the same rules as everything else.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from messaging import campaigns, consent, conversations, programs, segments
from messaging.contacts import save_contact, save_list
from messaging.models import Campaign, Contact, Conversation, Message, OptOut, TimelineEntry
from messaging.statuses import Status
from notifications import rules
from senderid import assignment, provisioning, registration
from senderid.models import Assignment, ProviderAccount, SenderId
from tenants import delegation, memberships
from tenants.models import Assignee, Membership, Organization, Profile, Team

NAME, PASSWORD = "Northwind Energy", "callsign-demo"
LOGINS = [
    ("olivia@northwind.example", "owner"),
    ("ana@northwind.example", "admin"),
    ("ben@northwind.example", "rep, profile Renewals"),
    ("carla@northwind.example", "rep, profile Renewals"),
    ("dmitri@northwind.example", "rep, profile EMEA sales, team Field team"),
    ("eve@northwind.example", "viewer"),
]
Rule = dict[str, Any]


@transaction.atomic
def seed() -> Organization:
    """Makes the demo org, or finds it."""
    found = Organization.objects.filter(name=NAME).first()
    if found is not None:
        return found
    org = Organization.objects.create(
        name=NAME, country="US", timezone="America/New_York", allowed_countries=["CA", "DE", "GB", "US"]
    )
    account = ProviderAccount(
        org=org, label="Simulator", account_sid="AC" + secrets.token_hex(16), is_simulator=True
    )
    account.set_token(secrets.token_hex(16))
    account.save()
    people = _people(org)
    senders = _senders(org)
    _assign(org, people, senders)
    contacts = _contacts(org, people)
    _campaign_and_program(org, people, senders, contacts)
    _conversations(people, senders, contacts)
    return org


def _people(org: Organization) -> dict[str, Any]:
    groups: dict[str, Any] = {
        "Renewals": memberships.named_group(model=Profile, org=org, name="Renewals"),
        "EMEA sales": memberships.named_group(model=Profile, org=org, name="EMEA sales"),
        "Field team": memberships.named_group(model=Team, org=org, name="Field team"),
    }
    rows = [
        ("Olivia Stone", "owner", None, []),
        ("Ana Brandt", "admin", "Renewals", []),
        ("Ben Nakata", "rep", "Renewals", []),
        ("Carla Mendes", "rep", "Renewals", ["Field team"]),
        ("Dmitri Volk", "rep", "EMEA sales", ["Field team"]),
        ("Eve Larsen", "viewer", "EMEA sales", []),
    ]
    for (email, _), (name, role, profile, teams) in zip(LOGINS, rows, strict=True):
        groups[name.split()[0]] = memberships.enroll(
            org=org,
            email=email,
            name=name,
            role=role,
            password=PASSWORD,
            profile=groups[profile] if profile else None,
            teams=[groups[team] for team in teams],
        )
    return groups


def _senders(org: Organization) -> dict[str, SenderId]:
    rows: list[tuple[str, Rule]] = [
        (
            "renewals",
            {
                "kind": "long_code",
                "value": "+12125550134",
                "country": "US",
                "label": "Renewals line",
                "mps": 5,
            },
        ),
        ("ben", {"kind": "long_code", "value": "+13125550199", "country": "US", "label": "Ben’s number"}),
        ("support", {"kind": "toll_free", "value": "+18885550123", "country": "US", "label": "Support line"}),
        ("news", {"kind": "short_code", "value": "56767", "country": "US", "label": "Delivery news"}),
        ("emea", {"kind": "long_code", "value": "+4915735550199", "country": "DE", "label": "Germany"}),
    ]
    made = {name: provisioning.add_sender(org=org, **fields) for name, fields in rows}
    made["name"] = provisioning.add_sender(
        org=org,
        kind="alphanumeric",
        value="Northwind",
        country="GB",
        label="Northwind (name)",
        reply_number=made["support"],
        reply_instruction="To reply, text (888) 555-0123",
    )
    registration.register(sender=made["name"], country="GB", status="approved", reference="UK-2026-114")
    registration.register(sender=made["renewals"], country="US", status="approved", reference="10DLC B7K2")
    return made


def _give(sender: SenderId, to: Any, rule: Rule | None = None, **fields: Any) -> Assignment:
    row = assignment.assign(
        sender=sender, assignee=Assignee.objects.for_org(sender.org_id).get(pk=to.pk), **fields
    )
    rules.set_rule(assignment=row, **(rule or {}))
    return row


def _assign(org: Organization, people: dict[str, Any], senders: dict[str, SenderId]) -> None:
    escalation = {"escalate_after_minutes": 15, "escalate_to": people["Ana"]}
    _give(senders["renewals"], people["Renewals"], {"rule": "last_sender", **escalation}, is_default=True)
    _give(senders["ben"], people["Ben"], {"rule": "assigned_member"}, is_default=True)
    _give(senders["emea"], people["EMEA sales"], {"rule": "round_robin"}, countries=["DE"], is_default=True)
    _give(senders["support"], people["Field team"], {"rule": "all"})
    _give(senders["name"], org, {"rule": "none"}, countries=["GB"], can_read=False)
    now = timezone.now()
    delegation.delegate(
        absent=people["Carla"],
        stand_in=people["Ben"],
        starts_at=now - timedelta(days=1),
        ends_at=now + timedelta(days=4),
        reason="on leave",
    )


def _contacts(org: Organization, people: dict[str, Any]) -> dict[str, Contact]:
    rows = [
        ("mara", "+12025550178", "Mara Okafor", "Ben", ["renewal", "VIP"]),
        ("tomas", "+16465550114", "Tomás Lind", "Ben", ["renewal"]),
        ("priya", "+13235550121", "Priya Shah", "Carla", ["renewal"]),
        ("jonas", "+4915123456789", "Jonas Vogel", "Dmitri", ["spring"]),
        ("ada", "+17735550162", "Ada Duarte", "Carla", ["renewal"]),
        ("kwame", "+447400123456", "Kwame Boateng", "Dmitri", ["spring"]),
        ("lena", "+4915112345678", "Lena Hartmann", "Dmitri", []),
        ("sam", "+19175550143", "Sam Whitfield", None, ["delivery"]),
        ("ruth", "+12065550177", "Ruth Adler", "Ana", ["renewal"]),
        ("hugo", "+15125550190", "Hugo Marsh", "Ben", []),
    ]
    made = {
        key: save_contact(
            org=org,
            number=number,
            name=name,
            owner=people[owner] if owner else None,
            tags=tags,
            attributes={"plan": "home"},
        )
        for key, number, name, owner, tags in rows
    }
    save_list(
        org=org,
        name="Spring renewals",
        contact_ids=[made[k].pk for k in ("mara", "tomas", "priya", "ada", "ruth")],
    )
    consent.give_consent(org=org, number=made["mara"].number, source="web form")
    return made


def _campaign_and_program(
    org: Organization, people: dict[str, Any], senders: dict[str, SenderId], contacts: dict[str, Contact]
) -> None:
    campaign = campaigns.save_campaign(
        org=org,
        name="Spring renewals",
        body="Hi {{ contact.first_name }}, your service plan renews this month. Shall we book the yearly check with it?",
        audience={"tags": ["renewal"]},
        sender_mode=Campaign.SenderMode.CONTACT_OWNER,
        fallback_sender=senders["renewals"],
        wants_reply=True,
        owner=people["Ana"],
    )
    _give(senders["renewals"], campaign, {"rule": "contact_owner"}, priority=200)
    program = programs.save_program(
        org=org,
        name="Delivery news",
        keywords=[{"word": "NEWS", "language": "en"}, {"word": "LIEFERUNG", "language": "de"}],
        mode="reply_then_notify",
        texts={
            "welcome": "Northwind: you get delivery news now. Text STOP to end, HELP for help.",
            "already_joined": "Northwind: you get delivery news already.",
            "help": "Northwind delivery news. Call (888) 555-0123. Text STOP to end.",
            "stop": "Northwind: no more delivery news. Text START to get it again.",
            "auto_reply": "Northwind: nobody reads this number at once; text (888) 555-0123 to reach a person.",
        },
        owner=people["Ana"],
    )
    _give(senders["news"], program, {"rule": "specific", "members": [people["Ana"]]})


History = list[tuple[str, str, int, str]]  # (who: in, or a member's name), (text), minutes ago, (state)


def _conversations(
    people: dict[str, Any], senders: dict[str, SenderId], contacts: dict[str, Contact]
) -> None:
    told: list[tuple[str, str, History]] = [
        ("renewals", "mara", [
            ("Ben", "Hi Mara, your service plan renews on the 30th. Shall I book the yearly check?", 95, "delivered"),
            ("in", "Yes please. Mornings are best for me", 88, ""),
            ("Ben", "Done: Wednesday 9:00, 120 Market Street.", 80, "delivered"),
            ("in", "Can we move it to Thursday instead?", 2, ""),
        ]),
        ("ben", "tomas", [
            ("Ben", "Hello Tomás, the engineer can be with you at 14:00.", 60, "delivered"),
            ("in", "Perfect, thank you!", 9, ""),
        ]),
        ("renewals", "priya", [
            ("in", "Could you send me the invoice again?", 190, ""),
            ("Carla", "The invoice is on its way", 65, "delivered"),
        ]),
        ("emea", "jonas", [("Dmitri", "Guten Tag Herr Vogel, Ihr Angebot liegt bereit.", 400, "delivered"),
                           ("in", "Gilt der Rabatt noch?", 130, "")]),
        ("renewals", "ada", [("in", "Is ten o’clock all right?", 1500, ""), ("Carla", "See you at ten", 1490, "delivered")]),
        ("emea", "lena", [("Dmitri", "Guten Morgen, passt Ihnen Freitag?", 1700, "undelivered")]),
        ("support", "hugo", [("in", "My meter shows an error, E17", 35, "")]),
    ]  # fmt: skip
    for sender, contact, history in told:
        _conversation(senders[sender], contacts[contact], history, people)
    ada = Conversation.objects.for_org(senders["ben"].org_id).get(contact=contacts["ada"])
    conversations.set_status(conversation=ada, status="closed", by=people["Carla"])
    mara = Conversation.objects.for_org(senders["ben"].org_id).get(contact=contacts["mara"])
    conversations.assign_conversation(conversation=mara, to=people["Ben"], by=people["Ben"])
    conversations.note(
        conversation=mara,
        kind=TimelineEntry.Kind.NOTE,
        text="She moved house in May; the address in the contract is the old one.",
        by=people["Ana"],
    )
    consent.opt_out(
        org=senders["ben"].org,
        number=contacts["sam"].number,
        scope="org",
        source=OptOut.Source.TEXT,
        words="STOP",
    )


def _conversation(sender: SenderId, contact: Contact, history: History, people: dict[str, Any]) -> None:
    conversation = conversations.open_conversation(org=sender.org, sender=sender, contact=contact)
    now = timezone.now()
    for who, body, minutes, state in history:
        at = now - timedelta(minutes=minutes)
        message = _text(conversation, who, body, at, state, people)
        if who == "in":
            conversations.record_inbound(conversation=conversation, message=message)
        else:
            conversations.record_outbound(conversation=conversation, message=message, human=people[who])
    if history[-1][3] == "undelivered":
        Conversation.objects.for_org(sender.org_id).filter(pk=conversation.pk).update(last_failed=True)


def _text(
    conversation: Conversation, who: str, body: str, at: datetime, state: str, people: dict[str, Membership]
) -> Message:
    cut, inbound = segments.cut(body), who == "in"
    sender, contact = conversation.sender, conversation.contact
    failed = state == "undelivered"
    return Message.objects.for_org(conversation.org_id).create(
        sender=sender,
        account_id=sender.provider_account_id,
        contact=contact,
        conversation=conversation,
        direction="inbound" if inbound else "outbound",
        origin=Message.Origin.CONTACT if inbound else Message.Origin.MANUAL,
        status=Status.RECEIVED if inbound else Status(state),
        to=sender.value if inbound else contact.number,
        from_value=contact.number if inbound else sender.value,
        country=contact.country,
        body=body,
        encoding=cut.encoding,
        segments=cut.segments,
        rule="" if inbound else "conversation",
        rule_text="" if inbound else "this conversation’s sender",
        sent_by=None if inbound else people[who],
        error_code="30003" if failed else "",
        error_text="The handset could not be reached; it may be off or without signal." if failed else "",
        due_at=at,
        created_at=at,
        accepted_at=None if inbound else at,
        final_at=at,
        announced_at=at,
    )
