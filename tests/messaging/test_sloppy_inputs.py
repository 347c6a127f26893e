"""Hostile and sloppy inputs through forms, API and webhooks: no 5xx, nothing lost, no number becomes another (field).

SLOPPY says how many (300 here; `make faults` runs 10,000); SLOPPY_SEED other ones.
"""

import json
import os
import random
import re
import unicodedata
from typing import Any
from uuid import uuid4

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from messaging.models import Contact, InboundEvent, Message
from messaging.receiving import process_event
from tests.api.test_webhooks import call, form_of
from tests.calling import Api
from tests.office import Office
from tests.visiting import visit
from tests.walk.hostile import TEXTS

SLOPPY = int(os.environ.get("SLOPPY", "300"))
SEED = int(os.environ.get("SLOPPY_SEED", "1"))
REGIONS = ("US", "CA", "GB", "DE", "AT", "IT", "FR", "MX", "BR", "AR", "JM", "IN", "AU", "JP", "ZA", "RU")
WORDS = [
    "Hello\r\nthere", "e\u0301le\u0301gant", "\u202etxet", "🙂" * 40, "STOP", "start", "HELP", "please stop texting me",
    "a\x00b", "Liked “Hello”", "{{ contact.name }}", "“curly” – quotes…", "\u200b", " ", "", "x" * 10_000,
    "<script>alert(1)</script>", "\t\t", "=1+1",
]  # fmt: skip
DRESSES = [
    "{0}", "{0}", " {0} ", "tel:{0}", "whatsapp:{0}", "mailto:{0}", "{0}.0", "{0} ext 5", "{0}x12", "{0} / {0}",
    "{0}, {0}", "{0}e5", "\u200e{0}\u202c", "'{0}", "call {0}", "{0}\n", "{0}\x00", "{0}9", "0{0}", "00{0}", "({0})",
    "{0}#", "{0};ext=7", "2024-11-25 {0}",
]  # fmt: skip


def ways_to_write(e164: str) -> set[str]:
    """All digits that mean this number, without zeros in front: with the country code or at home, with trunk prefixes,
    and the old spellings of Mexico, Brazil and Argentina."""
    number = phonenumbers.parse(e164)
    code, national = str(number.country_code), phonenumbers.national_significant_number(number)
    nationals = {national}
    if code == "52":
        nationals |= {f"1{national}", f"01{national}", f"044{national}", f"045{national}"}
    if code == "55":
        nationals.add(national[:2] + national[3:])
    if code == "54" and national.startswith("9"):
        home = national[1:]
        nationals |= {home, *(f"{home[:area]}15{home[area:]}" for area in (2, 3, 4))}
    trunks = ("", "0", *{"7": ("8",), "1": ("1",)}.get(code, ()))
    written = {f"{trunk}{one}" for trunk in trunks for one in nationals}
    abroad = {f"{code}{one}" for one in written}
    return (
        {one.lstrip("0") for one in written} | abroad | {f"11{one}" for one in abroad}
    )  # 011: from the US to abroad


class Sloppy:
    """One input after the other, by a seed."""

    def __init__(self, office: Office) -> None:
        self.office, self.random = office, random.Random(SEED)
        self.api, self.page = Api(office.org), visit(office["Ann"])
        self.sids: list[str] = []

    def number(self) -> str:
        region = self.random.choice(REGIONS)
        kind = self.random.choice([PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE])
        example = phonenumbers.example_number_for_type(region, kind)
        style = self.random.choice(
            [PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL]
        )
        text = phonenumbers.format_number(example, style)
        if self.random.random() < 0.3:
            at = self.random.randrange(len(text))
            text = text[:at] + self.random.choice(["", " ", "0", "7", ".", "-", "O", "+"]) + text[at + 1 :]
        return self.random.choice(DRESSES).format(text)

    def words(self) -> str:
        hostile = self.random.choice(TEXTS).decode(errors="replace")
        return self.random.choice([*WORDS, hostile])

    def step(self) -> None:
        self.random.choice([self.contact, self.typed, self.message, self.new, self.webhook, self.webhook])()

    def contact(self) -> None:
        number: Any = self.number()
        if self.random.random() < 0.1:
            number = float(re.sub(r"\D", "", number)[:15] or 0)
        answer = self.api.ask("POST", "/contacts", {"number": number, "name": self.words()})
        self.check(
            answer, number, json.loads(answer.content).get("number") if answer.status_code == 201 else None
        )

    def typed(self) -> None:
        number = self.number()
        answer = self.page.post(
            "/contacts/add/", {"number": number, "name": self.words(), "tags": self.words()}
        )
        stored = None
        if answer.status_code == 302:
            stored = Contact.objects.for_org(self.office.org).get(pk=answer["Location"].split("/")[2]).number
        self.check(answer, number, stored)

    def message(self) -> None:
        number = self.number()
        answer = self.api.ask("POST", "/messages", {"to": number, "body": self.words()})
        self.check(
            answer, number, json.loads(answer.content).get("to") if answer.status_code == 202 else None
        )

    def new(self) -> None:
        member = self.office["Ann"]
        fields = {
            "to": self.number(),
            "body": self.words(),
            "mode": "message",
            "when": "now",
            "member": str(member.pk),
        }
        self.check(self.page.post("/inbox/new", fields | {"client_ref": uuid4().hex}), fields["to"], None)

    def webhook(self) -> None:
        sid = f"SM{uuid4().hex}"
        form = form_of(self.office, MessageSid=sid, From=self.number(), Body=self.words())
        answer = call(self.office.account, form)
        assert answer.status_code < 500, (SEED, form, answer.content[:300])
        if answer.status_code == 200:
            self.sids.append(sid)

    def check(self, answer: Any, typed: Any, stored: str | None) -> None:
        assert answer.status_code < 500 or answer.status_code == 503, (SEED, typed, answer.content[:300])
        if stored is None:
            return
        assert isinstance(typed, str), (SEED, typed, stored)
        digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", typed)).lstrip("0")
        assert digits in ways_to_write(stored), (SEED, typed, stored)


@pytest.mark.timeout(1800)
def test_sloppy_inputs_lose_nothing_and_change_no_number(db: None, settings: Any) -> None:
    """field: numbers, segments, webhooks"""
    settings.API_RATE_LIMIT = (10**9, 10)
    sloppy = Sloppy(Office())
    for _ in range(SLOPPY):
        sloppy.step()
    events = InboundEvent.objects.for_org(sloppy.office.org).filter(provider_sid__in=sloppy.sids)
    assert events.count() == len(sloppy.sids), SEED
    for event in events.filter(state="waiting"):
        process_event(event.pk)
    assert not events.filter(state="waiting").exists(), SEED
    lost = events.filter(message__isnull=True).exclude(state="quarantined")
    assert not lost.exists(), (SEED, list(lost.values("state", "reason", "from_value", "body")[:5]))
    assert (
        Message.objects.for_org(sloppy.office.org).filter(direction="inbound").count()
        >= len(sloppy.sids) // 2
    )
