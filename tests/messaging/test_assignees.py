"""A conversation is assigned only to people who can reply in it, or it is said beforehand why one can't (inbox 9)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from messaging.assignees import why_cannot_reply
from messaging.conversations import attribute
from messaging.models import Conversation, TimelineEntry
from senderid.delegated import choose_senders
from senderid.models import Assignment
from tenants.delegation import delegate
from tenants.memberships import change_member, set_teams
from tenants.models import Membership, Team
from tests.calling import Api
from tests.texting import Texting
from tests.visiting import visit
from tests.world import give, make_member, make_sender

pytestmark = pytest.mark.django_db


class Scene(Texting):
    """Tim sends from his own number and has a conversation there; Rob has no right to it; Vera only views."""

    def __init__(self) -> None:
        super().__init__()
        self.own = make_sender(self.org, "+14155550135")
        self.given = give(self.own, self.tim)
        self.vera = make_member(self.org, "Vera", "viewer")
        self.receive("Hello?", to=self.own.value)
        self.talk = self.conversation(self.own)

    def refusal(self, member: Membership) -> str:
        return why_cannot_reply(
            conversation=self.talk, member=Membership.objects.for_org(self.org).get(pk=member.pk)
        )

    def assignee(self) -> Membership | None:
        return Conversation.objects.for_org(self.org).get(pk=self.talk.pk).assignee


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_console_assigns_to_nobody_who_cannot_reply(scene: Scene) -> None:
    """inbox 9: refused with the reason, nothing is written."""
    answer = visit(scene.tim).post(f"/inbox/{scene.talk.pk}/assign", {"to": scene.rob.pk})

    assert answer.status_code == 422
    assert "Rob doesn’t have permission to send from (415) 555-0135." in answer.content.decode()
    assert scene.assignee() is None
    assert (
        not TimelineEntry.objects.for_org(scene.org).filter(conversation=scene.talk, kind="assigned").exists()
    )


def test_the_menu_says_who_can_reply_and_who_is_away(scene: Scene) -> None:
    """inbox 9: before anything is pressed."""
    now = timezone.now()
    delegate(
        absent=scene.tim,
        stand_in=scene.rob,
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(days=1),
    )
    make_member(scene.org, "Dora")

    page = visit(scene.admin).get(f"/inbox/{scene.talk.pk}/").content.decode()

    assert "Dora doesn’t have permission to send from (415) 555-0135." in page
    assert "Rob doesn’t have permission" not in page  # he covers for Tim
    assert "covered by Rob" in page


def test_who_gets_the_right_can_be_assigned(scene: Scene) -> None:
    """inbox 9: by team, by an absence that covers the sender, or by the audience of a program."""
    assert scene.refusal(scene.tim) == ""
    assert scene.refusal(scene.vera) == "Vera has view-only access."
    team = Team.objects.for_org(scene.org).create(name="Sales")
    set_teams(member=scene.rob, teams=[team])
    made = give(scene.own, team)
    assert scene.refusal(scene.rob) == ""
    Assignment.objects.for_org(scene.org).filter(pk=made.pk).update(can_send=False)
    assert "permission" in scene.refusal(scene.rob)
    attribute(conversation=scene.talk, program=scene.program("News", "NEWS"))
    assert scene.refusal(scene.rob) == ""


def test_an_absence_covers_only_the_chosen_senders(scene: Scene) -> None:
    """inbox 9."""
    now = timezone.now()
    absence = delegate(
        absent=scene.tim,
        stand_in=scene.rob,
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(days=1),
    )
    assert scene.refusal(scene.rob) == ""
    choose_senders(delegation=absence, senders=[scene.sender])
    assert "permission" in scene.refusal(scene.rob)


def test_countries_of_the_assignment_count(scene: Scene) -> None:
    """inbox 9: Rob's assignment is for Canada, Carla is in the United States."""
    give(scene.own, scene.rob, countries=["CA"])
    assert scene.refusal(scene.rob) == "Rob can’t text United States from (415) 555-0135."


def test_rest_assigns_and_warns(scene: Scene) -> None:
    """inbox 9: an integration may; the answer and the thread say it. Another org's member stays unknown."""
    api = Api(scene.org)
    path = f"/conversations/{scene.talk.pk}"

    answer = api.patch(path, {"assignee": str(scene.rob.pk)})
    assert [warning["code"] for warning in answer["warnings"]] == ["assignee_cannot_reply"]
    entry = TimelineEntry.objects.for_org(scene.org).get(conversation=scene.talk, kind="assigned")
    assert "doesn’t have permission" in entry.text

    assert api.patch(path, {"assignee": str(scene.tim.pk)})["warnings"] == []
    outsider = Texting("Elsewhere").rob
    api.patch(path, {"assignee": str(outsider.pk)}, expect=400)


def test_a_role_that_changed_while_the_menu_was_open(scene: Scene) -> None:
    """inbox 9: Tim was made a viewer in another tab."""
    change_member(member=scene.tim, role="viewer")

    assert visit(scene.admin).post(f"/inbox/{scene.talk.pk}/assign", {"to": scene.tim.pk}).status_code in (
        400,
        422,
    )
    assert scene.assignee() is None


def test_the_menu_costs_no_query_per_person(scene: Scene, django_assert_max_num_queries: object) -> None:
    """inbox 9: the same for three members and for sixty."""
    from messaging.opened import assign_menu

    for n in range(60):
        make_member(scene.org, f"Person{n}")
    with django_assert_max_num_queries(7):
        assert len(assign_menu(conversation=scene.talk, member=scene.admin)) >= 60
