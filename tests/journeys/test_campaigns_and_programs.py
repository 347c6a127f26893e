"""Campaigns from each owner's number, programs by keyword: through the API, the carrier and back."""

from typing import Any

from tests.stack import Api, Stack, eventually, new_number


def test_a_sales_campaign_leaves_from_each_owners_own_number(stack: Stack, api: Api) -> None:
    api.patch("/organization", {"quiet_hours": "off", "quiet_hours_reason": "a test at any hour"})
    owners = [api.member(f"Owner{n}") for n in range(3)]
    senders = {owner["id"]: api.long_code() for owner in owners[:2]}
    for owner in owners[:2]:
        api.assign(senders[owner["id"]], "member", owner["id"])
    contacts = [
        api.post("/contacts", {"number": new_number(), "name": f"Contact {n}", "owner": owners[n % 3]["id"]})
        for n in range(30)
    ]
    audience = {"contacts": [contact["id"] for contact in contacts]}
    made = api.post(
        "/campaigns",
        {
            "name": "Spring",
            "body": "Hi {{ contact.name }}",
            "audience": audience,
            "sender_mode": "contact_owner",
        },
    )
    report = api.post(f"/campaigns/{made['id']}/report", expect=200)
    assert (report["total"], report["will_be_sent"], report["no_eligible_sender"]) == (30, 20, 10)
    api.post(f"/campaigns/{made['id']}/start", expect=200)
    state = eventually(lambda: done(api, made["id"]), within=30, what="the campaign to be done")
    assert state["counts"]["total"] == 30 and state["counts"]["skipped"] == 10
    assert state["skipped_by"] == {"no_eligible_sender": 10}
    for n, contact in enumerate(contacts):
        texts = stack.handset(contact["number"])
        if n % 3 == 2:
            assert texts == []
        else:
            assert [text["from"] for text in texts] == [senders[contact["owner"]]["value"]]
            assert texts[0]["body"] == f"Hi Contact {n}"

    replier, sender = contacts[0], senders[contacts[0]["owner"]]
    stack.text_in(sender=replier["number"], to=sender["value"], body="Tell me more")
    inbox = f"/conversations?folder=campaigns&campaign={made['id']}&as_member={replier['owner']}"
    conversation = eventually(lambda: api.get(inbox)["results"], what="the reply with its owner")[0]
    assert conversation["contact"]["id"] == replier["id"] and conversation["campaign"] == made["id"]
    answer = {"body": "Gladly", "as_member": replier["owner"]}
    sent = api.post(f"/conversations/{conversation['id']}/messages", answer, expect=202)
    assert sent["from"] == sender["value"] and sent["sender_reason"]["rule"] == "conversation"
    assert api.get(f"/campaigns/{made['id']}")["counts"]["replies"] == 1


def test_a_contact_whose_owner_has_no_sender_goes_from_the_fallback(stack: Stack, api: Api) -> None:
    api.patch("/organization", {"quiet_hours": "off", "quiet_hours_reason": "a test at any hour"})
    owner, spare = api.member("Owner"), api.long_code()
    contact = api.post("/contacts", {"number": new_number(), "owner": owner["id"]})
    made = api.post(
        "/campaigns",
        {
            "name": "Spring",
            "body": "Hello",
            "audience": {"contacts": [contact["id"]]},
            "sender_mode": "contact_owner",
            "fallback_sender_id": spare["id"],
        },
    )
    api.post(f"/campaigns/{made['id']}/start", expect=200)
    texts = eventually(lambda: stack.handset(contact["number"]), what="the text")
    assert texts[0]["from"] == spare["value"]


def done(api: Api, pk: str) -> Any:
    state = api.get(f"/campaigns/{pk}")
    return state if state["status"] == "done" else None


def test_a_keyword_subscribes_and_help_and_stop_answer_with_the_programs_texts(
    stack: Stack, api: Api
) -> None:
    texts = {
        "welcome": "Welcome to News",
        "help": "News helps",
        "stop": "News is over",
        "auto_reply": "Nobody reads here",
    }
    keywords = [{"word": "NEWS", "language": "en"}]
    program = api.post(
        "/programs", {"name": "News", "keywords": keywords, "texts": texts, "mode": "reply_only"}
    )
    sender, contact = api.long_code(), new_number()
    api.assign(sender, "program", program["id"])

    def say(body: str, answer: str, times: int = 1) -> None:
        stack.text_in(sender=contact, to=sender["value"], body=body)
        eventually(lambda: bodies().count(answer) == times, what=f"“{answer}” after “{body}”")

    def bodies() -> list[str]:
        return [text["body"] for text in stack.handset(contact)]

    say("news!", "Welcome to News")
    assert api.get(f"/programs/{program['id']}")["subscribers"] == 1
    say("What is this?", "Nobody reads here")
    say("HELP", "News helps")
    stack.text_in(sender=contact, to=sender["value"], body="Hello again?")
    say("STOP", "News is over")
    assert bodies().count("Nobody reads here") == 1
    assert api.get("/opt-outs")["results"][0]["number"] == contact
    refused = api.post("/messages", {"to": contact, "body": "More", "program": program["id"]}, expect=422)
    assert refused["rejected"][0]["code"] == "opted_out"
    say("START", f"{org_name(api)}: you will get our messages again. Reply STOP to end them.")
    assert api.get("/opt-outs")["results"] == []


def org_name(api: Api) -> str:
    return str(api.get("/organization")["name"])
