"""Who reads which conversation, unread per member, assigning, closing, snoozing; the folders."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from messaging import conversations
from messaging.conversations import may_answer, readable_by, with_unread
from messaging.folders import FOLDERS, in_folder
from messaging.models import Campaign, Contact, Conversation, TimelineEntry
from messaging.signals import conversation_assigned, conversation_closed
from senderid.delegated import choose_senders
from senderid.models import Assignment
from tenants.delegation import delegate
from tenants.errors import DomainError
from tenants.models import Membership, Profile, Team
from tests.texting import Texting
from tests.world import give, make_member, make_sender

pytestmark = pytest.mark.django_db


class Inbox:
    """Rob's own number, and one conversation on it; nothing is assigned to the whole org."""

    def __init__(self) -> None:
        self.texting = Texting()
        self.org, self.rob, self.tim = self.texting.org, self.texting.rob, self.texting.tim
        Assignment.objects.for_org(self.org).delete()
        give(self.texting.sender, self.rob)
        self.texting.receive("Hello?")
        self.conversation = self.texting.conversation()

    def reads(self, member: Membership) -> bool:
        return readable_by(member).filter(pk=self.conversation.pk).exists()

    def other(
        self, to: Any = None, body: str = "Hi", value: str = "+14155550135", **rules: Any
    ) -> Conversation:
        sender = make_sender(self.org, value)
        if to is not None:
            give(sender, to, **rules)
        self.texting.receive(body, to=sender.value)
        return self.texting.conversation(sender)

    def folder(self, name: str, member: Membership) -> set[Any]:
        return set(in_folder(readable_by(member), name, member))


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


# --- Who may read --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "reads"), [("owner", True), ("admin", True), ("rep", False), ("viewer", False)]
)
def test_owners_and_admins_read_every_conversation(inbox: Inbox, role: str, reads: bool) -> None:
    assert inbox.reads(make_member(inbox.org, "Zoe", role)) is reads


def test_who_holds_the_sender_reads_and_a_teammate_does_not(inbox: Inbox) -> None:
    assert inbox.reads(inbox.rob)
    assert not inbox.reads(inbox.tim)


@pytest.mark.parametrize("role", ["rep", "admin", "owner"])
def test_an_outsider_reads_nothing(inbox: Inbox, role: str) -> None:
    eve = make_member(Texting("Outsiders").org, "Eve", role)
    assert not inbox.reads(eve)


@pytest.mark.parametrize("through", ["team", "profile", "org"])
def test_a_group_that_holds_the_sender_reads(inbox: Inbox, through: str) -> None:
    team, profile = Team(org=inbox.org, name="T"), Profile(org=inbox.org, name="P")
    team.save()
    profile.save()
    zoe = make_member(inbox.org, "Zoe", "viewer", profile=profile, teams=[team])
    give(inbox.texting.sender, {"team": team, "profile": profile, "org": inbox.org}[through])
    assert inbox.reads(zoe)
    assert inbox.reads(inbox.tim) is (through == "org")


@pytest.mark.parametrize(
    "rules",
    [
        {"can_read": False},
        {"valid_until": timezone.now() - timedelta(days=1)},
        {"valid_from": timezone.now() + timedelta(days=1)},
    ],
)
def test_an_assignment_that_does_not_read_or_is_not_live_shows_nothing(
    inbox: Inbox, rules: dict[str, Any]
) -> None:
    give(inbox.texting.sender, inbox.tim, **rules)
    assert not inbox.reads(inbox.tim)


def test_the_assignee_reads(inbox: Inbox) -> None:
    conversations.assign_conversation(must_reply=False, conversation=inbox.conversation, to=inbox.tim)
    assert inbox.reads(inbox.tim)
    conversations.assign_conversation(must_reply=False, conversation=inbox.conversation, to=None)
    assert not inbox.reads(inbox.tim)


def test_access_ends_with_the_assignment(inbox: Inbox) -> None:
    Assignment.objects.for_org(inbox.org).delete()
    assert not inbox.reads(inbox.rob)


def test_a_campaigns_audience_reads_and_answers(inbox: Inbox) -> None:
    campaign = Campaign(org=inbox.org, name="Spring", body="Hi", owner=inbox.tim)
    campaign.save()
    Assignment.objects.for_org(inbox.org).delete()
    zoe = make_member(inbox.org, "Zoe")
    Contact.objects.for_org(inbox.org).update(owner=zoe)
    assert not inbox.reads(inbox.tim) and not inbox.reads(zoe)
    conversations.attribute(conversation=inbox.conversation, campaign=campaign)
    inbox.conversation = Conversation.objects.for_org(inbox.org).get()
    for member in (inbox.tim, zoe):
        assert inbox.reads(member)
        assert may_answer(member=member, conversation=inbox.conversation)
    assert not inbox.reads(inbox.rob)
    assert not may_answer(member=inbox.rob, conversation=inbox.conversation)


