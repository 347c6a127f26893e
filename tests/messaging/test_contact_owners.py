"""Owning a contact opens its answers, so who may change the owner is a rule; pages show what their reader may read."""

import pytest

from messaging.conversations import attribute
from messaging.models import Contact, Conversation, Program
from tests.calling import Api
from tests.texting import Texting
from tests.visiting import visit, with_version
from tests.world import give, make_member, make_sender

pytestmark = pytest.mark.django_db


class Scene(Texting):
    """Tim alone reads a sender; Carla joined a program on it, in a conversation that Rob may not read."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = make_sender(self.org, "+14155550135")
        give(self.closed, self.tim)
        self.news: Program = self.program("News", "NEWS", on=self.closed, owner=self.admin)
        self.receive("NEWS", to=self.closed.value)
        self.receive("my secret question", to=self.closed.value)
        self.talk: Conversation = self.conversation(self.closed)
        attribute(conversation=self.talk, program=self.news)

    def save(self, member: object, **data: object) -> int:
        page, client = f"/contacts/{self.contact.pk}/edit/", visit(member)
        return client.post(page, with_version(client, page, {"name": "Carla"} | data)).status_code

    def owner(self) -> object:
        return Contact.objects.for_org(self.org).get(pk=self.contact.pk).owner


def own(scene: Scene, member: object) -> None:
    Contact.objects.for_org(scene.org).filter(pk=scene.contact.pk).update(owner=member)


@pytest.mark.parametrize("before", [None, "tim"], ids=["unowned", "a colleague's"])
def test_nobody_reads_replies_by_making_the_contact_theirs(before: str | None) -> None:
    """security F7."""
    scene = Scene()
    own(scene, getattr(scene, before) if before else None)

    assert scene.save(scene.rob, owner=scene.rob.pk) == 422

    assert scene.owner() == (scene.tim if before else None)
    rob = visit(scene.rob)
    assert rob.get(f"/inbox/{scene.talk.pk}/").status_code == 404
    assert rob.get(f"/programs/{scene.news.pk}/").status_code == 404


def test_nobody_opens_them_for_a_colleague_either() -> None:
    """security F7: an unowned contact made Rob's by Tim would open what Rob may not read."""
    scene = Scene()
    own(scene, scene.rob)
    own(scene, None)

    assert scene.save(scene.tim, owner=scene.rob.pk) == 422


def test_what_opens_nothing_may_be_taken() -> None:
    """security F7: an unowned contact whose replies the new owner reads already."""
    scene = Scene()

    assert scene.save(scene.tim, owner=scene.tim.pk) == 302
    assert scene.owner() == scene.tim


def test_nobody_takes_an_unowned_contact_whose_conversations_they_cannot_read() -> None:
    """security F7: one on a colleague's sender, without a campaign or program."""
    scene = Scene()
    Conversation.objects.for_org(scene.org).filter(pk=scene.talk.pk).update(program=None)

    assert scene.save(scene.rob, owner=scene.rob.pk) == 422
    assert scene.owner() is None


def test_a_viewer_is_made_no_owner() -> None:
    """security F7: an owner is to reply."""
    scene = Scene()
    vera = make_member(scene.org, "Vera", role="viewer")

    assert scene.save(scene.admin, owner=vera.pk) == 422
    own(scene, vera)
    assert scene.save(scene.admin, owner=vera.pk, name="Carla M.") == 302
    assert scene.owner() == vera


def test_the_owner_gives_away_and_an_admin_decides() -> None:
    """security F7."""
    scene = Scene()
    own(scene, scene.tim)
    assert scene.save(scene.tim, owner=scene.rob.pk) == 302
    assert scene.owner() == scene.rob
    assert scene.save(scene.admin, owner=scene.tim.pk) == 302
    Api(scene.org).patch(f"/contacts/{scene.contact.pk}", {"owner": str(scene.rob.pk)})
    assert scene.owner() == scene.rob


def test_a_locked_owner_stays_when_the_name_is_changed() -> None:
    """security F7: browsers send nothing for the locked field."""
    scene = Scene()
    own(scene, scene.tim)

    assert scene.save(scene.rob, name="Carla Mendes") == 302
    assert scene.owner() == scene.tim


def test_the_page_of_a_program_shows_only_what_its_reader_may_read() -> None:
    """security F7: Rob reads one conversation of the program, not Carla's."""
    scene = Scene()
    dan = scene.person("+14155550188", "Dan")
    scene.receive("open question", sender=dan.number)
    talk = Conversation.objects.for_org(scene.org).get(contact=dan)
    attribute(conversation=talk, program=scene.news)

    page = visit(scene.rob).get(f"/programs/{scene.news.pk}/").content.decode()

    assert "Carla" not in page
    assert "my secret question" not in page
    assert "my secret question" in visit(scene.admin).get(f"/programs/{scene.news.pk}/").content.decode()


@pytest.mark.parametrize("role", ["rob", "viewer"])
def test_explain_names_only_senders_that_are_theirs(role: str) -> None:
    """security F20: /senders/ is closed to them, so explain must not list every sender."""
    scene = Scene()
    member = scene.rob if role == "rob" else make_member(scene.org, "Vera", "viewer")

    for path in (
        "/explain/",
        "/explain/?to=%2B14155550199",
        f"/explain/?to=%2B14155550199&sender={scene.closed.pk}",
    ):
        page = visit(member).get(path).content.decode()
        assert scene.closed.value not in page, path
        assert "555-0135" not in page, path
    assert "555-0135" in visit(scene.admin).get("/explain/?to=%2B14155550199").content.decode()


@pytest.mark.parametrize("role", ["rob", "viewer"])
def test_where_nobody_may_send_no_foreign_sender_is_listed_either(role: str) -> None:
    """security F20: only then the answer adds other senders of the organization."""
    scene = Scene()
    member = scene.rob if role == "rob" else make_member(scene.org, "Vera", "viewer")
    scene.sender.assignments.all().delete()
    path, typed = "/explain/?to=%2B14155550199", {"to": "+14155550188", "body": "Hello", "mode": "message"}

    assert "Carla" in visit(member).get("/contacts/").content.decode(), (
        "contacts are everybody's in the organization"
    )
    assert "No eligible sender" in visit(member).get(path).content.decode()
    assert "555-0135" not in visit(member).get(path).content.decode()
    assert "555-0135" not in visit(member).post("/inbox/compose/preview", typed).content.decode()
    assert "555-0135" in visit(scene.admin).get(path).content.decode(), "it is added for whoever may see it"
