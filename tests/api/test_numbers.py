"""Phone numbers at every entrance: the API, forms and filters read them alike and refuse them with the same reason."""

from typing import Any
from urllib.parse import urlencode

import pytest

from messaging.models import Contact, Message
from tests.calling import Api
from tests.composing import composer_at
from tests.office import CARLA, Office
from tests.visiting import visit
from tests.world import give

pytestmark = pytest.mark.django_db
BAD = {
    "+1628CALLNOW": "letters",
    "+16285550140 ext 5": "extension",
    "2026-11-25": "date",
    "6285550140.0": "decimal",
}


@pytest.fixture
def office() -> Office:
    office = Office()
    give(office.sender, office.org)
    return office


@pytest.fixture
def api(office: Office) -> Api:
    return Api(office.org)


@pytest.mark.parametrize("number", BAD)
@pytest.mark.parametrize(
    ("path", "field"), [("/messages", "to"), ("/messages/preview", "to"), ("/contacts", "number"), ("/opt-outs", "number"),
                        ("/sender-ids", "value")]
)  # fmt: skip
def test_every_write_refuses_a_number_that_only_resembles_one(
    api: Api, path: str, field: str, number: str
) -> None:
    """api 24: +1628CALLNOW was texted, and an extension dropped."""
    bodies: dict[str, dict[str, Any]] = {
        "/messages": {"body": "x"},
        "/messages/preview": {"body": "x"},
        "/sender-ids": {"kind": "long_code", "country": "US", "label": "L"},
    }
    found = api.post(path, {**bodies.get(path, {}), field: number}, expect=400)
    assert (found["code"], found["reason"]) == ("invalid_number", BAD[number])
    assert [error["field"] for error in found["errors"]] == [field]
    assert f"“{number}” isn’t a valid phone number: it" in found["detail"]


@pytest.mark.parametrize("path", ["/contacts?number=", "/opt-outs?number=", "/messages?to="])
def test_filters_read_a_number_as_people_write_it(api: Api, path: str) -> None:
    """api 24, api 5: + in an address is a space once it is decoded; a national number is the org's country's."""
    api.post("/messages", {"to": CARLA, "body": "Hi"}, expect=202)
    api.post("/opt-outs", {"number": CARLA})
    local = f"({CARLA[2:5]}) {CARLA[5:8]}-{CARLA[8:]}"
    for written in (CARLA.replace("+", "%2B"), CARLA, local.replace(" ", "%20"), "00" + CARLA[1:]):
        assert len(api.results(path + written)) == 1, written
    found = api.get(f"{path}{urlencode({'': '2026-11-25'})[1:]}", expect=400)
    assert (found["code"], found["reason"]) == ("invalid_number", "date")


def test_from_takes_a_number_as_to_does(api: Api, office: Office) -> None:
    """api 24: `from` took E.164 alone."""
    national = office.sender.value[2:]
    found = api.post("/messages", {"to": CARLA, "body": "Hi", "from": national}, expect=202)
    assert found["from"] == office.sender.value


def test_a_sender_does_not_text_itself(api: Api, office: Office) -> None:
    """api 24: it was accepted, and failed at the carrier with 21266."""
    for path in ("/messages", "/messages/preview"):
        found = api.post(path, {"to": office.sender.value, "body": "Hi"}, expect=422)
        assert (found["code"], found["errors"][0]["field"]) == ("own_number", "to")
    assert not Message.objects.for_org(office.org).exists()


def test_nor_from_the_composer(office: Office) -> None:
    """api 24"""
    ada = visit(office["Ada"])
    typed = composer_at(ada, "/inbox/new") | {"to": office.sender.value, "body": "Hi"}
    answer = ada.post("/inbox/new", typed)
    assert answer.status_code == 422 and "can’t text itself" in answer.content.decode()
    assert not Message.objects.for_org(office.org).exists()


@pytest.mark.parametrize(
    ("path", "field", "rest"),
    [
        ("/contacts/add/", "number", {"name": "Mara"}),
        ("/opt-outs/", "number", {"scope": "org"}),
        ("/explain/", "to", {"body": "Hi"}),
        ("/campaigns/add/", "contacts", {"name": "C", "body": "Hi", "sender_mode": "dedicated", "category": "promotional"}),
    ],
)  # fmt: skip
def test_forms_say_the_same(office: Office, path: str, field: str, rest: dict[str, str]) -> None:
    """api 24"""
    ada = visit(office["Ada"])
    for number in ("+1628CALLNOW", "2026-11-25"):
        ask = ada.get if path == "/explain/" else ada.post
        answer = ask(path, {**rest, field: number})
        assert f"“{number}” isn’t a valid phone number: it" in answer.content.decode(), path
    assert Contact.objects.for_org(office.org).count() == 1
