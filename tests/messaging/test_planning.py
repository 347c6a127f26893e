"""What would happen to a text: errors by field, where the org may send, warnings, when it leaves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from messaging.models import Campaign
from messaging.planning import Request, plan_text
from tenants.errors import DomainError
from tests.texting import CONTACT, Texting
from tests.world import give, make_sender

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 3, 4, 9, tzinfo=UTC)  # one in the morning in Los Angeles
MORNING = datetime(2026, 3, 4, 17, tzinfo=UTC)


@pytest.fixture
def texting() -> Texting:
    return Texting(allowed_countries=["US", "DE"])


@pytest.mark.parametrize(
    ("fields", "field", "code", "status"),
    [
        ({"body": ""}, "body", "required", 400),
        ({"body": " \n "}, "body", "required", 400),
        ({"body": None}, "body", "required", 400),
        ({"body": 7}, "body", "required", 400),
        ({"body": "a\x00b"}, "body", "invalid", 400),
        ({"body": "x" * 1601}, "body", "body_too_long", 400),
        ({"to": ""}, "to", "required", 400),
        ({"to": "12345"}, "to", "invalid_number", 400),
        ({"to": "Northwind"}, "to", "invalid_number", 400),
        ({"to": "+1900 555 0134"}, "to", "premium_number", 422),
        ({"to": "+442079460123"}, "to", "country_not_allowed", 422),
        ({"to": "+16135550134"}, "to", "country_not_allowed", 422),
        ({"send_at": timezone.now() - timedelta(minutes=2)}, "send_at", "in_the_past", 400),
        ({"send_at": timezone.now() + timedelta(days=36)}, "send_at", "too_far_ahead", 400),
    ],
)
def test_what_is_wrong_names_its_field(
    texting: Texting, fields: dict[str, Any], field: str, code: str, status: int
) -> None:
    asked = {"body": "Hello", "to": CONTACT} | fields
    with pytest.raises(DomainError) as refused:
        plan_text(request=Request(org=texting.org, **asked))
    assert (refused.value.field, refused.value.code, refused.value.status) == (field, code, status)


def test_the_longest_body_is_fine_and_a_national_number_is_read(texting: Texting) -> None:
    plan = plan_text(request=texting.request("x" * 1600, "(415) 555-0199"))
    assert (plan.number.e164, plan.cut.segments, plan.contact) == (CONTACT, 11, texting.contact)


def test_planning_writes_nothing(texting: Texting) -> None:
    plan = plan_text(request=texting.request(to="+14155550111"))
    assert plan.contact is None
    assert plan.choice.sender == texting.sender
    assert texting.answers() == []


def test_it_is_shown_as_the_api_says(texting: Texting) -> None:
    shown = plan_text(request=texting.request("Hi “you”")).shown()
    assert set(shown) == {
        "sender",
        "sender_reason",
        "rejected",
        "segments",
        "encoding",
        "warnings",
        "would_send_at",
    }
    assert shown["sender_reason"]["rule"] == "organization"
    assert (shown["segments"], shown["encoding"]) == (1, "UCS-2")
    assert [w["code"] for w in shown["warnings"]] == ["unicode"]


def test_nobody_may_speak_is_an_answer(texting: Texting) -> None:
    texting.sender.status = "suspended"
    texting.sender.save()
    shown = plan_text(request=texting.request()).shown()
    assert shown["sender"] is None
    assert [r["code"] for r in shown["rejected"]] == ["sender_not_active"]


@pytest.mark.parametrize(
    ("body", "instruction", "codes"),
    [
        ("Coming?", "To reply, text 41555", {"no_reply_instruction"}),
        ("Coming? to reply, TEXT 41555", "To reply, text 41555", set()),
    ],
)
def test_a_name_that_wants_an_answer_must_say_how(
    texting: Texting, body: str, instruction: str, codes: set[str]
) -> None:
    name = make_sender(
        texting.org, "Northwind", "alphanumeric", reply_number=texting.sender, reply_instruction=instruction
    )
    give(name, texting.rob)
    plan = plan_text(
        request=texting.request(body, "+4930123456", as_member=texting.rob, named=name, wants_reply=True)
    )
    assert {code for code, _ in plan.warnings} == codes


def test_a_sender_nobody_can_answer_is_warned_of(texting: Texting) -> None:
    name = make_sender(texting.org, "Northwind", "alphanumeric")
    give(name, texting.rob)
    plan = plan_text(request=texting.request("Hi", "+4930123456", as_member=texting.rob, named=name))
    assert "not_answerable" in {code for code, _ in plan.warnings}


# --- When it leaves ------------------------------------------------------------------------------------


@pytest.fixture
def night(texting: Texting, time_machine: Any) -> Texting:
    texting.org.quiet_hours = "by_country"
    texting.org.save()
    time_machine.move_to(NIGHT, tick=False)
    return texting


def test_a_manual_text_leaves_at_night_with_a_warning(night: Texting) -> None:
    plan = plan_text(request=night.request(as_member=night.rob))
    assert plan.due_at == NIGHT
    assert [code for code, _ in plan.warnings] == ["quiet_hours"]
    assert "01:00" in plan.warnings[0][1]


def test_an_api_text_for_nobody_in_particular_is_transactional(night: Texting) -> None:
    plan = plan_text(request=night.request())
    assert (plan.due_at, plan.warnings) == (NIGHT, ())


@pytest.mark.parametrize(("category", "waits"), [("promotional", True), ("transactional", False)])
def test_only_a_promotional_campaign_waits_for_the_morning(
    night: Texting, category: str, waits: bool
) -> None:
    campaign = Campaign(org=night.org, name="Spring", body="Hi", category=category)
    campaign.save()
    give(night.sender, campaign)
    plan = plan_text(request=night.request(campaign=campaign))
    assert plan.due_at == (MORNING if waits else NIGHT)
    assert ("deferred_by_quiet_hours" in dict(plan.warnings)) is waits


def test_a_programs_text_waits_for_the_morning(night: Texting) -> None:
    program = night.program()
    assert plan_text(request=night.request(program=program)).due_at == MORNING


def test_the_contacts_own_zone_goes_before_its_numbers(night: Texting) -> None:
    night.contact.timezone = "Asia/Tokyo"  # six in the evening there
    night.contact.save()
    program = night.program()
    assert plan_text(request=night.request(program=program)).due_at == NIGHT


def test_a_scheduled_time_is_kept_and_heeds_quiet_hours_then(night: Texting) -> None:
    later = MORNING + timedelta(days=1)
    assert plan_text(request=night.request(send_at=later)).due_at == later
    program = night.program()
    tomorrow_night = NIGHT + timedelta(days=1)
    assert plan_text(request=night.request(send_at=tomorrow_night, program=program)).due_at == later


def test_a_minute_ago_counts_as_now(night: Texting) -> None:
    assert plan_text(request=night.request(send_at=NIGHT - timedelta(seconds=50))).due_at == NIGHT


def test_the_sender_last_used_with_the_contact_is_kept(texting: Texting) -> None:
    other = make_sender(texting.org, "+14155550135")
    give(other, texting.org)
    assert texting.queue().sender == texting.sender
    texting.queue(named=other)
    assert plan_text(request=texting.request()).choice.sender == other


@pytest.mark.parametrize("senders", [1, 25])
def test_planning_takes_the_same_few_queries_however_many_senders(
    texting: Texting, senders: int, django_assert_max_num_queries: Any
) -> None:
    for n in range(senders):
        give(make_sender(texting.org, f"+141555502{n:02}"), texting.rob)
    with django_assert_max_num_queries(9):
        plan_text(request=texting.request(as_member=texting.rob))


def test_the_preview_says_what_goes_before_and_when_it_would_leave(texting: Texting) -> None:
    texting.sender.mps = 2
    texting.sender.save()
    for n in range(3):
        texting.row(body=f"{n}", segments=4, due_at=timezone.now() - timedelta(minutes=1))
    texting.row(lane=1, segments=100, due_at=timezone.now() - timedelta(minutes=1))
    before = timezone.now()
    shown = plan_text(request=texting.request(as_member=texting.rob)).shown()
    assert "queue_ahead" in [warning["code"] for warning in shown["warnings"]]
    assert 5 <= (shown["would_send_at"] - before).total_seconds() <= 8
    bulk = plan_text(request=texting.request(program=texting.program())).shown()
    wait = (bulk["would_send_at"] - before).total_seconds()
    assert 55 <= wait <= 58, "a program's text waits for the bulk ones too"


def test_a_later_time_stands_when_the_queue_is_through_by_then(texting: Texting) -> None:
    texting.row(segments=4, due_at=timezone.now() - timedelta(minutes=1))
    later = timezone.now() + timedelta(hours=2)
    shown = plan_text(request=texting.request(send_at=later)).shown()
    assert shown["would_send_at"] == later
    assert "queue_ahead" not in [warning["code"] for warning in shown["warnings"]]
