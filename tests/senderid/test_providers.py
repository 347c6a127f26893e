"""Twilio's words into ours and back: error codes, statuses, signatures, webhook forms."""

import json
from types import SimpleNamespace

import pytest
from twilio.http.response import Response
from twilio.request_validator import RequestValidator

from messaging.statuses import Status
from senderid.providers import errors
from senderid.providers.base import Outcome
from senderid.providers.twilio import STATUSES, is_signed, read_answer, read_inbound, read_receipt

URL = "http://testserver/webhooks/twilio/key/inbound"
FORM = {
    "MessageSid": "SM1",
    "AccountSid": "AC1",
    "From": "+14155550199",
    "To": "+14155550134",
    "Body": "Hi, you — ✓",
}


def signature(token: str, url: str = URL, form: dict[str, str] = FORM) -> str:
    return RequestValidator(token).compute_signature(url, form)


# --- Error codes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("20003", Outcome.PAUSE_ACCOUNT),
        ("20429", Outcome.SLOW_DOWN),
        ("21211", Outcome.PERMANENT),
        ("21408", Outcome.PERMANENT),
        ("21610", Outcome.OPT_OUT),
        ("21612", Outcome.NEXT_SENDER),
        ("21614", Outcome.PERMANENT),
        ("21606", Outcome.QUARANTINE_SENDER),
        ("30001", Outcome.SLOW_DOWN),
        ("21611", Outcome.SLOW_DOWN),
        ("30007", Outcome.PERMANENT),
        ("30034", Outcome.QUARANTINE_SENDER),
    ],
)
def test_a_code_says_what_to_do(code: str, outcome: Outcome) -> None:
    assert errors.meaning(code)[0] == outcome


@pytest.mark.parametrize(
    ("code", "http", "outcome"),
    [
        ("", 429, Outcome.SLOW_DOWN),
        ("99999", 429, Outcome.SLOW_DOWN),
        ("99999", 400, Outcome.PERMANENT),
        ("", 404, Outcome.PERMANENT),
        ("99999", 500, Outcome.UNKNOWN),
        ("", None, Outcome.UNKNOWN),
    ],
)
def test_an_unlisted_code_falls_back_by_http_status(code: str, http: int | None, outcome: Outcome) -> None:
    assert errors.meaning(code, http)[0] == outcome


def test_every_code_has_a_sentence_for_people() -> None:
    for code, (_, text) in errors.CODES.items():
        assert text[0].isupper() and text.endswith("."), code
        assert errors.sentence(code) == text
    assert "4711" in errors.sentence("4711")
    assert errors.sentence("") == ""


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (400, 21211, Outcome.PERMANENT),
        (400, 21610, Outcome.OPT_OUT),
        (401, 20003, Outcome.PAUSE_ACCOUNT),
        (429, 20429, Outcome.SLOW_DOWN),
        (500, 20500, Outcome.UNKNOWN),
        (503, None, Outcome.UNKNOWN),
        (500, 21211, Outcome.UNKNOWN),
    ],
)
def test_an_answer_of_500_and_above_is_never_definite(
    status: int, code: int | None, outcome: Outcome
) -> None:
    answer = read_answer(Response(status, json.dumps({"code": code, "message": "no", "status": status})))
    assert (answer.outcome, answer.http_status) == (outcome, status)
    assert answer.code == str(code or status)


def test_an_accepted_text_has_its_sid() -> None:
    answer = read_answer(Response(201, '{"sid": "SM1", "status": "queued"}'))
    assert (answer.outcome, answer.sid, answer.http_status) == (Outcome.ACCEPTED, "SM1", 201)


@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", "null"])
@pytest.mark.parametrize("status", [201, 302, 502])
def test_what_can_not_be_read_may_have_been_taken(status: int, body: str) -> None:
    assert read_answer(Response(status, body)).outcome == Outcome.UNKNOWN


def test_an_account_that_is_asked_too_much_says_how_much_it_had_and_when_to_come_back() -> None:
    headers = {"Twilio-Concurrent-Requests": "41", "Retry-After": "2"}
    answer = read_answer(Response(429, '{"code": 20429}', headers))
    assert (answer.outcome, answer.concurrent, answer.retry_after) == (Outcome.SLOW_DOWN, 41, 2)
    assert read_answer(Response(429, "", {"Retry-After": "soon"})).retry_after is None


# --- Webhooks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "signed", "good"),
    [
        (["new"], signature("new"), True),
        (["new", "old"], signature("old"), True),
        (["new"], signature("old"), False),
        (["new"], None, False),
        (["new"], "", False),
        (["new"], "nonsense", False),
        ([], signature("new"), False),
        (["new"], signature("new", URL + "?x=1"), False),
        (["new"], signature("new", form=FORM | {"Body": "Hi"}), False),
        (["new"], signature("new", form=FORM | {"More": "1"}), False),
        (["new"], signature("new", "http://evil.example/webhooks/twilio/key/inbound"), False),
    ],
)
def test_a_signature_fits_token_url_and_form(tokens: list[str], signed: str | None, good: bool) -> None:
    assert is_signed(tokens=tokens, url=URL, params=FORM, signature=signed) is good


def test_an_inbound_form_is_read() -> None:
    found = read_inbound(FORM)
    assert (found.sid, found.account_sid, found.to, found.sender) == (
        "SM1",
        "AC1",
        "+14155550134",
        "+14155550199",
    )
    assert read_inbound({"SmsSid": "SM2"}).sid == "SM2"
    assert read_inbound({}) == read_inbound({"Body": ""})


@pytest.mark.parametrize(
    ("raw", "ours"),
    [
        ("queued", "accepted"),
        ("sending", "accepted"),
        ("accepted", "accepted"),
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("undelivered", "undelivered"),
        ("failed", "failed"),
        ("read", "delivered"),
        ("quantum", ""),
        ("", ""),
    ],
)
def test_a_receipt_is_read_in_our_words(raw: str, ours: str) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": raw, "ErrorCode": "30003"}
    found = read_receipt(form)
    assert (found.sid, found.status, found.raw_status, found.code) == ("SM1", ours, raw, "30003")
    assert found.payload == form


def test_every_status_of_the_carrier_becomes_one_of_ours() -> None:
    assert set(STATUSES.values()) <= set(Status.values)


def test_the_webhooks_url_stands_on_the_configured_address(settings) -> None:  # type: ignore[no-untyped-def]
    from senderid.models import ProviderAccount

    settings.PUBLIC_BASE_URL = "https://sms.example"
    account = ProviderAccount(account_key="k" * 32)
    assert account.inbound_url == f"https://sms.example/webhooks/twilio/{'k' * 32}/inbound"
    assert SimpleNamespace(url=account.url).url == ""
