"""Assigning at the console, with who is told of what comes in; the why-log, wishes and mail templates."""

from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from messaging.campaigns import save_campaign
from messaging.models import Contact, Conversation, Message
from messaging.programs import save_program
from notifications.models import EmailTemplate, Notification, NotificationRule, Preference
from notifications.notify import tell_of_text
from senderid.models import Assignment, SenderId
from tenants.memberships import named_group
from tenants.models import Profile, Team
from tests.texting import CONTACT, Texting
from tests.visiting import visit, with_version
from tests.world import give, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def texting() -> Texting:
    return Texting()


@pytest.fixture
def ada(texting: Texting) -> Client:
    return visit(texting.admin)


@pytest.fixture
def fresh(texting: Texting) -> SenderId:
    return make_sender(texting.org, "+14155550150")


def given(**fields: Any) -> dict[str, Any]:
    whole = {"can_send": "on", "can_read": "on", "priority": "100", "tell-rule": "last_sender",
             "tell-throttle_minutes": "10"}  # fmt: skip
    return whole | fields


def text_of(client: Client, path: str) -> str:
    return client.get(path).content.decode()


# --- Assigning -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["organization", "profile", "team", "member", "campaign", "program"])
def test_all_six_kinds_are_assigned_on_one_page(
    texting: Texting, ada: Client, fresh: SenderId, kind: str
) -> None:
    holder = {
        "organization": lambda: texting.org,
        "profile": lambda: named_group(model=Profile, org=texting.org, name="Renewals"),
        "team": lambda: named_group(model=Team, org=texting.org, name="Field"),
        "member": lambda: texting.rob,
        "campaign": lambda: save_campaign(org=texting.org, name="Spring", body="Hi", audience={}),
        "program": lambda: save_program(org=texting.org, name="News"),
    }[kind]()
    page = f"/senders/{fresh.pk}/assign/"
    assert f'value="{holder.pk}"' in text_of(ada, page)
    answer = ada.post(page, given(assignee=holder.pk))
    assert answer["Location"] == f"/senders/{fresh.pk}/"
    assignment = Assignment.objects.for_org(texting.org).get(sender=fresh)
    assert assignment.assignee.kind == kind
    assert str(holder) in text_of(ada, f"/senders/{fresh.pk}/")


def test_countries_default_time_and_rule_are_kept_together(
    texting: Texting, ada: Client, fresh: SenderId
) -> None:
    ada.post(
        f"/senders/{fresh.pk}/assign/",
        given(
            assignee=texting.org.pk, countries="US, Canada", is_default="on", priority="5", valid_until="2030-01-31T12:00",
            **{"tell-rule": "specific", "tell-members": [texting.tim.pk], "tell-emails": "desk@x.example",
               "tell-escalate_after_minutes": "15", "tell-escalate_to": texting.admin.pk, "tell-mandatory": "on"},
        ),
    )  # fmt: skip
    assignment = Assignment.objects.for_org(texting.org).get(sender=fresh)
    assert assignment.country_codes == ["CA", "US"]
    assert (assignment.is_default, assignment.priority, assignment.valid_until.hour) == (True, 5, 17)
    rule = NotificationRule.objects.for_org(texting.org).get(assignment=assignment)
    assert (rule.rule, list(rule.members.all()), rule.emails) == (
        "specific",
        [texting.tim],
        ["desk@x.example"],
    )
    assert (rule.escalate_after_minutes, rule.escalate_to, rule.mandatory) == (15, texting.admin, True)
    page = text_of(ada, f"/assignments/{assignment.pk}/")
    assert "CA, US" in page
    assert "desk@x.example" in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"countries": "Atlantis"}, "“Atlantis” is no country"),
        ({"assignee": ""}, "This field is required"),
        ({"valid_from": "2030-02-01T10:00", "valid_until": "2030-01-01T10:00"}, "ends before it begins"),
        ({"tell-rule": "specific"}, "Choose at least one person"),
        ({"tell-rule": "assigned_member"}, "is for a sender of one member"),
        ({"tell-escalate_after_minutes": "15"}, "needs both the minutes and the person"),
        ({"tell-rule": "specific", "tell-emails": "nonsense"}, "is no e-mail address"),
    ],
)
def test_a_refusal_keeps_neither_half(
    texting: Texting, ada: Client, fresh: SenderId, fields: dict[str, str], words: str
) -> None:
    answer = ada.post(f"/senders/{fresh.pk}/assign/", given(**({"assignee": texting.org.pk} | fields)))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Assignment.objects.for_org(texting.org).filter(sender=fresh).exists()


