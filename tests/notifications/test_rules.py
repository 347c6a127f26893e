"""Product rules, section 7: each rule, its fall-backs, and who is left when nobody is."""

from typing import Any

import pytest

from messaging.models import Conversation
from notifications.models import Notification, NotificationRule
from notifications.rules import sentence, set_rule
from tenants.errors import DomainError
from tests.office import Office
from tests.world import give, make_sender

pytestmark = pytest.mark.django_db
ALL = ["Ann", "Ben", "Cid"]
CHIEFS = ["Ada", "Olga"]


@pytest.fixture
def office() -> Office:
    return Office()


def set_scene(office: Office, scene: dict[str, Any]) -> None:
    for name in scene.get("texted", []):
        office.sent(by=name)
    if "assignee" in scene:
        office.assign(scene["assignee"])
    if "owner" in scene:
        office.own(scene["owner"])
    for name in scene.get("away", []):
        office.away(name)
    for name in scene.get("inactive", []):
        office.deactivate(name)


TABLE: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    # rule, its settings, the scene, who is told
    ("all", {}, {}, ALL),
    ("all", {}, {"away": ["Ann"]}, ["Ben", "Cid"]),
    ("all", {}, {"inactive": ["Ben"]}, ["Ann", "Cid"]),
    ("all", {}, {"assignee": "Ann"}, ALL),
    ("all", {}, {"away": ALL, "assignee": "Rob"}, ["Rob"]),
    ("all", {}, {"away": ALL, "owner": "Ada"}, ["Ada"]),
    ("all", {}, {"away": ALL, "owner": "Rob"}, CHIEFS),
    ("last_sender", {}, {"texted": ["Ann", "Ben"]}, ["Ben"]),
    ("last_sender", {}, {"texted": ["Ben", "Rob"]}, ["Ben"]),
    ("last_sender", {}, {"texted": ["Ben"], "assignee": "Cid"}, ["Cid"]),
    ("last_sender", {}, {"texted": ["Ann", "Ben"], "inactive": ["Ben"]}, ["Ann"]),
    ("last_sender", {}, {"texted": ["Ben"], "away": ["Ben"], "owner": "Cid"}, ["Cid"]),
    ("last_sender", {}, {"owner": "Cid"}, ["Cid"]),
    ("last_sender", {}, {"owner": "Rob"}, ALL),
    ("last_sender", {}, {}, ALL),
    ("last_sender", {}, {"away": ALL}, CHIEFS),
    ("last_sender", {}, {"away": [*ALL, "Ada"]}, ["Olga"]),
    ("last_sender", {}, {"texted": ["Ben"], "assignee": "Cid", "inactive": ["Cid"]}, ["Ben"]),
    ("last_sender", {"fallback": "all"}, {"owner": "Cid"}, ALL),
    ("last_sender", {"fallback": "specific", "members": ["Rob"]}, {"owner": "Cid"}, ["Rob"]),
    ("last_sender", {"fallback": "specific", "members": ["Rob"]}, {"away": ["Rob"], "owner": "Cid"}, ["Cid"]),
    ("last_sender", {"fallback": "none"}, {"owner": "Cid"}, []),
    ("last_sender", {"fallback": "none"}, {"texted": ["Ann"]}, ["Ann"]),
    ("conversation_assignee", {}, {"assignee": "Ben", "texted": ["Ann"]}, ["Ben"]),
    ("conversation_assignee", {}, {"assignee": "Rob"}, ["Rob"]),
    ("conversation_assignee", {}, {"assignee": "Ben", "away": ["Ben"], "owner": "Cid"}, ["Cid"]),
    ("conversation_assignee", {}, {"owner": "Cid"}, ["Cid"]),
    ("conversation_assignee", {}, {}, ALL),
    ("contact_owner", {}, {"owner": "Cid"}, ["Cid"]),
    ("contact_owner", {}, {"owner": "Ada"}, ["Ada"]),
    ("contact_owner", {}, {"owner": "Cid", "assignee": "Ann"}, ["Ann"]),
    ("contact_owner", {}, {"owner": "Rob"}, ALL),
    ("contact_owner", {}, {"owner": "Cid", "away": ["Cid"]}, ["Ann", "Ben"]),
    ("contact_owner", {}, {"owner": "Cid", "inactive": ["Cid"]}, ["Ann", "Ben"]),
    ("specific", {"members": ["Ben", "Rob"]}, {}, ["Ben", "Rob"]),
    ("specific", {"members": ["Ben"]}, {"assignee": "Ann"}, ["Ben"]),
    ("specific", {"emails": ["Desk@Shop.example"]}, {}, ["desk@shop.example"]),
    (
        "specific",
        {"members": ["Rob"], "emails": ["desk@shop.example"]},
        {"away": ["Rob"]},
        ["desk@shop.example"],
    ),
    ("specific", {"members": ["Rob"]}, {"away": ["Rob"], "assignee": "Ben"}, ["Ben"]),
    ("specific", {"members": ["Rob"]}, {"inactive": ["Rob"]}, ALL),
    ("round_robin", {}, {}, ["Ann"]),
    ("round_robin", {}, {"away": ["Ann"]}, ["Ben"]),
    ("round_robin", {}, {"inactive": ["Ann", "Ben"]}, ["Cid"]),
    ("round_robin", {}, {"assignee": "Cid"}, ["Cid"]),
    ("round_robin", {}, {"assignee": "Rob"}, ["Rob"]),
    ("round_robin", {}, {"away": ALL}, CHIEFS),
    ("none", {}, {"assignee": "Ann", "owner": "Ben", "texted": ["Cid"]}, []),
    ("none", {"fallback": "all"}, {}, []),
]


