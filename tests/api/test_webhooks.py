"""The carrier's door: signed or refused, whatever comes in is kept once, and never a 500."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from twilio.request_validator import RequestValidator

from messaging import receiving
from messaging.models import Contact, InboundEvent, Message
from notifications.models import Notification
from senderid.models import ProviderAccount
from tests.office import CARLA, Office
from tests.world import make_account, make_org


@pytest.fixture
def office(db: None) -> Office:
    office = Office()
    office.rule("all", to=office["Ann"])
    return office


def form_of(office: Office, **fields: str) -> dict[str, str]:
    plain = {
        "AccountSid": office.account.account_sid,
        "MessageSid": f"SM{uuid4().hex}",
        "To": office.sender.value,
        "From": CARLA,
        "Body": "Hello",
    }
    return {name: value for name, value in (plain | fields).items() if value != "-"}


def call(
    account: ProviderAccount,
    form: dict[str, str],
    *,
    token: str | None = None,
    signed: bool = True,
    **headers: str,
) -> HttpResponse:
    url = f"http://testserver/webhooks/twilio/{account.account_key}/inbound"
    if signed:
        signature = RequestValidator(token or account.auth_token).compute_signature(url, form)
        headers["X_TWILIO_SIGNATURE"] = signature
    named = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    kind = "application/x-www-form-urlencoded; charset=utf-8"
    return Client().generic(
        "POST", url.removeprefix("http://testserver"), urlencode(form), content_type=kind, **named
    )


def work(office: Office) -> list[str]:
    """Works through what waits; the bodies in the inbox."""
    receiving.process_waiting()
    rows = Message.objects.for_org(office.org).filter(direction="inbound").order_by("pk")
    return list(rows.values_list("body", flat=True))


def test_a_signed_text_is_kept_and_answered_with_empty_twiml(office: Office) -> None:
    answer = call(office.account, form_of(office))
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml")
    assert answer.content.endswith(b"<Response/>")
    assert work(office) == ["Hello"]


@pytest.mark.parametrize("field", ["MessageSid", "To", "From"])
@pytest.mark.parametrize("value", ["-", "", "   ", "\0"])
def test_without_sid_to_or_from_it_is_400_and_nothing_is_kept(office: Office, field: str, value: str) -> None:
    answer = call(office.account, form_of(office, **{field: value}))
    assert answer.status_code == 400
    assert not InboundEvent.objects.for_org(office.org).exists()


@pytest.mark.parametrize(("field", "value"), [("Body", "-"), ("Body", ""), ("SmsSid", "SM1")])
def test_a_text_without_words_is_kept_and_shown(office: Office, field: str, value: str) -> None:
    assert call(office.account, form_of(office, **{field: value})).status_code == 200
    assert len(work(office)) == 1


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("a\0b", "ab"),
        ("a\u202eb\u2066c\u200fd", "abcd"),
        ("a\x07\x1b[31mb", "a[31mb"),
        ("line\nline\ttab", "line\nline\ttab"),
        ("🙂 é ß 你好 مرحبا", "🙂 é ß 你好 مرحبا"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\0", ""),
        ("x" * 4000, "x" * 4000),
        ("{{ org.name }}'; DROP TABLE x;--", "{{ org.name }}'; DROP TABLE x;--"),
    ],
)
def test_hostile_words_are_kept_without_what_could_break_a_page(
    office: Office, body: str, shown: str
) -> None:
    assert call(office.account, form_of(office, Body=body)).status_code == 200
    assert work(office) == [shown]


@pytest.mark.parametrize("value", ["\0+16285550199", "+1628555\u202e0199", "SHOP", "56767", "x" * 500, "💥"])
def test_whatever_stands_in_from_becomes_a_contact_that_can_be_shown(office: Office, value: str) -> None:
    assert call(office.account, form_of(office, From=value)).status_code == 200
    assert work(office) == ["Hello"]
    contact = Contact.objects.for_org(office.org).exclude(pk=office.carla.pk).first() or office.carla
    assert contact.number and not set(contact.number + contact.name) & {"\0", "\u202e"}


def test_fields_with_nul_in_their_name_or_value_are_kept_clean(office: Office) -> None:
    assert call(office.account, form_of(office, **{"Odd\0Name": "a\0b"})).status_code == 200
    assert InboundEvent.objects.for_org(office.org).get().payload["OddName"] == "ab"


def test_bytes_that_are_not_utf_8_are_kept_as_they_can_be_read(office: Office) -> None:
    form = form_of(office, Body="gr\ufffdn")
    url = f"http://testserver/webhooks/twilio/{office.account.account_key}/inbound"
    data = urlencode(form).replace("%EF%BF%BD", "%FC")
    answer = Client().generic(
        "POST",
        url.removeprefix("http://testserver"),
        data,
        content_type="application/x-www-form-urlencoded",
        HTTP_X_TWILIO_SIGNATURE=RequestValidator(office.account.auth_token).compute_signature(url, form),
    )
    assert answer.status_code == 200
    assert work(office) == ["gr\ufffdn"]


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data; boundary=x", ""])
def test_a_body_of_another_kind_is_refused_and_never_a_500(office: Office, kind: str) -> None:
    path = f"/webhooks/twilio/{office.account.account_key}/inbound"
    answer = Client().generic(
        "POST", path, json.dumps(form_of(office)), content_type=kind, HTTP_X_TWILIO_SIGNATURE="x"
    )
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("too_much", ["bytes", "fields"])
def test_a_body_over_the_limits_is_refused_and_nothing_is_kept(
    office: Office, settings: Any, too_much: str
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    form = form_of(office, Body="x" * 20_000)
    if too_much == "fields":
        form = form_of(office) | {f"f{n}": "" for n in range(1100)}
    assert 400 <= call(office.account, form).status_code < 500
    assert not InboundEvent.objects.for_org(office.org).exists()


def test_unsigned_and_wrongly_signed_texts_are_403_and_leave_nothing(office: Office) -> None:
    other = make_account(make_org("Other"), sid="AC" + "2" * 32)
    form = form_of(office)
    assert call(office.account, form, signed=False).status_code == 403
    assert call(office.account, form, token="wrong").status_code == 403
    assert call(office.account, form, token=other.auth_token).status_code == 403
    assert call(office.account, form, signed=False, X_TWILIO_SIGNATURE="ü" * 10).status_code == 403
    assert call(office.account, form_of(office, AccountSid=other.account_sid)).status_code == 403
    assert call(office.account, form_of(office, AccountSid="-")).status_code == 403
    assert not InboundEvent.unscoped.exists()


def test_another_orgs_number_waits_in_our_quarantine(office: Office) -> None:
    other = Office("Other")
    other.sender.value = "+14155550177"
    other.sender.save(update_fields=["value"])
    assert call(office.account, form_of(office, To="+14155550177")).status_code == 200
    assert work(office) == [] and work(other) == []
    assert InboundEvent.objects.for_org(office.org).get().state == "quarantined"
    assert not InboundEvent.objects.for_org(other.org).exists()


@pytest.mark.parametrize("key", ["nobody", "%00", "x" * 300, "%F0%9F%92%A5"])
def test_an_address_with_an_unknown_key_is_404(office: Office, key: str) -> None:
    assert Client().post(f"/webhooks/twilio/{key}/inbound", form_of(office)).status_code == 404


def test_only_post_is_taken(office: Office) -> None:
    assert Client().get(f"/webhooks/twilio/{office.account.account_key}/inbound").status_code == 405


def test_the_signature_is_over_the_public_address_and_never_over_the_host(
    office: Office, settings: Any
) -> None:
    form = form_of(office)
    assert call(office.account, form, HOST="127.0.0.1").status_code == 200
    forwarded = {"X_FORWARDED_HOST": "evil.example", "X_FORWARDED_PROTO": "https"}
    assert call(office.account, form_of(office), HOST="localhost", **forwarded).status_code == 200
    settings.PUBLIC_BASE_URL = "https://callsign.example"
    assert call(office.account, form_of(office)).status_code == 403  # signed over http://testserver


def test_a_token_that_is_being_rotated_still_counts(office: Office) -> None:
    old = office.account.auth_token
    office.account.set_token("the-new-one")
    office.account.save()
    assert call(office.account, form_of(office), token=old).status_code == 200
    assert call(office.account, form_of(office), token="the-new-one").status_code == 200


def test_the_same_sid_five_times_is_one_text_and_one_mail(office: Office) -> None:
    form = form_of(office)
    for _ in range(5):
        assert call(office.account, form).status_code == 200
        assert work(office) == ["Hello"]
    rows = Notification.objects.for_org(office.org).filter(outcome="pending")
    assert rows.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_sid_from_twenty_threads_is_one_text_and_one_mail() -> None:
    office = Office()
    office.rule("all", to=office["Ann"])
    form, together = form_of(office), Barrier(20)

    def once(_: int) -> int:
        together.wait(20)
        try:
            status = call(office.account, form).status_code
            receiving.process_waiting()
            return status
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(once, range(20))) == {200}
    assert work(office) == ["Hello"]
    assert InboundEvent.objects.for_org(office.org).count() == 1
    assert Notification.objects.for_org(office.org).filter(outcome="pending").count() == 1