def test_a_second_default_is_refused_in_words(texting: Texting, ada: Client, fresh: SenderId) -> None:
    give(make_sender(texting.org, "+14155550151"), texting.rob, is_default=True)
    answer = ada.post(f"/senders/{fresh.pk}/assign/", given(assignee=texting.rob.pk, is_default="on"))
    assert "has a default for one of these countries already" in answer.content.decode()


def test_one_is_told_by_their_own_rule_when_the_assignee_is_one_member(
    texting: Texting, ada: Client, fresh: SenderId
) -> None:
    ada.post(
        f"/senders/{fresh.pk}/assign/", given(assignee=texting.rob.pk, **{"tell-rule": "assigned_member"})
    )
    assert (
        NotificationRule.objects.for_org(texting.org).get(assignment__sender=fresh).rule == "assigned_member"
    )


def test_changing_keeps_the_assignee(texting: Texting, ada: Client) -> None:
    assignment = texting.sender.assignments.get()
    page = f"/assignments/{assignment.pk}/"
    typed = given(assignee=texting.rob.pk, can_send="", priority="7")
    ada.post(page, with_version(ada, page, typed))
    assignment.refresh_from_db()
    assert (assignment.assignee_id, assignment.can_send, assignment.priority) == (texting.org.pk, False, 7)


def test_ending_asks_first_and_says_when_nobody_is_left(texting: Texting, ada: Client) -> None:
    assignment = texting.sender.assignments.get()
    assert "nobody else speaks with it" in text_of(ada, f"/assignments/{assignment.pk}/end/")
    assert texting.sender.assignments.exists()
    ada.post(f"/assignments/{assignment.pk}/end/")
    assert not texting.sender.assignments.exists()


def test_an_assignee_of_another_org_is_no_choice(ada: Client, fresh: SenderId) -> None:
    stranger = Texting("Elsewhere").rob
    answer = ada.post(f"/senders/{fresh.pk}/assign/", given(assignee=stranger.pk))
    assert answer.status_code == 422
    assert "Select a valid choice" in answer.content.decode()


def test_a_page_of_many_assignments_asks_no_more_questions(
    texting: Texting, ada: Client, fresh: SenderId
) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            ada.get(f"/senders/{fresh.pk}/")
        return len(asked)

    groups = [named_group(model=Team, org=texting.org, name=f"Team {n}") for n in range(9)]
    give(fresh, groups[0])
    few = questions()
    for group in groups[1:]:
        give(fresh, group)
    assert questions() == few


# --- The sentence --------------------------------------------------------------------------------------


def test_the_sentence_follows_the_form(texting: Texting, ada: Client, fresh: SenderId) -> None:
    typed = given(sender=fresh.pk, assignee=texting.rob.pk, countries="DE", **{"tell-rule": "none"})
    said = ada.post("/assignments/sentence/", typed).content.decode()
    assert "Rob" in said
    assert "Germany" in said
    assert "nobody is told" in said
    said = ada.post("/assignments/sentence/", typed | {"can_send": ""}).content.decode()
    assert "but not send" in said
    assert not fresh.assignments.exists()


@pytest.mark.parametrize(
    ("emails", "words"), [("a@x.example", "a@x.example is told"), ("a@x.example b@x.example", "are told")]
)
def test_one_chosen_is_told_and_several_are(
    texting: Texting, ada: Client, fresh: SenderId, emails: str, words: str
) -> None:
    typed = given(
        sender=fresh.pk, assignee=texting.org.pk, **{"tell-rule": "specific", "tell-emails": emails}
    )
    assert words in ada.post("/assignments/sentence/", typed).content.decode()


def test_who_would_be_told_is_the_real_decision_and_keeps_nothing(
    texting: Texting, ada: Client, fresh: SenderId
) -> None:
    typed = given(sender=fresh.pk, assignee=texting.org.pk, try_number="(415) 555-0123",
                  **{"tell-rule": "specific", "tell-members": [texting.tim.pk]})  # fmt: skip
    said = ada.post("/assignments/sentence/", typed).content.decode()
    assert "Tim" in said
    assert "chosen by name" in said
    assert not fresh.assignments.exists()
    assert not Contact.objects.for_org(texting.org).filter(number="+14155550123").exists()
    assert not Message.objects.for_org(texting.org).exists()
    assert not Conversation.objects.for_org(texting.org).exists()


def test_a_number_that_is_none_is_said(texting: Texting, ada: Client, fresh: SenderId) -> None:
    said = ada.post(
        "/assignments/sentence/", given(sender=fresh.pk, assignee=texting.org.pk, try_number="12")
    )
    assert "isn’t a valid phone number" in said.content.decode()


def test_the_sentence_of_a_foreign_sender_is_not_there(ada: Client) -> None:
    stranger = Texting("Elsewhere").sender
    assert ada.post("/assignments/sentence/", given(sender=stranger.pk)).status_code == 404
    assert ada.post("/assignments/sentence/", given(sender="nonsense")).status_code == 404