@pytest.mark.parametrize(("rule", "settings", "scene", "told"), TABLE)
def test_the_rule_tells_these_people_and_nobody_else(
    office: Office, rule: str, settings: dict[str, Any], scene: dict[str, Any], told: list[str]
) -> None:
    office.rule(rule, **settings)
    set_scene(office, scene)
    assert office.told(office.text()) == told


@pytest.mark.parametrize(
    ("scene", "told"),
    [
        ({}, ["Ann"]),
        ({"assignee": "Ben"}, ["Ann"]),
        ({"away": ["Ann"], "assignee": "Ben"}, ["Ben"]),
        ({"away": ["Ann"], "owner": "Ada"}, ["Ada"]),
        ({"away": ["Ann"], "owner": "Ben"}, CHIEFS),
        ({"inactive": ["Ann"]}, CHIEFS),
    ],
)
def test_the_rule_of_one_members_sender_is_that_member(
    office: Office, scene: dict[str, Any], told: list[str]
) -> None:
    made = office.rule(to=office["Ann"])
    assert NotificationRule.objects.for_org(office.org).get(assignment=made).rule == "assigned_member"
    set_scene(office, scene)
    assert office.told(office.text()) == told


def test_without_a_saved_rule_the_last_sender_or_the_member_is_told(office: Office) -> None:
    give(office.sender, office.team)
    office.sent(by="Ben")
    assert office.told(office.text()) == ["Ben"]
    own = make_sender(office.org, "+14155550135")
    give(own, office["Cid"])
    assert office.told(office.text(sender=own)) == ["Cid"]


def test_the_union_over_assignments_is_one_mail_per_person(office: Office) -> None:
    office.rule("all")
    office.rule("specific", to=office["Rob"], members=["Ann", "Rob"], emails=["ann@northwind.example"])
    text = office.text()
    assert office.told(text) == ["Ann", "Ben", "Cid", "Rob"]
    addresses = [row.email.casefold() for row in office.rows(text)]
    assert len(addresses) == len(set(addresses))


