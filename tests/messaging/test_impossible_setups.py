"""Set-ups that can't work are refused at save, likely mistakes are warned of: the same at the console and over REST."""

from typing import Any

import pytest
from django.test import Client

from messaging.models import Campaign, Program
from senderid.instructions import named_elsewhere, numbers_named
from senderid.models import Assignment, SenderId
from tests.calling import Api
from tests.visiting import visit, with_version
from tests.world import give, make_account, make_member, make_org, make_sender

pytestmark = pytest.mark.django_db


class Scene:
    """An org with an admin, a two-way number, one that only sends, one that only receives, and a name."""

    def __init__(self) -> None:
        self.org = make_org()
        make_account(self.org)
        self.ana: Client = visit(make_member(self.org, "Ana", "admin"))
        self.api = Api(self.org)
        self.number = make_sender(self.org, "+12125550134")
        self.outgoing = make_sender(self.org, "+12125550135", direction="outgoing")
        self.incoming = make_sender(self.org, "+12125550136", direction="incoming")
        self.name = make_sender(self.org, "Northwind", "alphanumeric", country="FR")

    def program(self, **fields: Any) -> dict[str, Any]:
        return self.api.post("/programs", {"name": "News", "keywords": [{"word": "NEWS"}]} | fields)

    def assign(
        self, sender: SenderId, kind: str, pk: Any, expect: int = 201, **fields: Any
    ) -> dict[str, Any]:
        body = {"sender_id": str(sender.pk), "assignee": {"kind": kind, "id": str(pk)}} | fields
        return self.api.post("/assignments", body, expect=expect)

    def typed(self, sender: SenderId, assignee: Any, **fields: str) -> Any:
        """The form, sent by the admin; both boxes ticked unless said otherwise."""
        given = {
            "assignee": str(assignee),
            "priority": "100",
            "tell-rule": "last_sender",
            "tell-throttle_minutes": "10",
        } | fields
        return self.ana.post(f"/senders/{sender.pk}/assign/", given, follow=True)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def codes(answer: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in answer["warnings"]]


# --- Keyword programs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["outgoing", "name"])
def test_a_keyword_program_gets_no_sender_that_cannot_receive(scene: Scene, which: str) -> None:
    """console 10: “Whoever texts NEWS to Emptyco…”"""
    program, sender = scene.program(), getattr(scene, which)
    problem = scene.assign(sender, "program", program["id"], expect=422)
    assert (problem["code"], problem["errors"][0]["field"]) == ("keyword_sender_one_way", "sender_id")
    assert "nobody can text it “NEWS” to join News" in problem["detail"]
    both = {"can_send": "on", "can_read": "on"}
    assert scene.typed(sender, program["id"], **both).status_code == 422
    page = scene.ana.post(f"/programs/{program['id']}/", {"sender": str(sender.pk)})
    assert page.status_code == 422 and "can’t receive" in page.content.decode()
    assert not Assignment.objects.for_org(scene.org).exists()
    scene.assign(scene.number, "program", program["id"])


def test_keywords_are_refused_for_a_program_whose_sender_cannot_receive(scene: Scene) -> None:
    """console 10: the other order."""
    program = scene.program(keywords=[], opt_in="none")
    scene.assign(scene.outgoing, "program", program["id"])
    change = {"keywords": [{"word": "NEWS"}], "opt_in": "single"}
    problem = scene.api.patch(f"/programs/{program['id']}", change, expect=422)
    assert (problem["code"], problem["errors"][0]["field"]) == ("keyword_sender_one_way", "keywords")
    typed = {"name": "News", "keywords": "NEWS", "opt_in": "single", "mode": "reply_only"}
    form = f"/programs/{program['id']}/edit/"
    page = scene.ana.post(form, with_version(scene.ana, form, typed))
    assert page.status_code == 422 and problem["detail"] in page.content.decode()
    assert not Program.objects.for_org(scene.org).get().keywords.exists()


