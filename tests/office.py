"""Scenes for tests of who is told: a team with one shared sender, an owner, an admin, and a contact who texts."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from messaging import receiving
from messaging.conversations import open_conversation
from messaging.models import Contact, Conversation, InboundEvent, Message
from notifications.models import Notification
from notifications.rules import set_rule
from senderid.models import Assignment, SenderId
from senderid.providers.base import Inbound
from tenants.delegation import delegate
from tenants.memberships import set_teams
from tenants.models import Delegation, Membership, Organization, Team
from tests.world import give, make_account, make_member, make_org, make_sender

CARLA = "+16285550199"


class Office:
    """Ann, Ben and Cid are team Sales; Rob is nobody's; Olga owns the org, Ada is an admin; Carla texts."""

    def __init__(self, name: str = "Northwind") -> None:
        self.org: Organization = make_org(name, quiet_hours="off", quiet_hours_reason="tests run at any hour")
        self.account = make_account(self.org)
        self.sender: SenderId = make_sender(self.org)
        self.team = Team.objects.for_org(self.org).create(name="Sales")
        self.people: dict[str, Membership] = {
            "Olga": make_member(self.org, "Olga", "owner"),
            "Ada": make_member(self.org, "Ada", "admin"),
            "Rob": make_member(self.org, "Rob"),
        }
        for name in ("Ann", "Ben", "Cid"):
            self.people[name] = make_member(self.org, name)
            set_teams(member=self.people[name], teams=[self.team])
        self.carla = Contact.objects.for_org(self.org).create(
            number=CARLA, name="Carla", country="US", timezone="America/Los_Angeles"
        )

    def __getitem__(self, name: str) -> Membership:
        return self.people[name]

    def rule(
        self, rule: str | None = None, to: Any = None, sender: SenderId | None = None, **fields: Any
    ) -> Assignment:
        """Gives the sender to the team (or `to`) with a notification rule; people are given by name."""
        made = give(sender or self.sender, to or self.team)
        for name in ("members", "escalate_to"):
            if name in fields:
                given = fields[name]
                fields[name] = (
                    self.people[given] if isinstance(given, str) else [self.people[n] for n in given]
                )
        set_rule(assignment=made, rule=rule, **fields)
        return Assignment.objects.for_org(self.org).select_related("assignee", "sender").get(pk=made.pk)

    def conversation(self, contact: Contact | None = None) -> Conversation:
        open_conversation(org=self.org, sender=self.sender, contact=contact or self.carla)
        rows = Conversation.objects.for_org(self.org).select_related("sender", "contact", "assignee__user")
        return rows.get(sender=self.sender, contact=contact or self.carla)

    def assign(self, name: str) -> None:
        Conversation.objects.for_org(self.org).filter(pk=self.conversation().pk).update(assignee=self[name])

    def own(self, name: str) -> None:
        Contact.objects.for_org(self.org).filter(pk=self.carla.pk).update(owner=self[name])

    def away(self, name: str, to: str | None = None, **fields: Any) -> Delegation:
        now = timezone.now()
        stand_in = self[to] if to else None
        times = {"starts_at": now - timedelta(hours=1), "ends_at": now + timedelta(days=1)}
        return delegate(absent=self[name], stand_in=stand_in, **(times | fields))

    def deactivate(self, name: str) -> None:
        Membership.objects.for_org(self.org).filter(pk=self[name].pk).update(is_active=False)

    def sent(self, by: str | None = None, **fields: Any) -> Message:
        """A text of ours to Carla, as it stands in the table."""
        plain = {
            "sender": self.sender,
            "account": self.account,
            "contact": self.carla,
            "conversation": self.conversation(),
            "direction": "outbound",
            "origin": "manual",
            "status": "delivered",
            "to": CARLA,
            "from_value": self.sender.value,
            "country": "US",
            "body": "Hello",
            "encoding": "GSM-7",
            "segments": 1,
            "sent_by": self[by] if by else None,
            "created_at": timezone.now(),
        }
        return Message.objects.for_org(self.org).create(**(plain | fields))

    def text(
        self, body: str = "Are you there?", number: str = CARLA, sender: SenderId | None = None
    ) -> Message:
        """Someone texts us, as the webhook brings it; everybody concerned has been decided on."""
        event = self.event(body, number, sender)
        receiving.process_event(event.pk)
        event.refresh_from_db()
        assert event.message is not None, event.reason
        return event.message

    def event(
        self, body: str = "Are you there?", number: str = CARLA, sender: SenderId | None = None
    ) -> InboundEvent:
        sid = f"SM{uuid4().hex}"
        inbound = Inbound(sid, self.account.account_sid, (sender or self.sender).value, number, body)
        receiving.store_event(account=self.account, inbound=inbound, payload={})
        return InboundEvent.objects.for_org(self.org).get(provider_sid=sid)

    def rows(self, message: Message, **fields: Any) -> list[Notification]:
        found = Notification.objects.for_org(self.org).filter(message=message, **fields)
        return list(found.select_related("member__user").order_by("pk"))

    def told(self, message: Message) -> list[str]:
        """Names (or addresses) of those who get a mail, in order of the alphabet."""
        rows = self.rows(message, outcome__in=["pending", "sent"], kind="new_message")
        return sorted(row.member.name if row.member else row.email for row in rows)

    def why(self, message: Message, name: str) -> tuple[str, str]:
        """(outcome, reason) of one person's row, which must be there once."""
        [row] = [row for row in self.rows(message, kind="new_message") if row.member == self[name]]
        return row.outcome, row.reason
