"""Search finds names whatever their accents, numbers however they are written; names are stored on one line."""

import unicodedata
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from messaging.contacts import find_contacts
from messaging.models import Campaign, Contact, ContactList, Conversation
from senderid.searching import digits_in
from tenants.models import Team
from tenants.names import FLAT, Folded, folded, single_line
from tests.calling import Api
from tests.texting import Texting
from tests.visiting import visit
from tests.world import make_member, make_org

pytestmark = pytest.mark.django_db
ELODIE = "Élodie Øster"


@pytest.mark.parametrize(
    "words", ["elodie", "ÉLODIE", unicodedata.normalize("NFD", "Élodie"), "oster", "die ø"]
)
def test_names_are_found_whatever_their_accents(words: str) -> None:
    org = make_org(country="GB")
    kept = Contact.unscoped.create(
        org=org, number="+447400123405", country="GB", name=unicodedata.normalize("NFD", ELODIE)
    )
    Contact.unscoped.create(org=org, number="+447400123406", country="GB", name="Bob")
    assert list(find_contacts(org=org, words=words)) == [kept]
    kept.refresh_from_db()
    assert kept.name == ELODIE


@pytest.mark.parametrize(
    "words",
    ["07400 123405", "+44 (0)7400 123405", "0044 7400 123405", "7400-123", "(07400) 1234", "+447400123405"],
)
def test_numbers_are_found_however_they_are_written(words: str) -> None:
    org = make_org(country="GB")
    kept = Contact.unscoped.create(org=org, number="+447400123405", country="GB")
    Contact.unscoped.create(org=org, number="+447411999999", country="GB")
    assert list(find_contacts(org=org, words=words)) == [kept]


def test_a_national_prefix_that_is_no_zero_is_read_by_the_country() -> None:
    assert "79161234567" in digits_in("8 (916) 123-45-67", country="RU")
    assert digits_in("Route 66 123", country="US") == digits_in("1", country="US") == []


def test_every_search_box_finds_the_accented_name_and_the_national_number() -> None:
    texting = Texting()
    ada = visit(texting.admin)
    texting.org.country = "GB"
    texting.org.save()
    contact = Contact.unscoped.create(org=texting.org, number="+447400123405", country="GB", name=ELODIE)
    make_member(texting.org, "Zoé", "rep")
    Campaign.unscoped.create(org=texting.org, owner=texting.admin, name="Café", body="Hi")
    Conversation.unscoped.create(
        org=texting.org, sender=texting.sender, contact=contact, last_at="2026-01-01T00:00Z", last_body="Hi"
    )
    for path, words, shown in (
        ("/contacts/", "elodie", ELODIE),
        ("/contacts/", "07400 123405", ELODIE),
        ("/people/", "zoe", "Zoé"),
        ("/campaigns/", "cafe", "Café"),
        ("/inbox/?folder=all", "elodie", ELODIE),
        ("/inbox/palette", "(07400) 123405", ELODIE),
    ):
        mark = "&" if "?" in path else "?"
        assert shown in ada.get(f"{path}{mark}q={words}").content.decode(), (path, words)
        assert shown not in ada.get(f"{path}{mark}q=nobody").content.decode(), path


@given(
    st.text(max_size=20).filter(
        lambda text: "\x00" not in text and not any(0xD800 <= ord(c) < 0xE000 for c in text)
    )
)
def test_postgresql_folds_as_python_does_for_latin_letters(text: str) -> None:
    """Other letters need only agree with themselves: small and capital ones of one script."""
    text = "".join(c for c in text if ord(c) < 0x250) or "É"
    with connection.cursor() as cursor:
        sql = Folded.template % {"expressions": "%s"}
        cursor.execute(f"SELECT {sql}", [text])
        assert cursor.fetchone() == (folded(text),)


@given(st.text())
def test_a_single_line_is_one_and_stays_it(text: str) -> None:
    line = single_line(text)
    assert len(line.splitlines()) <= 1
    assert single_line(line) == line == line.strip()


@pytest.mark.parametrize("model", [Contact, ContactList, Team])
def test_names_are_flattened_whichever_way_they_come(model: type) -> None:
    """field, Mail and people: line breaks in names."""
    org = make_org()
    row = model.unscoped.create(org=org, name="Ann\r\n\tBcc: x\u202e ")
    assert row.name == "Ann Bcc: x"
    model.objects.for_org(org).update(name="B\nC")
    row.refresh_from_db()
    assert row.name == "B C"


def test_a_campaign_over_the_api_has_its_name_on_one_line_and_not_none() -> None:
    texting = Texting()
    api = Api(texting.org)
    one = Contact.unscoped.create(org=texting.org, number="+14155550177", country="US")
    made = api.post(
        "/campaigns", {"name": "Spring\nsale", "body": "Hi", "audience": {"contacts": [str(one.pk)]}}
    )
    assert made["name"] == "Spring sale"
    empty = api.post(
        "/campaigns", {"name": "\u202e", "body": "Hi", "audience": {"contacts": [str(one.pk)]}}, expect=422
    )
    assert empty["errors"][0]["field"] == "name"


def test_no_search_box_compares_in_a_way_of_its_own() -> None:
    """Whatever is searched goes through senderid.searching or tenants.names."""
    for app in ("tenants", "senderid", "messaging", "notifications"):
        for path in (Path(settings.BASE_DIR) / app).rglob("*.py"):
            text = path.read_text()
            allowed = 1 if path.name == "folders.py" else 0  # words of the last text
            assert text.count("__icontains") <= allowed, path


def test_letters_without_a_base_letter_are_listed_small() -> None:
    assert all(chr(code).lower() == chr(code) for code in FLAT)


def test_long_names_that_share_a_beginning_stay_apart() -> None:
    """field: a key cut to a column's width."""
    texting = Texting()
    for name in ("rcs:northwind_agent_one", "rcs:northwind_agent_two"):
        texting.receive("Hi", sender=name)
    assert Contact.unscoped.filter(number__startswith="rcs:").count() == 2