def test_a_viewer_answers_nothing(inbox: Inbox) -> None:
    zoe = make_member(inbox.org, "Zoe", "viewer")
    conversations.assign_conversation(must_reply=False, conversation=inbox.conversation, to=zoe)
    assert inbox.reads(zoe)
    assert not may_answer(member=zoe, conversation=inbox.conversation)


def away(inbox: Inbox, **fields: Any) -> Any:
    now = timezone.now()
    return delegate(
        absent=inbox.rob, stand_in=inbox.tim, starts_at=now, ends_at=now + timedelta(days=1), **fields
    )


def test_a_stand_in_reads_and_answers_for_that_time(inbox: Inbox, time_machine: Any) -> None:
    conversations.assign_conversation(must_reply=False, conversation=inbox.conversation, to=inbox.rob)
    away(inbox)
    assert inbox.reads(inbox.tim)
    inbox.conversation.refresh_from_db()
    assert inbox.conversation.assignee == inbox.rob, "nothing changes owner"
    time_machine.move_to(timezone.now() + timedelta(days=2))
    assert not inbox.reads(inbox.tim)


def test_a_stand_in_for_chosen_senders_reads_and_answers_only_those(inbox: Inbox) -> None:
    other = inbox.other(inbox.rob)
    for conversation in (inbox.conversation, other):
        conversations.assign_conversation(must_reply=False, conversation=conversation, to=inbox.rob)
    choose_senders(delegation=away(inbox), senders=[other.sender])
    assert set(readable_by(inbox.tim)) == {other}
    assert not may_answer(member=inbox.tim, conversation=inbox.conversation)


# --- Unread --------------------------------------------------------------------------------------------


def unread(inbox: Inbox, member: Membership) -> int:
    return with_unread(readable_by(member), member).get(pk=inbox.conversation.pk).unread_count


def test_unread_is_per_member(inbox: Inbox) -> None:
    inbox.texting.receive("Still there?")
    assert (unread(inbox, inbox.rob), unread(inbox, inbox.texting.admin)) == (2, 2)
    conversations.mark_read(conversation=inbox.conversation, member=inbox.rob)
    assert (unread(inbox, inbox.rob), unread(inbox, inbox.texting.admin)) == (0, 2)
    inbox.texting.receive("Hello??")
    assert (unread(inbox, inbox.rob), unread(inbox, inbox.texting.admin)) == (1, 3)
    inbox.texting.queue("Yes!", as_member=inbox.rob)
    assert unread(inbox, inbox.texting.admin) == 3


# --- Assigning, closing, snoozing ----------------------------------------------------------------------


@pytest.fixture
def heard() -> Any:
    told: list[tuple[str, Any]] = []

    def assigned(sender: Any, member_id: Any, **_: Any) -> None:
        told.append(("assigned", member_id))

    def closed(sender: Any, **_: Any) -> None:
        told.append(("closed", None))

    conversation_assigned.connect(assigned)
    conversation_closed.connect(closed)
    yield told
    conversation_assigned.disconnect(assigned)
    conversation_closed.disconnect(closed)


