"""`once`: the stored answer, another request, one in flight, what is not stored, how long, whose."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.response import Response

from tenants import api_keys
from tenants.errors import DomainError
from tenants.idempotency import checked, forget_expired, json_response, once
from tenants.models import ApiKey, IdempotencyKey
from tests.world import make_org

pytestmark = pytest.mark.django_db


def refused(code: str):  # type: ignore[no-untyped-def]
    return pytest.raises(DomainError, check=lambda error: error.code == code)


@pytest.fixture
def key() -> ApiKey:
    return a_key()


def a_key(**options: Any) -> ApiKey:
    key, _ = api_keys.mint(org=options.pop("org", None) or make_org(), name="tests", **options)
    return key


class Counted:
    """Work that answers how often it was done."""

    def __init__(self, status: int = 202) -> None:
        self.calls, self.status = 0, status

    def __call__(self) -> HttpResponse:
        self.calls += 1
        return json_response({"n": self.calls, "at": timezone.now()}, self.status)


def is_repeat(response: Any) -> bool:
    return response.headers.get("Idempotent-Replayed") == "true"


def test_the_same_key_and_request_get_the_stored_response(key: ApiKey) -> None:
    work = Counted(201)
    first = once(api_key=key, key="k", request=["POST", "/x", {"a": 1, "b": 2}], work=work)
    again = once(api_key=key, key="k", request=["POST", "/x", {"b": 2, "a": 1}], work=work)
    assert [(r.status_code, is_repeat(r)) for r in (first, again)] == [(201, False), (201, True)]
    assert (json.loads(again.content), work.calls) == (json.loads(first.content), 1)


@pytest.mark.parametrize(
    "other", [["POST", "/x", {"a": 2}], ["POST", "/y", {"a": 1}], ["PUT", "/x", {"a": 1}]]
)
def test_the_same_key_with_another_request_is_refused(key: ApiKey, other: list[Any]) -> None:
    work = Counted()
    once(api_key=key, key="k", request=["POST", "/x", {"a": 1}], work=work)
    with refused("idempotency_mismatch"):
        once(api_key=key, key="k", request=other, work=work)
    assert work.calls == 1


def test_another_org_and_the_other_mode_have_keys_of_their_own(key: ApiKey) -> None:
    work = Counted()
    for asking in (key, a_key(), a_key(org=key.org, sandbox=True)):
        assert not is_repeat(once(api_key=asking, key="k", request=[asking.pk], work=work))
    assert is_repeat(once(api_key=a_key(org=key.org), key="k", request=[key.pk], work=work))
    assert work.calls == 3


def test_a_secret_is_stored_sealed_and_only_for_the_key_that_asked(key: ApiKey) -> None:
    def work() -> Response:
        return Response({"key": "cs_live_secret"}, status=201)

    once(api_key=key, key="k", request=[], work=work, has_secret=True)
    [row] = IdempotencyKey.objects.for_org(key.org)
    assert "cs_live_secret" not in str(row.answer)
    again = once(api_key=key, key="k", request=[], work=work, has_secret=True)
    assert (json.loads(again.content), is_repeat(again)) == ({"key": "cs_live_secret"}, True)
    with refused("idempotency_mismatch"):
        once(api_key=a_key(org=key.org), key="k", request=[], work=work, has_secret=True)


def test_a_secret_that_cannot_be_opened_any_more_is_a_refusal(key: ApiKey, settings: Any) -> None:
    once(api_key=key, key="k", request=[], work=Counted(), has_secret=True)
    settings.FIELD_KEYS = ["dGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtMDE="]
    with refused("idempotency_mismatch"):
        once(api_key=key, key="k", request=[], work=Counted(), has_secret=True)


def test_an_error_is_not_stored_and_may_be_tried_again(key: ApiKey) -> None:
    def fails() -> Any:
        raise DomainError("cap_reached", "No.")

    with refused("cap_reached"):
        once(api_key=key, key="k", request=[], work=fails)
    assert once(api_key=key, key="k", request=[], work=Counted(503)).status_code == 503
    assert not is_repeat(once(api_key=key, key="k", request=[], work=Counted()))


def test_a_key_is_forgotten_after_a_day(key: ApiKey, time_machine: Any) -> None:
    work, start = Counted(), timezone.now()
    once(api_key=key, key="k", request=[1], work=work)
    time_machine.move_to(start + timedelta(hours=23))
    assert is_repeat(once(api_key=key, key="k", request=[1], work=work))
    time_machine.move_to(start + timedelta(hours=25))
    assert not is_repeat(once(api_key=key, key="k", request=[2], work=work))
    assert forget_expired() == 0
    time_machine.move_to(start + timedelta(hours=50))
    assert forget_expired() == 1


@pytest.mark.parametrize(
    ("text", "fine"), [("k" * 200, True), ("k" * 201, False), ("", False), ("  ", False), ("a\x1fb", False)]
)
def test_a_key_has_1_to_200_printable_characters(text: str, fine: bool) -> None:
    if fine:
        assert checked(text) == text
    else:
        with refused("invalid") as error:
            checked(text)
        assert (error.value.status, error.value.field) == (400, "Idempotency-Key")


@pytest.mark.django_db(transaction=True)
def test_a_second_request_in_flight_is_told_so_and_does_not_wait() -> None:
    key = a_key()
    began, may_end = Event(), Event()

    def slow() -> HttpResponse:
        began.set()
        assert may_end.wait(20)
        return json_response({"n": 1}, 202)

    def first() -> Any:
        try:
            with transaction.atomic():
                return once(api_key=key, key="k", request=[], work=slow)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(first)
        assert began.wait(20)
        with refused("idempotency_in_flight") as error, transaction.atomic():
            once(api_key=key, key="k", request=[], work=Counted())
        refusal = error.value
        assert (refusal.status, refusal.retryable, refusal.headers) == (409, True, {"Retry-After": "1"})
        may_end.set()
        assert not is_repeat(running.result())
    with transaction.atomic():
        assert json.loads(once(api_key=key, key="k", request=[], work=Counted()).content) == {"n": 1}
