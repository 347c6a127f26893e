"""Who texted us is who we text: old spellings, numbers no library knows, short codes and names (field: numbers)."""

from importlib import import_module

import pytest
from django.apps import apps

from messaging.models import Contact, Conversation, Message, OptOut
from senderid.country_rules import override_verdict
from tests.calling import Api
from tests.texting import Texting
from tests.visiting import visit

pytestmark = pytest.mark.django_db
MARIA, MARIA_BEFORE = "+525512345678", "+5215512345678"
spelled = import_module("messaging.migrations.0019_one_spelling_of_a_handset")


@pytest.fixture
def texting() -> Texting:
    return Texting(allowed_countries=["*"])


def numbers(texting: Texting) -> set[str]:
    return set(Contact.objects.for_org(texting.org).values_list("number", flat=True))


def test_a_reply_in_the_old_spelling_is_of_the_same_contact(texting: Texting) -> None:
    """field: numbers; it made a second contact, and its STOP did not count for the first."""
    maria = texting.person(MARIA, "Maria", country="MX", timezone="America/Mexico_City")
    word = {"kind": "long_code", "country": "MX", "verdict": "allowed", "reason": "we asked the carrier"}
    override_verdict(org=texting.org, by=texting.admin, **word)
    api = Api(texting.org)
    sent = api.post("/messages", {"to": MARIA_BEFORE, "body": "Hola"}, expect=202)
    assert sent["to"] == MARIA
    received = texting.receive("Hola", sender=MARIA_BEFORE)
    assert received is not None and received.contact == maria
    assert len(Conversation.objects.for_org(texting.org).filter(contact=maria)) == 1
    texting.receive("STOP", sender=MARIA_BEFORE)
    assert OptOut.objects.for_org(texting.org).filter(number=MARIA).exists()
    api.post("/messages", {"to": MARIA, "body": "Hola"}, expect=422)
    assert texting.answers()[-1] != "Hola"  # the confirmation went to her, too


def test_a_number_no_library_knows_is_answered(texting: Texting) -> None:
    """field: numbers; a STOP or a reply to it was refused as no phone number."""
    new = "+15550100199"
    texting.receive("Hello?", sender=new)
    talk = Conversation.objects.for_org(texting.org).get(contact__number=new)
    assert talk.contact.country == "US"
    html = visit(texting.rob).get(f"/inbox/{talk.pk}/").content.decode()
    assert "Sending from" in html and "isn’t a valid phone number" not in html
    api = Api(texting.org)
    assert api.post("/messages", {"to": new, "body": "Hello!"}, expect=202)["to"] == new
    api.post("/messages", {"to": "+15550100198", "body": "Hello!"}, expect=400)  # nobody texted us from there
    texting.receive("STOP", sender=new)
    assert "Hello!" in texting.answers()[0] and len(texting.answers()) == 2
    api.post("/messages", {"to": new, "body": "Hello!"}, expect=422)


@pytest.mark.parametrize("value", ["73605", "Support"])
def test_short_codes_and_names_that_texted_us_are_explained(texting: Texting, value: str) -> None:
    """field: numbers; “is no phone number” said nothing."""
    texting.receive("Your code is 123456", sender=value)
    refused = Api(texting.org).post("/messages", {"to": value, "body": "Thanks"}, expect=400)
    assert "can’t be texted back" in refused["detail"] and refused["errors"][0]["field"] == "to"
    assert not Message.objects.for_org(texting.org).filter(direction="outbound").exists()


def test_a_mobile_abroad_typed_without_plus_is_pointed_out(texting: Texting) -> None:
    """field: numbers"""
    api = Api(texting.org)

    def warnings(to: str) -> list[str]:
        plan = api.post("/messages/preview", {"to": to, "body": "Hello"}, expect=200)
        return [warning["code"] for warning in plan["warnings"]]

    assert "country_assumed" in warnings("4792345678")
    assert "country_assumed" not in warnings("+14792345678")
    texting.org.allowed_countries = ["US"]
    texting.org.save()
    assert "country_assumed" not in warnings("4792345678")


def test_what_was_stored_in_an_old_spelling_is_rewritten(texting: Texting) -> None:
    """field: numbers; where the other contact exists both stay, and the opt-out counts for the one that is texted."""
    olga = texting.person("+5215512345679", "Olga", country="")
    texting.person(MARIA, "Maria", country="MX")
    texting.person(MARIA_BEFORE, "", country="")
    OptOut.objects.for_org(texting.org).create(number=MARIA_BEFORE, scope="org", source="text")
    OptOut.objects.for_org(texting.org).create(number="+447400123456", scope="org", source="text")
    spelled.rewrite(apps, None)
    olga.refresh_from_db()
    assert (olga.number, olga.country) == ("+525512345679", "MX")
    assert {MARIA, MARIA_BEFORE} <= numbers(texting)
    opted_out = set(OptOut.objects.for_org(texting.org).values_list("number", flat=True))
    assert opted_out == {MARIA, "+447400123456"}