def test_the_number_of_a_keyword_program_goes_on_receiving(scene: Scene) -> None:
    """console 10: the third order."""
    program = scene.program()
    scene.assign(scene.number, "program", program["id"])
    path = f"/sender-ids/{scene.number.pk}"
    problem = scene.api.patch(path, {"direction": "outgoing"}, expect=422)
    assert (problem["code"], problem["errors"][0]["field"]) == ("keyword_sender_one_way", "direction")
    scene.api.patch(path, {"label": "News line"})
    assert SenderId.objects.for_org(scene.org).get(pk=scene.number.pk).direction == "both"


def test_a_program_that_nobody_can_join_says_so(scene: Scene) -> None:
    """console 10"""
    program = scene.program(keywords=[])
    assert codes(program) == ["no_keyword"]
    assert "Nobody can join it" in scene.ana.get(f"/programs/{program['id']}/").content.decode()
    added = scene.api.patch(f"/programs/{program['id']}", {"keywords": [{"word": "NEWS"}]})
    assert codes(added) == []


# --- Assignments ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("which", "can_send", "can_read", "granted"),
    [
        ("number", False, False, False),
        ("outgoing", False, True, False),
        ("name", False, True, False),
        ("incoming", True, False, False),
        ("number", True, False, True),
        ("number", False, True, True),
        ("outgoing", True, False, True),
        ("incoming", True, True, True),
    ],
)
def test_an_assignment_that_grants_nothing_is_refused(
    scene: Scene, which: str, can_send: bool, can_read: bool, granted: bool
) -> None:
    """console 10: “it does nothing”"""
    sender = getattr(scene, which)
    ticks = {"can_send": can_send, "can_read": can_read}
    page = scene.typed(sender, scene.org.pk, **{name: "on" for name, on in ticks.items() if on})
    assert (page.status_code == 200) is granted
    Assignment.objects.for_org(scene.org).delete()
    answer = scene.assign(sender, "organization", scene.org.pk, expect=201 if granted else 422, **ticks)
    if not granted:
        assert (answer["code"], answer["errors"][0]["field"]) == ("grants_nothing", "can_send")
        assert not Assignment.objects.for_org(scene.org).exists()


def test_an_assignment_cannot_be_changed_into_nothing(scene: Scene) -> None:
    """console 10"""
    row = scene.assign(scene.number, "organization", scene.org.pk, can_read=False)
    problem = scene.api.patch(f"/assignments/{row['id']}", {"can_send": False}, expect=422)
    assert problem["code"] == "grants_nothing"
    assert Assignment.objects.for_org(scene.org).get().can_send


def test_an_assignment_for_countries_that_refuse_the_sender_warns(scene: Scene) -> None:
    """console 10: an assignment that may send, but nowhere."""
    short = make_sender(scene.org, "56767", "short_code")
    row = scene.assign(short, "organization", scene.org.pk, countries=["GB"])
    assert codes(row) == ["short_code_abroad"]
    wider = scene.api.patch(f"/assignments/{row['id']}", {"countries": ["GB", "US"]})
    assert codes(wider) == []
    scene.api.delete(f"/assignments/{row['id']}")
    page = scene.typed(short, scene.org.pk, can_send="on", can_read="on", countries="GB").content.decode()
    assert "can’t send there" in page


# --- Names at home -------------------------------------------------------------------------------------


def test_a_name_at_home_in_a_country_that_refuses_names_warns(scene: Scene) -> None:
    """console 10: “added with no word that the US refuses names”"""
    body = {"kind": "alphanumeric", "value": "Emptyco", "country": "US"}
    row = scene.api.post("/sender-ids", body)
    assert codes(row)[0] == "home_refuses"
    assert "The United States does not accept alphanumeric sender IDs" in row["warnings"][0]["text"]
    sentence = scene.ana.post("/senders/sentence/", body | {"value": "Other"}).content.decode()
    assert row["warnings"][0]["text"] in sentence
    added = scene.ana.post("/senders/add/", body | {"value": "Other"}, follow=True).content.decode()
    assert row["warnings"][0]["text"] in added


