"""The shapes other programs rely on: design, section 8. Every key named there is here, and nothing named is missing."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.calling import Api
from tests.office import CARLA, Office
from tests.world import give

pytestmark = pytest.mark.django_db

MESSAGE = {"id", "status", "direction", "to", "from", "sender_id", "sender_reason", "country", "body", "segments",
           "encoding", "client_ref", "metadata", "send_at", "created_at", "error_code", "error_text"}  # fmt: skip
PREVIEW = {"sender", "sender_reason", "rejected", "segments", "encoding", "warnings", "would_send_at"}
CONVERSATION = {"id", "sender_id", "contact", "status", "assignee", "unread", "unread_count", "waiting_since",
                "last_message", "campaign", "program", "tags"}  # fmt: skip
REPORT = {"total", "will_be_sent", "opted_out", "no_consent", "blocked_country", "invalid", "duplicate",
          "no_eligible_sender", "deferred", "segments", "cost", "finishes_at"}  # fmt: skip
COUNTS = {"total", "queued", "sent", "delivered", "failed", "skipped", "replies", "opt_outs"}
RULE = {"rule", "fallback", "members", "emails", "template", "throttle_minutes", "escalate_after_minutes", "escalate_to",
        "mandatory", "hide_body"}  # fmt: skip


@pytest.fixture
def office() -> Office:
    office = Office()
    give(office.sender, office.org)
    return office


@pytest.fixture
def api(office: Office) -> Api:
    return Api(office.org)


def test_a_text_is_answered_202_with_every_key(api: Api, office: Office) -> None:
    body = {"to": CARLA, "body": "Hello", "client_ref": "order-7", "metadata": {"order": 7}}
    row = api.post("/messages", body, expect=202)
    assert row.keys() >= MESSAGE
    assert (row["status"], row["direction"], row["to"], row["from"]) == (
        "queued",
        "outbound",
        CARLA,
        office.sender.value,
    )
    assert (row["segments"], row["encoding"], row["country"]) == (1, "GSM-7", "US")
    assert row["sender_reason"]["rule"] == "organization" and row["sender_reason"]["text"]
    assert (row["client_ref"], row["metadata"]) == ("order-7", {"order": 7})
    assert (row["error_code"], row["error_text"], row["send_at"]) == (None, None, None)
    assert row["sender_id"] == str(office.sender.pk)
    assert row["contact"]["number"] == CARLA
    assert api.get(f"/messages/{row['id']}") == row
    assert api.results("/messages") == [row]


def test_a_scheduled_text_says_so_and_can_be_cancelled(api: Api) -> None:
    at = (timezone.now() + timedelta(hours=2)).isoformat()
    row = api.post("/messages", {"to": CARLA, "body": "Grüße 🙂", "send_at": at}, expect=202)
    assert (row["status"], row["encoding"]) == ("scheduled", "UCS-2")
    assert api.patch(f"/messages/{row['id']}", {"status": "cancelled"})["status"] == "cancelled"
    assert api.patch(f"/messages/{row['id']}", {"status": "cancelled"}, expect=422)["code"] == "too_late"


def test_a_preview_says_who_would_speak(api: Api, office: Office) -> None:
    found = api.post("/messages/preview", {"to": CARLA, "body": "Hello"}, expect=200)
    assert found.keys() == PREVIEW
    assert found["sender"] == {
        "id": str(office.sender.pk), "value": office.sender.value, "kind": "long_code", "label": office.sender.label
    }  # fmt: skip
    assert api.results("/messages") == []


def test_a_preview_without_a_sender_says_why_for_each(api: Api, office: Office) -> None:
    office.sender.assignments.all().delete()
    found = api.post("/messages/preview", {"to": CARLA, "body": "Hello"}, expect=200)
    assert found["sender"] is None
    assert found["rejected"] and all(
        row.keys() >= {"sender_id", "value", "code", "text"} for row in found["rejected"]
    )
    problem = api.post("/messages", {"to": CARLA, "body": "Hello"}, expect=422)
    assert (problem["code"], problem["rejected"]) == ("no_eligible_sender", found["rejected"])
    problem = api.post("/messages", {"to": CARLA, "body": "Hello", "from": office.sender.value}, expect=422)
    assert problem["code"] == "sender_refused" and problem["rejected"]


def test_an_inbound_text_and_its_conversation(api: Api, office: Office) -> None:
    office.text("Are you there?")
    [row] = api.results("/messages?direction=inbound")
    assert row.keys() >= MESSAGE
    assert (row["status"], row["direction"], row["from"]) == ("received", "inbound", CARLA)
    [found] = api.results("/conversations")
    assert found.keys() >= CONVERSATION
    assert found["contact"] == {"id": str(office.carla.pk), "number": CARLA, "name": "Carla"}
    assert (found["unread"], found["unread_count"], found["status"]) == (True, 1, "open")
    assert found["waiting_since"] and found["last_message"]["body"] == "Are you there?"
    [text] = api.results(f"/conversations/{found['id']}/messages")
    assert text == row


def test_what_waits_counts_as_unread_until_somebody_answers(api: Api, office: Office) -> None:
    office.text("One")
    office.text("Two")
    assert [row["unread_count"] for row in api.results("/conversations?unread=true")] == [2]
    assert api.results("/conversations?unread=false") == []
    found = api.results("/conversations?folder=unread")[0]["id"]
    answer = {"body": "Yes", "as_member": str(office["Ann"].pk)}
    api.post(f"/conversations/{found}/messages", answer, expect=202)
    assert api.results("/conversations?unread=true") == []
    assert api.get(f"/conversations/{found}")["unread"] is False


def test_unread_is_per_member_with_as_member(api: Api, office: Office) -> None:
    from messaging.conversations import mark_read

    office.text()
    mark_read(conversation=office.conversation(), member=office["Ann"])
    for name, unread in (("Ann", False), ("Ben", True)):
        [row] = api.results(f"/conversations?as_member={office[name].pk}")
        assert row["unread"] is unread


@pytest.mark.parametrize(
    "folder",
    [
        "mine",
        "unassigned",
        "shared",
        "campaigns",
        "programs",
        "unread",
        "waiting",
        "scheduled",
        "closed",
        "all",
    ],
)
def test_every_folder_has_a_name_that_works(api: Api, office: Office, folder: str) -> None:
    office.text()
    found = api.results(f"/conversations?folder={folder}")
    assert len(found) == (1 if folder in ("unassigned", "shared", "unread", "waiting", "all") else 0)
    assert api.get("/conversations?folder=attic", expect=400)["errors"][0]["field"] == "folder"


def test_a_conversation_is_changed(api: Api, office: Office) -> None:
    office.text()
    [row] = api.results("/conversations")
    path = f"/conversations/{row['id']}"
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    found = api.patch(path, {"assignee": str(office["Ann"].pk), "tags": ["vip"], "status": "pending"})
    assert (found["assignee"], found["tags"], found["status"]) == (str(office["Ann"].pk), ["vip"], "pending")
    assert api.patch(path, {"snoozed_until": until})["status"] == "snoozed"
    assert api.patch(path, {"status": "snoozed"}, expect=400)["errors"][0]["field"] == "snoozed_until"
    assert api.patch(path, {"status": "closed", "assignee": None})["assignee"] is None
    assert [r["id"] for r in api.results("/conversations?folder=closed")] == [row["id"]]


def test_an_assignment_carries_its_notification_rule(api: Api, office: Office) -> None:
    body = {
        "sender_id": str(office.sender.pk),
        "assignee": {"kind": "team", "id": str(office.team.pk)},
        "countries": ["US"],
        "notification": {
            "rule": "specific",
            "members": [str(office["Rob"].pk)],
            "emails": ["Desk@x.example"],
        },
    }
    row = api.post("/assignments", body)
    assert row.keys() >= {"id", "sender_id", "assignee", "countries", "is_default", "priority", "can_send", "can_read",
                          "valid_from", "valid_until", "notification"}  # fmt: skip
    assert row["assignee"] == {"kind": "team", "id": str(office.team.pk)}
    assert row["notification"].keys() == RULE
    assert (row["notification"]["rule"], row["notification"]["emails"]) == ("specific", ["desk@x.example"])
    path = f"/assignments/{row['id']}"
    changed = api.patch(path, {"notification": {"hide_body": True}})["notification"]
    assert changed == row["notification"] | {"hide_body": True}
    again = api.patch(path, {"notification": changed})["notification"]
    assert again == changed
    assert api.patch(path, {"priority": 3})["notification"] == changed
    api.delete(path)
    api.get(path, expect=404)


@pytest.mark.parametrize("kind", ["organization", "profile", "team", "member", "campaign", "program"])
def test_a_sender_is_assigned_to_each_kind_by_the_id_of_the_thing(
    api: Api, office: Office, kind: str
) -> None:
    make = {
        "organization": lambda: {"id": str(office.org.pk)},
        "profile": lambda: api.post("/profiles", {"name": "P"}),
        "team": lambda: api.post("/teams", {"name": "T"}),
        "member": lambda: {"id": str(office["Ann"].pk)},
        "campaign": lambda: api.post("/campaigns", {"name": "C", "body": "Hi", "audience": {}}),
        "program": lambda: api.post("/programs", {"name": "P"}),
    }
    assignee = {"kind": kind, "id": make[kind]()["id"]}
    office.sender.assignments.all().delete()
    row = api.post("/assignments", {"sender_id": str(office.sender.pk), "assignee": assignee})
    assert row["assignee"] == assignee
    assert row["notification"]["rule"] == ("assigned_member" if kind == "member" else "last_sender")


def test_the_why_log_says_who_and_why(api: Api, office: Office) -> None:
    text = office.text()
    rows = api.results(f"/notifications?message={text.pk}")
    assert rows and all(
        row.keys() >= {"message", "member", "email", "rule", "reason", "outcome"} for row in rows
    )
    assert {row["outcome"] for row in rows} <= {
        "pending",
        "sent",
        "failed",
        "skipped",
        "throttled",
        "digested",
    }
    ann = str(office["Ann"].pk)
    assert [row["member"] for row in api.results(f"/notifications?member={ann}")] == [ann]
    assert len(api.results(f"/notifications?conversation={text.conversation_id}")) == len(rows)


def test_a_campaign_from_draft_to_the_end(api: Api, office: Office) -> None:
    kept = api.post("/contact-lists", {"name": "Friends", "contacts": [str(office.carla.pk)]})
    body = {
        "name": "Spring",
        "body": "Hi {{ contact.name }}",
        "audience": {"lists": [kept["id"]]},
        "sender_mode": "dedicated",
        "category": "transactional",
    }
    row = api.post("/campaigns", body)
    assert (row["status"], row["counts"].keys(), row["skipped_by"]) == ("draft", COUNTS, {})
    assignee = {"kind": "campaign", "id": row["id"]}
    api.post("/assignments", {"sender_id": str(office.sender.pk), "assignee": assignee})
    report = api.post(f"/campaigns/{row['id']}/report", expect=200)
    assert report.keys() == REPORT
    assert (report["total"], report["will_be_sent"], report["segments"]) == (1, 1, 1)
    path = f"/campaigns/{row['id']}"
    assert api.post(f"{path}/start", expect=200)["status"] == "sending"
    assert api.patch(path, {"name": "Autumn"}, expect=422)["code"] == "locked"
    assert api.post(f"{path}/pause", expect=200)["status"] == "paused"
    assert api.post(f"{path}/resume", expect=200)["status"] == "sending"
    assert api.post(f"{path}/cancel", expect=200)["status"] == "cancelled"
    done = api.get(path)
    assert (done["counts"]["total"], done["counts"]["skipped"], done["skipped_by"]) == (
        1,
        1,
        {"cancelled": 1},
    )
    assert api.post(f"{path}/start", expect=422)["code"] == "wrong_state"
    assert api.delete(path, expect=422)["code"] == "locked"


def test_a_program_with_keywords_and_texts(api: Api) -> None:
    body = {
        "name": "Pizza",
        "keywords": [{"word": "PIZZA", "language": "en"}],
        "opt_in": "double",
        "mode": "reply_then_notify",
        "texts": {
            "welcome": "Hi",
            "confirm": "YES?",
            "already_joined": "In",
            "help": "?",
            "stop": "Bye",
            "auto_reply": "No",
        },
    }
    row = api.post("/programs", body)
    assert {name: row[name] for name in body} == body
    changed = api.patch(f"/programs/{row['id']}", {"texts": {"welcome": "Hello"}})
    assert changed["texts"] == body["texts"] | {"welcome": "Hello"}
    assert changed["keywords"] == body["keywords"]


def test_opt_outs_come_and_go(api: Api, office: Office) -> None:
    row = api.post("/opt-outs", {"number": CARLA})
    assert row.keys() == {"id", "number", "scope", "sender_id", "program", "source", "created_at"}
    assert (row["number"], row["scope"], row["sender_id"], row["program"], row["source"]) == (
        CARLA,
        "org",
        None,
        None,
        "api",
    )
    assert api.post("/opt-outs", {"number": CARLA}, expect=200)["id"] == row["id"]
    assert (
        api.post("/messages", {"to": CARLA, "body": "Hi"}, expect=422)["rejected"][0]["code"] == "opted_out"
    )
    api.delete(f"/opt-outs/{row['id']}")
    assert api.results("/opt-outs") == []
    api.post("/messages", {"to": CARLA, "body": "Hi"}, expect=202)
    for scope, field in (("sender", "sender_id"), ("program", "program")):
        assert (
            api.post("/opt-outs", {"number": CARLA, "scope": scope}, expect=400)["errors"][0]["field"]
            == field
        )
