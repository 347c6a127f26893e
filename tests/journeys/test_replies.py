"""Who reads a reply and who is told of it: through the REST API alone, with the carrier simulator."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.stack import Api, Stack, eventually, new_number


@pytest.fixture
def shop(api: Api) -> dict[str, Any]:
    """A long code assigned to a profile of two, and a third member of another profile."""
    sales, other = api.post("/profiles", {"name": "Sales"}), api.post("/profiles", {"name": "Other"})
    return {
        "sales": sales,
        "one": api.member("One", profile=sales["id"]),
        "two": api.member("Two", profile=sales["id"]),
        "third": api.member("Third", profile=other["id"]),
        "sender": api.long_code(),
        "contact": new_number(),
    }


def text_and_answer(
    stack: Stack, api: Api, shop: dict[str, Any], answer: str = "Yes please"
) -> dict[str, Any]:
    """Member one texts the contact, the contact answers; the inbound message."""
    sent = api.post(
        "/messages", {"to": shop["contact"], "body": "Hello", "as_member": shop["one"]["id"]}, expect=202
    )
    assert sent["status"] == "queued" and sent["sender_reason"]["rule"] == "profile"
    eventually(lambda: stack.handset(shop["contact"]), what="the text at the handset")
    return answered(stack, api, shop, answer)


def answered(stack: Stack, api: Api, shop: dict[str, Any], answer: str) -> dict[str, Any]:
    stack.text_in(sender=shop["contact"], to=shop["sender"]["value"], body=answer)

    def arrived() -> Any:
        rows = api.get(f"/messages?direction=inbound&contact={contact_id(api, shop)}")["results"]
        return next((row for row in rows if row["body"] == answer), None)

    return eventually(arrived, what="the answer in the inbox")


def contact_id(api: Api, shop: dict[str, Any]) -> str:
    return api.get(f"/contacts?number={shop['contact'].replace('+', '%2B')}")["results"][0]["id"]


def log_of(api: Api, message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """{email: row} of the why-log, once it is written and no mail is pending."""

    def settled() -> Any:
        rows = api.get(f"/notifications?message={message['id']}")["results"]
        return rows if rows and all(row["outcome"] != "pending" for row in rows) else None

    return {row["email"]: row for row in eventually(settled, what="the why-log")}


def test_both_read_the_reply_and_only_the_last_sender_gets_the_mail(
    stack: Stack, api: Api, shop: dict[str, Any]
) -> None:
    api.assign(shop["sender"], "profile", shop["sales"]["id"], notification={"rule": "last_sender"})
    reply = text_and_answer(stack, api, shop)

    for reader in ("one", "two"):
        rows = api.get(f"/conversations?as_member={shop[reader]['id']}")["results"]
        assert [row["unread"] for row in rows] == [True]
    conversation = rows[0]["id"]
    third = shop["third"]["id"]
    assert api.get(f"/conversations?as_member={third}")["results"] == []
    api.get(f"/conversations/{conversation}?as_member={third}", expect=404)
    api.get(f"/conversations/{conversation}/messages?as_member={third}", expect=404)

    log = log_of(api, reply)
    assert (
        log[shop["one"]["email"]]["outcome"] == "sent"
        and "texted last" in log[shop["one"]["email"]]["reason"]
    )
    assert log[shop["two"]["email"]]["outcome"] == "skipped" and log[shop["two"]["email"]]["reason"]
    assert len(stack.mails(shop["one"]["email"])) == 1 and stack.mails(shop["two"]["email"]) == []


def test_with_all_both_get_the_mail(stack: Stack, api: Api, shop: dict[str, Any]) -> None:
    api.assign(shop["sender"], "profile", shop["sales"]["id"], notification={"rule": "all"})
    log = log_of(api, text_and_answer(stack, api, shop))
    assert {email for email, row in log.items() if row["outcome"] == "sent"} == {
        shop["one"]["email"],
        shop["two"]["email"],
    }


def test_round_robin_gives_the_conversation_to_the_next_and_it_stays_theirs(
    stack: Stack, api: Api, shop: dict[str, Any]
) -> None:
    api.assign(
        shop["sender"],
        "profile",
        shop["sales"]["id"],
        notification={"rule": "round_robin", "throttle_minutes": 0},
    )
    first = log_of(api, text_and_answer(stack, api, shop))
    told = [row["member"] for row in first.values() if row["outcome"] == "sent"]
    assert len(told) == 1
    conversation = api.get(f"/conversations?as_member={told[0]}")["results"][0]
    assert conversation["assignee"] == told[0]
    again = log_of(api, answered(stack, api, shop, "And another thing"))
    assert [row["member"] for row in again.values() if row["outcome"] == "sent"] == told

    shop["contact"] = new_number()
    other = log_of(api, text_and_answer(stack, api, shop))
    assert [row["member"] for row in other.values() if row["outcome"] == "sent"] != told


def test_the_stand_in_of_an_absent_member_gets_the_mail_and_may_read_and_answer(
    stack: Stack, api: Api, shop: dict[str, Any]
) -> None:
    api.assign(shop["sender"], "profile", shop["sales"]["id"], notification={"rule": "last_sender"})
    now = datetime.now(UTC)
    api.post(
        "/delegations",
        {
            "from": shop["one"]["id"],
            "to": shop["third"]["id"],
            "start": (now - timedelta(hours=1)).isoformat(),
            "end": (now + timedelta(hours=1)).isoformat(),
        },
    )
    log = log_of(api, text_and_answer(stack, api, shop))
    assert log[shop["third"]["email"]]["outcome"] == "sent"
    assert log[shop["one"]["email"]]["outcome"] == "skipped"
    third = shop["third"]["id"]
    conversation = api.get(f"/conversations?as_member={third}")["results"][0]["id"]
    body = {"body": "One is away, I help you", "as_member": third}
    sent = api.post(f"/conversations/{conversation}/messages", body, expect=202)
    assert sent["sender_id"] == shop["sender"]["id"]
    eventually(lambda: len(stack.handset(shop["contact"])) == 2, what="the stand-in's answer")