# --- Why, wishes, templates ----------------------------------------------------------------------------


def told(texting: Texting) -> Message:
    texting.receive("Hello?")
    message = Message.objects.for_org(texting.org).get(direction="inbound")
    Message.objects.for_org(texting.org).update(announced_at=None)
    tell_of_text(message)
    return message


def test_why_shows_each_decision_to_whoever_may_read_the_text(texting: Texting) -> None:
    message = told(texting)
    page = text_of(visit(texting.rob), f"/why/{message.pk}/")
    assert "Hello?" in page
    assert Notification.objects.for_org(texting.org).filter(member=texting.rob).exists()
    for row in Notification.objects.for_org(texting.org):
        assert row.reason.replace("’", "’") in page.replace("&#x27;", "'")
    texting.sender.assignments.all().delete()
    assert visit(texting.rob).get(f"/why/{message.pk}/").status_code == 404


def test_the_log_is_ones_own_for_a_rep(texting: Texting, ada: Client) -> None:
    told(texting)
    assert "Tim" in text_of(ada, "/why/")
    assert "Tim" not in text_of(visit(texting.rob), "/why/")


def test_wishes_replace_each_other(texting: Texting) -> None:
    rob = visit(texting.rob)
    for wishes in ({"how": "at_once", "quiet": [texting.sender.pk]}, {"how": "off"}):
        rob.post("/preferences/", with_version(rob, "/preferences/", wishes))
    assert list(Preference.objects.for_org(texting.org).values_list("sender", "how")) == [(None, "off")]
    assert "checked" in text_of(rob, "/preferences/")


WORDING = {"kind": "new_message", "name": "Ours", "subject": "From {{ contact.name }}",
           "html": "<p>{{ message.body }}</p>", "text": "{{ message.body }}"}  # fmt: skip


def test_a_template_is_saved_changed_and_deleted(texting: Texting, ada: Client) -> None:
    ada.post("/notifications/templates/add/", WORDING | {"is_org_default": "on"})
    row = EmailTemplate.objects.for_org(texting.org).get()
    assert row.is_org_default
    page = f"/notifications/templates/{row.pk}/"
    ada.post(page, with_version(ada, page, WORDING | {"name": "Theirs"}))
    row.refresh_from_db()
    assert (row.name, row.is_org_default) == ("Theirs", False)
    assert "Theirs" in text_of(ada, "/notifications/templates/")
    ada.post(f"/notifications/templates/{row.pk}/delete/")
    assert not EmailTemplate.objects.for_org(texting.org).exists()


def test_an_unknown_field_is_named_with_its_line(texting: Texting, ada: Client) -> None:
    answer = ada.post("/notifications/templates/add/", WORDING | {"html": "<p>\n{{ contact.nmae }}</p>"})
    assert answer.status_code == 422
    assert "contact.nmae” (line 2)" in answer.content.decode()
    shown = ada.post(
        "/notifications/templates/preview/", WORDING | {"html": "{{ contact.nmae }}"}
    ).content.decode()
    assert "contact.nmae" in shown
    assert not EmailTemplate.objects.for_org(texting.org).exists()


def test_the_preview_is_a_frame_with_sample_data_and_no_script(ada: Client) -> None:
    typed = WORDING | {"html": "<p style='color:red'>{{ message.body }}</p><script>alert(1)</script>"}
    shown = ada.post("/notifications/templates/preview/", typed).content.decode()
    assert "From Mara Okafor" in shown
    frame = ada.get(shown.split('src="')[1].split('"')[0])
    assert "Thursday" in frame.content.decode()
    assert "script>" not in frame.content.decode()
    assert "default-src 'none'" in frame["Content-Security-Policy"]
    assert frame["X-Frame-Options"] == "SAMEORIGIN"


def test_a_test_goes_to_me_and_saves_nothing(texting: Texting, ada: Client) -> None:
    page = ada.post("/notifications/templates/add/", WORDING | {"what": "test"}).content.decode()
    assert [m.to for m in mail.outbox] == [[texting.admin.email]]
    assert mail.outbox[0].subject == "[Test] From Mara Okafor"
    assert 'value="Ours"' in page
    assert not EmailTemplate.objects.for_org(texting.org).exists()


def test_a_contacts_own_rule_of_a_campaign_is_tried_out_too(
    texting: Texting, ada: Client, fresh: SenderId
) -> None:
    assignment = give(fresh, texting.org)
    typed = given(assignment=assignment.pk, sender=fresh.pk, try_number=CONTACT, **{"tell-rule": "all"})
    said = ada.post("/assignments/sentence/", typed).content.decode()
    assert said.count("told</span>") >= 3