# --- Reply instructions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("To reply, text JOIN to 56767", ["56767"]),
        ("Reply to (888) 555-0123.", ["+18885550123"]),
        ("Questions? Text us at +1 212 555 0134", ["+12125550134"]),
        ("answer YES to 56767 or send NO to 56768", ["56767", "56768"]),
        ("Please respond on 212-555-0134!", ["+12125550134"]),
        ("Reply YES to confirm. Call 212-555-0134", []),
        ("Text STOP to end", []),
        ("Reply within 24 hours to 2 questions", []),
        ("Send it to 10 Downing Street", []),
        ("We text at 10:30", []),
        ("", []),
        ("text " + "to " * 5000 + "1" * 5000, []),
    ],
)
def test_the_numbers_that_a_text_tells_people_to_reply_to(text: str, named: list[str]) -> None:
    """console 10"""
    assert numbers_named(text, country="US") == named


def test_a_number_reaches_replies_on_itself_and_a_name_on_its_reply_number(scene: Scene) -> None:
    """console 10"""
    scene.name.reply_number = scene.number
    text = "To reply, text (212) 555-0134"
    for senders, other in [
        ([scene.number], ""),
        ([scene.name], ""),
        ([scene.outgoing], "(212) 555-0134"),
        ([scene.incoming, scene.number], ""),
    ]:
        assert named_elsewhere(text + " to (212) 555-0134", senders=senders, country="US") == other


def test_a_reply_instruction_that_names_another_number_warns(scene: Scene) -> None:
    """console 10"""
    body = {
        "kind": "alphanumeric",
        "value": "Emptyco",
        "country": "FR",
        "reply_number": str(scene.number.pk),
        "reply_instruction": "To reply, text to (212) 555-0199",
    }
    row = scene.api.post("/sender-ids", body)
    assert codes(row) == ["instruction_names_other_number"]
    assert "names (212) 555-0199, but replies arrive on (212) 555-0134" in row["warnings"][0]["text"]
    said = scene.ana.post("/senders/sentence/", body | {"value": "Other"}).content.decode()
    assert "names (212) 555-0199" in said
    right = scene.api.patch(f"/sender-ids/{row['id']}", {"reply_instruction": "Text us at 212 555 0134"})
    assert codes(right) == []


def test_a_campaign_or_program_that_asks_for_replies_elsewhere_warns(scene: Scene) -> None:
    """console 10"""
    body = {"name": "Spring", "body": "Book now: text YES to 56767", "audience": {"tags": ["vip"]}}
    campaign = scene.api.post("/campaigns", body)
    assert codes(campaign) == [], "it has no sender yet"
    give(scene.number, Campaign.objects.for_org(scene.org).get())
    changed = scene.api.patch(f"/campaigns/{campaign['id']}", {"name": "Spring 2"})
    assert codes(changed) == ["instruction_names_other_number"]
    said = "tells people to reply to 56767, but it is sent from (212) 555-0134"
    assert said in changed["warnings"][0]["text"]
    assert said in scene.ana.get(f"/campaigns/{campaign['id']}/").content.decode()
    program = scene.program(texts={"welcome": "Text MENU to 56767 for more"})
    scene.assign(scene.number, "program", program["id"])
    assert codes(scene.api.patch(f"/programs/{program['id']}", {"name": "Menu"})) == [
        "instruction_names_other_number"
    ]
    assert said in scene.ana.get(f"/programs/{program['id']}/").content.decode()


def test_a_preview_warns_of_a_text_that_asks_for_replies_elsewhere(scene: Scene) -> None:
    """console 10"""
    give(scene.number, scene.org)
    text = {"to": "+16285550199", "body": "Text YES to 56767"}
    assert "instruction_names_other_number" in codes(scene.api.post("/messages/preview", text, expect=200))
    text["body"] = "Text YES to (212) 555-0134"
    assert codes(scene.api.post("/messages/preview", text, expect=200)) == []
