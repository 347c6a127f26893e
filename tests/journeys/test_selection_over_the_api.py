"""Who may speak to which country: refusals say why, previews say it before."""

from tests.stack import Api, Stack, eventually, new_number


def test_a_name_alone_cannot_reach_the_us_and_the_preview_said_so(api: Api) -> None:
    name = api.post(
        "/sender-ids", {"kind": "alphanumeric", "value": "Northwind", "country": "US", "label": "Name"}
    )
    api.assign(name, "organization", api.org)
    text = {"to": new_number(), "body": "Hello"}
    preview = api.post("/messages/preview", text, expect=200)
    assert preview["sender"] is None
    assert preview["rejected"] == [
        {
            "sender_id": name["id"],
            "value": "Northwind",
            "code": "name_not_supported",
            "text": preview["rejected"][0]["text"],
        }
    ]
    problem = api.post("/messages", text, expect=422)
    assert problem["code"] == "no_eligible_sender" and problem["rejected"] == preview["rejected"]


def test_a_name_reaches_gb_only_with_an_approved_registration(stack: Stack, api: Api) -> None:
    api.patch("/organization", {"allowed_countries": ["US", "GB"]})
    name = api.post(
        "/sender-ids", {"kind": "alphanumeric", "value": "Northwind", "country": "GB", "label": "Name"}
    )
    api.assign(name, "organization", api.org)
    text = {"to": "+447400123456", "body": "Hello"}
    assert api.post("/messages", text, expect=422)["rejected"][0]["code"] == "registration_missing"
    api.call("PUT", f"/sender-ids/{name['id']}/registrations/GB", {"status": "submitted"}, expect=200)
    assert api.post("/messages/preview", text, expect=200)["rejected"][0]["code"] == "registration_missing"
    api.call("PUT", f"/sender-ids/{name['id']}/registrations/GB", {"status": "approved"}, expect=200)
    assert api.post("/messages/preview", text, expect=200)["sender"]["id"] == name["id"]
    sent = api.post("/messages", text, expect=202)
    eventually(lambda: api.get(f"/messages/{sent['id']}")["status"] == "delivered", what="delivered")


def test_a_named_sender_that_is_refused_is_an_error_never_another_sender(api: Api) -> None:
    good = api.long_code()
    name = api.post(
        "/sender-ids", {"kind": "alphanumeric", "value": "Northwind", "country": "US", "label": "Name"}
    )
    for sender in (good, name):
        api.assign(sender, "organization", api.org)
    to = new_number()
    problem = api.post("/messages", {"to": to, "body": "Hello", "from": name["id"]}, expect=422)
    assert problem["code"] == "sender_refused" and problem["rejected"][0]["sender_id"] == name["id"]
    assert api.get("/messages")["results"] == []
    assert api.post("/messages", {"to": to, "body": "Hello"}, expect=202)["from"] == good["value"]


def test_the_same_idempotency_key_sends_once(stack: Stack, api: Api) -> None:
    api.assign(api.long_code(), "organization", api.org)
    text = {"to": new_number(), "body": "Once"}
    first = api.post("/messages", text, expect=202, Idempotency_Key="k-1")
    again = api.post("/messages", text, expect=202, Idempotency_Key="k-1")
    assert first == again
    other = api.post("/messages", {**text, "body": "Other"}, expect=422, Idempotency_Key="k-1")
    assert other["code"] == "idempotency_mismatch"
    eventually(lambda: stack.handset(text["to"]), what="the text")
    assert len(stack.handset(text["to"])) == 1
