"""A body enters at one place, whoever brings it: forms, API, what comes in (field: segments)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.campaign_forms import CampaignForm, ProgramForm
from messaging.forms import BodyField, ComposerForm
from messaging.models import InboundEvent, Message
from messaging.receiving import store_event
from messaging.segments import cut, read_body
from senderid.providers.base import Inbound
from tests.calling import Api
from tests.composing import composer_at
from tests.texting import Texting
from tests.visiting import visit

TYPED = "First line\r\nsecond\rthird\u2028" + unicodedata.normalize("NFD", "é") + "\x00\x07"
READ = "First line\nsecond\nthird\né"


@given(st.text())
def test_what_is_read_stays_as_it_is(text: str) -> None:
    once = read_body(text)
    assert read_body(once) == once
    assert "\r" not in once and "\x00" not in once


def test_line_ends_of_a_browser_cost_no_segment() -> None:
    typed = "a" * 80 + "\r\n" + "b" * 79
    assert (cut(typed).segments, cut(read_body(typed)).segments) == (2, 1)


@pytest.mark.parametrize(
    ("body", "culprit"),
    [
        ("Hi\tyou", "“tab”"),
        ("a\u00a0b", "“no-break space”"),
        ("né ş", "“ş”"),
        ("a\u200bb", "“zero width space”"),
        ("x", ""),
    ],
)
def test_what_makes_it_unicode_is_named_even_when_it_can_t_be_seen(body: str, culprit: str) -> None:
    assert cut(body).culprit == culprit


def test_every_form_reads_bodies_the_same_way() -> None:
    assert isinstance(ComposerForm.base_fields["body"], BodyField)
    assert isinstance(CampaignForm.base_fields["body"], BodyField)
    texts = {name: field for name, field in ProgramForm(org=None).fields.items() if name.startswith("text_")}  # type: ignore[arg-type]
    assert len(texts) >= 6 and all(isinstance(field, BodyField) for field in texts.values())


@pytest.mark.django_db
def test_composer_and_api_store_the_same_body() -> None:
    texting = Texting()
    rob = visit(texting.rob)
    typed = composer_at(rob, "/inbox/new") | {"to": "+14155550188", "body": TYPED.replace("\x00\x07", "")}
    assert rob.post("/inbox/new", typed).status_code in (200, 204, 302)
    Api(texting.org).post(
        "/messages", {"to": "+14155550189", "body": TYPED.replace("\x00\x07", "")}, expect=202
    )
    assert set(Message.unscoped.values_list("body", flat=True)) == {READ}


@pytest.mark.django_db
def test_what_comes_in_is_read_alike() -> None:
    texting = Texting()
    inbound = Inbound("SM1", texting.account.account_sid, texting.sender.value, "+14155550199", TYPED)
    store_event(account=texting.account, inbound=inbound, payload={})
    assert InboundEvent.unscoped.get().body == READ