def test_one_rule_of_nobody_does_not_silence_another_assignment(office: Office) -> None:
    office.rule("none")
    office.rule("assigned_member", to=office["Rob"])
    assert office.told(office.text()) == ["Rob"]


def test_an_assignment_that_may_not_read_tells_nobody(office: Office) -> None:
    made = office.rule("all")
    made.can_read = False
    made.save(update_fields=["can_read"])
    assert office.told(office.text()) == CHIEFS
    office.rule("all", to=office["Rob"])
    assert office.told(office.text()) == ["Rob"]


def test_a_sender_nobody_is_assigned_falls_back_to_the_assignee_then_the_owner_then_the_admins(
    office: Office,
) -> None:
    assert office.told(office.text()) == CHIEFS
    office.own("Ada")
    Notification.objects.for_org(office.org).all().delete()
    assert office.told(office.text()) == ["Ada"]
    office.assign("Rob")
    assert office.told(office.text()) == ["Rob"]


def test_everybody_else_in_the_audience_has_a_row_that_says_why_not(office: Office) -> None:
    office.rule("last_sender")
    office.sent(by="Ben")
    text = office.text()
    assert office.why(text, "Ben") == ("pending", "they texted last")
    for name in ("Ann", "Cid"):
        outcome, reason = office.why(text, name)
        assert outcome == "skipped" and "Ben" in reason
    assert not any(row.member == office["Rob"] for row in office.rows(text))
    assert {row.rule for row in office.rows(text)} == {"last_sender"}


def test_a_rule_of_nobody_still_writes_its_decision_and_counts_as_unread(office: Office) -> None:
    office.rule("none")
    text = office.text()
    assert {row.outcome for row in office.rows(text)} == {"skipped"}
    assert "nobody" in office.why(text, "Ann")[1]
    assert Conversation.objects.for_org(office.org).get().inbound_count == 1


@pytest.mark.parametrize("word", ["STOP", "stop.", "HELP", "STOPALL"])
def test_no_mail_for_a_keyword_but_a_row_says_why(office: Office, word: str) -> None:
    office.rule("all", mandatory=True)
    text = office.text(word)
    assert [(row.outcome, word.strip(".").upper()[:4] in row.reason) for row in office.rows(text)] == [
        ("skipped", True)
    ]


def test_no_mail_for_a_start_that_undoes_a_stop_but_for_one_that_does_not(office: Office) -> None:
    office.rule("all", throttle_minutes=0)
    office.text("STOP")
    assert office.told(office.text("START")) == []
    assert office.told(office.text("START")) == ALL


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"rule": "specific"}, "notification.members"),
        ({"rule": "assigned_member"}, "notification.rule"),
        ({"rule": "everyone"}, "notification.rule"),
        ({"fallback": "everyone"}, "notification.fallback"),
        ({"fallback": "assigned_member"}, "notification.fallback"),
        ({"rule": "specific", "emails": ["nobody"]}, "notification.emails"),
        ({"escalate_after_minutes": 5}, "notification.escalate_to"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_field(
    office: Office, fields: dict[str, Any], field: str
) -> None:
    made = give(office.sender, office.team)
    with pytest.raises(DomainError) as error:
        set_rule(assignment=made, **fields)
    assert error.value.field == field
    assert not NotificationRule.objects.for_org(office.org).exists()


@pytest.mark.parametrize("rule", ["all", "last_sender", "specific", "round_robin", "none", "contact_owner"])
def test_the_sentence_says_the_rule_with_names(office: Office, rule: str) -> None:
    members = {"members": ["Rob"]} if rule == "specific" else {}
    made = office.rule(rule, **members)
    said = sentence(made, NotificationRule.objects.for_org(office.org).get())
    assert said.startswith("When someone texts (415) 555-0134,")
    assert {"specific": "Rob", "all": "Sales", "round_robin": "Sales", "none": "nobody"}.get(
        rule, "told"
    ) in said
