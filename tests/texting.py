"""Scenes for tests of messaging: an org that texts, a carrier that answers, texts that come in."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db.models import F
from django.utils import timezone

from messaging import claiming, receiving, recording
from messaging.claiming import Claimed
from messaging.models import Contact, Conversation, InboundEvent, Message, Program
from messaging.planning import Request
from messaging.sending import queue_message
from messaging.throttle import Want
from senderid.models import ProviderAccount, SenderId
from senderid.providers.base import Answer, Inbound, Outcome
from tenants.models import Membership, Organization
from tests.world import give, make_account, make_member, make_org, make_sender

CONTACT = "+14155550199"


class EverythingGranted:
    """A throttle without limits, that notes what was given back."""

    def __init__(self, most: int = 10_000) -> None:
        self.most, self.back = most, {}

    def take(self, wants: dict[str, Want]) -> dict[str, int]:
        return {key: min(want.wanted, self.most) for key, want in wants.items()}

    def rests(self, key: str) -> bool:
        return False

    def give_back(self, unused: dict[str, float]) -> None:
        self.back = unused


class Texting:
    """An org with an admin, two reps, one sender of the whole org and one contact."""

    def __init__(self, name: str = "Northwind", **fields: Any) -> None:
        fields.setdefault("quiet_hours", "off")
        fields.setdefault("quiet_hours_reason", "tests run at any hour")
        self.org: Organization = make_org(name, **fields)
        self.account: ProviderAccount = make_account(self.org)
        self.admin: Membership = make_member(self.org, "Ada", "admin")
        self.rob: Membership = make_member(self.org, "Rob")
        self.tim: Membership = make_member(self.org, "Tim")
        self.sender: SenderId = make_sender(self.org)
        give(self.sender, self.org)
        self.contact: Contact = self.person(CONTACT, "Carla")

    def person(self, number: str, name: str = "", **fields: Any) -> Contact:
        fields.setdefault("country", "US")
        fields.setdefault("timezone", "America/Los_Angeles")
        return Contact.objects.for_org(self.org).create(number=number, name=name, **fields)

    def request(self, body: str = "Hello", to: str = CONTACT, **fields: Any) -> Request:
        return Request(org=self.org, to=to, body=body, **fields)

    def queue(self, body: str = "Hello", to: str = CONTACT, **fields: Any) -> Message:
        return queue_message(request=self.request(body, to, **fields))

    def row(self, **fields: Any) -> Message:
        """A text on its way, as it stands in the table: for tests of what happens after queueing."""
        now = timezone.now()
        plain = {
            "sender": self.sender,
            "account": self.account,
            "contact": self.contact,
            "direction": "outbound",
            "origin": "manual",
            "status": "queued",
            "to": CONTACT,
            "from_value": self.sender.value,
            "country": "US",
            "body": "Hello",
            "encoding": "GSM-7",
            "segments": 1,
            "due_at": now,
            "expires_at": now + timedelta(hours=10),
        }
        return Message.objects.for_org(self.org).create(**(plain | fields))

    def program(
        self, name: str = "Pizza", keywords: str = "PIZZA", on: SenderId | None = None, **fields: Any
    ) -> Program:
        from messaging.programs import save_program

        words = [{"word": word, "language": "en"} for word in keywords.split()]
        made = save_program(org=self.org, name=name, keywords=words, **fields)
        give(on or self.sender, made)
        return made

    def receive(
        self, body: str, sender: str = CONTACT, to: str = "", sid: str = "", **payload: str
    ) -> Message | None:
        """A text comes in and is worked on; the Message it became, or None."""
        sid = sid or f"SM{uuid4().hex}"
        inbound = Inbound(sid, self.account.account_sid, to or self.sender.value, sender, body)
        receiving.store_event(account=self.account, inbound=inbound, payload=payload)
        event = InboundEvent.objects.for_org(self.org).get(account=self.account, provider_sid=sid)
        receiving.process_event(event.pk)
        event.refresh_from_db()
        return event.message

    def conversation(self, sender: SenderId | None = None) -> Conversation:
        return Conversation.objects.for_org(self.org).get(sender=sender or self.sender, contact=self.contact)

    def answers(self) -> list[str]:
        """The bodies of what we sent on our own accord, oldest first."""
        rows = Message.objects.for_org(self.org).filter(direction="outbound").order_by("pk")
        return list(rows.values_list("body", flat=True))


def claim(throttle: Any, most: int = 500) -> list[Claimed]:
    """Claims what is due. PostgreSQL's now() is the beginning of the test's transaction: what is due by now was by then."""
    due = Message.unscoped.filter(due_at__lte=timezone.now())
    due.update(due_at=F("due_at") - timedelta(hours=1))
    return claiming.claim(throttle, most)


def claim_all(most: int = 500) -> list[Claimed]:
    return claim(EverythingGranted(), most)


def record(claimed: Claimed, outcome: Outcome = Outcome.ACCEPTED, sid: str = "", **fields: Any) -> int:
    if outcome == Outcome.ACCEPTED and not sid:
        sid = f"SM{uuid4().hex}"
    return recording.record([(claimed, Answer(outcome, sid=sid, **fields))])
