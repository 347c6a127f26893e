"""A text that answers a campaign or belongs to a program follows that assignment's rule; else those of people."""

import pytest

from messaging.models import Campaign, Message, Program
from messaging.programs import save_program
from tests.office import Office

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> Office:
    return Office()


def campaign_of(office: Office, owner: str = "Rob", mode: str = "dedicated") -> Campaign:
    made = Campaign.objects.for_org(office.org).create(
        name="Spring", body="Hi", owner=office[owner], sender_mode=mode, status="done"
    )
    office.sent(origin="campaign", campaign=made, conversation=None)
    return made


def program_of(office: Office, **fields: object) -> Program:
    fields.setdefault("keywords", [{"word": "PIZZA", "language": "en"}])
    return save_program(org=office.org, name="Pizza", owner=office["Rob"], **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("last_sender", ["Rob"]),
        ("all", ["Cid", "Rob"]),
        ("contact_owner", ["Cid"]),
        ("none", []),
        ("round_robin", ["Rob"]),
        ("conversation_assignee", ["Cid"]),
    ],
)
def test_a_campaigns_own_assignment_decides_and_the_teams_rule_is_silent(
    office: Office, rule: str, told: list[str]
) -> None:
    office.rule("all")
    office.rule(rule, to=campaign_of(office))
    office.own("Cid")
    assert office.told(office.text()) == told


def test_a_campaign_without_an_assignment_of_that_sender_follows_the_rules_of_people(office: Office) -> None:
    office.rule("last_sender")
    office.sent(by="Ann")
    campaign_of(office, owner="Ben", mode="contact_owner")
    text = office.text()
    assert text.campaign is not None
    assert office.told(text) == ["Ben"]
    assert office.why(text, "Ben")[1] == "their campaign texted last"


def test_a_campaign_counts_as_its_owner_only_while_the_owner_is_in_the_audience(office: Office) -> None:
    office.rule("last_sender")
    office.sent(by="Ann")
    campaign_of(office, owner="Rob", mode="contact_owner")
    assert office.told(office.text()) == ["Ann"]


def test_a_rep_who_texted_after_the_campaign_is_the_last_sender(office: Office) -> None:
    office.rule("last_sender", to=campaign_of(office))
    office.assign("Ann")
    office.sent(by="Ann")
    assert office.told(office.text()) == ["Ann"]


@pytest.mark.parametrize("status", ["scheduled", "queued", "cancelled", "blocked", "expired", "failed"])
def test_a_campaign_text_that_has_not_reached_them_makes_nobody_the_last_sender(
    office: Office, status: str
) -> None:
    office.rule("last_sender")
    office.sent(by="Ann")
    campaign = campaign_of(office, owner="Ben", mode="contact_owner")
    Message.objects.for_org(office.org).filter(campaign=campaign).update(status=status)
    assert office.told(office.text()) == ["Ann"]


@pytest.mark.parametrize("status", ["scheduled", "cancelled", "blocked", "expired"])
def test_a_manual_text_that_never_left_makes_nobody_the_last_sender(office: Office, status: str) -> None:
    office.rule("last_sender")
    office.sent(by="Ann")
    office.sent(by="Ben", status=status)
    assert office.told(office.text()) == ["Ann"]


@pytest.mark.parametrize("origin", ["api", "program", "compliance"])
def test_automation_never_counts_as_the_last_sender(office: Office, origin: str) -> None:
    office.rule("last_sender")
    office.sent(by="Ann")
    office.sent(origin=origin)
    assert office.told(office.text()) == ["Ann"]


def test_a_programs_own_assignment_decides(office: Office) -> None:
    office.rule("all")
    office.rule("specific", to=program_of(office), members=["Ada"])
    assert office.told(office.text("pizza")) == ["Ada"]
    assert office.told(office.text("And with cheese?")) == []  # Ada was told just now
    assert office.told(office.text("Hello", number="+16285550123")) == ["Ann", "Ben", "Cid"]


@pytest.mark.parametrize(
    ("mode", "first", "second"),
    [
        ("reply_only", [], []),
        ("reply_and_notify", ["Rob"], ["Rob"]),
        ("reply_then_notify", [], ["Rob"]),
        ("notify_only", ["Rob"], ["Rob"]),
    ],
)
def test_the_programs_mode_says_when_its_rule_counts(
    office: Office, mode: str, first: list[str], second: list[str]
) -> None:
    program = program_of(
        office, keywords=[], opt_in="none", mode=mode, texts={"auto_reply": "Nobody reads this number."}
    )
    office.rule("all", to=program, throttle_minutes=0)
    one, two = office.text("Hello?"), office.text("Anybody?")
    assert (office.told(one), office.told(two)) == (first, second)
    assert all(office.rows(text) for text in (one, two))