def test_the_new_assignee_is_told_unless_they_did_it(
    inbox: Inbox, heard: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        conversations.assign_conversation(
            must_reply=False, conversation=inbox.conversation, to=inbox.tim, by=inbox.rob
        )
        conversations.assign_conversation(
            must_reply=False, conversation=inbox.conversation, to=inbox.tim, by=inbox.rob
        )
        conversations.assign_conversation(
            must_reply=False, conversation=inbox.conversation, to=inbox.rob, by=inbox.rob
        )
    assert heard == [("assigned", inbox.tim.pk)]
    notes = TimelineEntry.objects.for_org(inbox.org).filter(kind="assigned").order_by("at")
    assert [note.sentence.partition(":")[0] for note in notes] == [
        "Rob assigned this to Tim",
        "Rob claimed this",
    ]


def test_a_deactivated_member_gets_no_conversation(inbox: Inbox) -> None:
    inbox.tim.is_active = False
    with pytest.raises(DomainError):
        conversations.assign_conversation(must_reply=False, conversation=inbox.conversation, to=inbox.tim)


def test_closing_ends_the_waiting_and_is_told(
    inbox: Inbox, heard: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        conversations.set_status(conversation=inbox.conversation, status="closed", by=inbox.rob)
    closed = Conversation.objects.for_org(inbox.org).get()
    assert (closed.status, closed.waiting_since) == ("closed", None)
    assert heard == [("closed", None)]


@pytest.mark.parametrize(
    ("status", "hours", "field"),
    [("asleep", None, "status"), ("snoozed", None, "snoozed_until"), ("snoozed", -1, "snoozed_until")],
)
def test_a_state_that_cannot_be_read_is_refused(
    inbox: Inbox, status: str, hours: int | None, field: str
) -> None:
    until = timezone.now() + timedelta(hours=hours) if hours else None
    with pytest.raises(DomainError) as refused:
        conversations.set_status(conversation=inbox.conversation, status=status, snoozed_until=until)
    assert (refused.value.field, refused.value.status) == (field, 400)


def test_a_snoozed_one_wakes_when_its_time_has_come(inbox: Inbox, time_machine: Any) -> None:
    start = timezone.now()
    conversations.set_status(
        conversation=inbox.conversation, status="snoozed", snoozed_until=start + timedelta(hours=2)
    )
    time_machine.move_to(start + timedelta(hours=1))
    assert conversations.sweep() == 0
    time_machine.move_to(start + timedelta(hours=2, seconds=1))
    assert conversations.sweep() == 1
    awake = Conversation.objects.for_org(inbox.org).get()
    assert (awake.status, awake.snoozed_until) == ("open", None)


def test_a_thread_is_the_newest_texts_oldest_first(inbox: Inbox) -> None:
    for n in range(5):
        inbox.texting.queue(f"{n}", as_member=inbox.rob)
    texts = conversations.thread_of(inbox.conversation, most=3)
    assert [t.body for t in texts] == ["2", "3", "4"]
    before = conversations.thread_of(inbox.conversation, before=texts[0].pk)
    assert [t.body for t in before] == ["Hello?", "0", "1"]


# --- Folders -------------------------------------------------------------------------------------------


def test_mine_is_what_is_assigned_to_me_or_on_my_own_sender(inbox: Inbox) -> None:
    shared = inbox.other(inbox.org)
    assert inbox.folder("mine", inbox.rob) == {inbox.conversation}
    conversations.assign_conversation(must_reply=False, conversation=shared, to=inbox.rob)
    assert inbox.folder("mine", inbox.rob) == {inbox.conversation, shared}
    conversations.assign_conversation(
        must_reply=False, conversation=inbox.conversation, to=inbox.texting.admin
    )
    assert inbox.folder("mine", inbox.rob) == {shared}


def test_each_folder_holds_what_its_name_says(inbox: Inbox) -> None:
    shared = inbox.other(inbox.org)
    assert inbox.folder("shared", inbox.rob) == {shared}
    assert inbox.folder("unassigned", inbox.rob) == {inbox.conversation, shared}
    assert inbox.folder("waiting", inbox.rob) == {inbox.conversation, shared}
    inbox.texting.queue("Yes", as_member=inbox.rob, conversation=shared)
    conversations.assign_conversation(must_reply=False, conversation=shared, to=inbox.tim)
    assert inbox.folder("waiting", inbox.rob) == {inbox.conversation}
    assert inbox.folder("unassigned", inbox.rob) == {inbox.conversation}
    conversations.mark_read(conversation=shared, member=inbox.rob)
    assert inbox.folder("unread", inbox.rob) == {inbox.conversation}
    assert inbox.folder("unread", inbox.texting.admin) == {inbox.conversation, shared}
    assert inbox.folder("all", inbox.rob) == {inbox.conversation, shared}


def test_campaigns_and_programs_have_folders_of_their_own(inbox: Inbox) -> None:
    campaign = Campaign(org=inbox.org, name="Spring", body="Hi")
    campaign.save()
    conversations.attribute(conversation=inbox.conversation, campaign=campaign)
    program = inbox.texting.program(on=make_sender(inbox.org, "+14155550140"))
    inbox.texting.receive("PIZZA", to="+14155550140")
    admin = inbox.texting.admin
    assert inbox.folder("campaigns", admin) == {inbox.conversation}
    assert {c.program for c in inbox.folder("programs", admin)} == {program}


@pytest.mark.parametrize("status", ["closed", "snoozed"])
def test_what_is_closed_or_snoozed_lies_in_no_working_folder(inbox: Inbox, status: str) -> None:
    until = timezone.now() + timedelta(hours=1) if status == "snoozed" else None
    conversations.set_status(conversation=inbox.conversation, status=status, snoozed_until=until)
    for name in ("mine", "unassigned", "shared", "waiting"):
        assert inbox.folder(name, inbox.rob) == set()
    assert inbox.folder("all", inbox.rob) == {inbox.conversation}
    assert inbox.folder("closed", inbox.rob) == ({inbox.conversation} if status == "closed" else set())


def test_scheduled_holds_what_has_a_text_to_come(inbox: Inbox) -> None:
    assert inbox.folder("scheduled", inbox.rob) == set()
    inbox.texting.queue("Later", as_member=inbox.rob, send_at=timezone.now() + timedelta(hours=1))
    assert inbox.folder("scheduled", inbox.rob) == {inbox.conversation}


def test_no_folder_shows_an_outsider_anything(inbox: Inbox) -> None:
    eve = make_member(Texting("Outsiders").org, "Eve", "admin")
    for name in FOLDERS:
        assert inbox.folder(name, eve) == set()


def test_an_unknown_folder_is_refused(inbox: Inbox) -> None:
    with pytest.raises(DomainError) as refused:
        inbox.folder("attic", inbox.rob)
    assert refused.value.field == "folder"
