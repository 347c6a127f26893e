"""Campaigns, programs, opt-outs, endings and "who speaks?" at the console."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from messaging import campaigns, fanout
from messaging.consent import opt_out
from messaging.models import Campaign, ConsentEntry, Contact, Message, OptOut, Program
from messaging.programs import save_program
from senderid.models import Assignment, SenderId
from tests.texting import CONTACT, Texting
from tests.visiting import visit
from tests.world import give, make_sender

pytestmark = pytest.mark.django_db
WHOLE = {"name": "Spring", "body": "Hi {{ contact.first_name }}", "tags": ["customer"], "sender_mode": "dedicated",
         "category": "transactional"}  # fmt: skip


@pytest.fixture
def texting() -> Texting:
    texting = Texting()
    Contact.objects.for_org(texting.org).update(tags=["customer"])
    return texting


@pytest.fixture
def ada(texting: Texting) -> Client:
    return visit(texting.admin)


def text_of(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def make_campaign(texting: Texting, **fields: Any) -> Campaign:
    fields = {"name": "Spring", "body": "Hi", "audience": {"tags": ["customer"]}, "owner": texting.admin,
              "category": "transactional"} | fields  # fmt: skip
    return campaigns.save_campaign(org=texting.org, **fields)


# --- Campaigns -----------------------------------------------------------------------------------------


def test_a_campaign_is_written_given_a_sender_and_started(texting: Texting, ada: Client) -> None:
    page = ada.post("/campaigns/add/", WHOLE)["Location"]
    campaign = Campaign.objects.for_org(texting.org).get()
    assert campaign.owner == texting.admin
    assert "so nothing can leave" in text_of(ada, page)
    ada.post(page, {"sender": make_sender(texting.org, "+14155550150").pk})
    shown = text_of(ada, page)
    assert "Send it to 1 contact" in shown
    assert "Hi Carla" in shown
    ada.post(f"{page}start/")
    campaign.refresh_from_db()
    assert campaign.status == Campaign.Status.SENDING
    assert 'hx-trigger="every 2s"' in text_of(ada, f"{page}progress/")
    ada.post(f"{page}pause/")
    assert "Resume" in text_of(ada, page)
    assert "every 2s" not in text_of(ada, f"{page}progress/")


def test_an_unknown_field_is_named_with_its_line_and_the_text_is_kept(texting: Texting, ada: Client) -> None:
    answer = ada.post("/campaigns/add/", WHOLE | {"body": "Hi\n{{ contact.nmae }}"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "contact.nmae” (line 2)" in page
    assert "customer" in page
    assert not Campaign.objects.for_org(texting.org).exists()


def test_the_sample_shows_the_text_as_the_first_contact_gets_it(texting: Texting, ada: Client) -> None:
    shown = ada.post("/campaigns/sample/", WHOLE).content.decode()
    assert "Hi Carla" in shown
    assert "1 contact gets" in shown
    shown = ada.post("/campaigns/sample/", WHOLE | {"body": "Hi {{ nobody }}"}).content.decode()
    assert "Unknown field" in shown
    assert not Campaign.objects.for_org(texting.org).exists()


def test_a_name_that_speaks_brings_its_reply_instruction(texting: Texting, ada: Client) -> None:
    name = make_sender(texting.org, "Northwind", "alphanumeric", country="GB", reply_number=texting.sender,
                       reply_instruction="Text 415 555 0134")  # fmt: skip
    given = WHOLE | {"wants_reply": "on", "fallback_sender": name.pk}
    assert "Text 415 555 0134" in ada.post("/campaigns/sample/", given).content.decode()


def test_single_contacts_are_typed_as_numbers(texting: Texting, ada: Client) -> None:
    ada.post("/campaigns/add/", WHOLE | {"tags": [], "contacts": "(415) 555-0199"})
    campaign = Campaign.objects.for_org(texting.org).get()
    assert campaign.audience == {"contacts": [str(texting.contact.pk)]}
    assert "(415) 555-0199" in text_of(ada, f"/campaigns/{campaign.pk}/edit/")
    answer = ada.post("/campaigns/add/", WHOLE | {"contacts": "+14155550111"})
    assert "isn’t a contact yet" in answer.content.decode()


def test_the_report_names_who_is_skipped_and_why(texting: Texting, ada: Client) -> None:
    campaign = make_campaign(texting)
    give(texting.sender, campaign)
    opt_out(org=texting.org, number=CONTACT, scope="org", source="manual")
    page = text_of(ada, f"/campaigns/{campaign.pk}/")
    assert "opted out" in page
    assert "Carla" in page
    assert "Nobody would receive it" in page


def test_a_start_that_can_not_be_says_why(texting: Texting, ada: Client) -> None:
    campaign = make_campaign(texting, audience={})
    page = ada.post(f"/campaigns/{campaign.pk}/start/", follow=True).content.decode()
    assert "Nobody is in the audience" in page


def test_cancelling_asks_first_and_says_what_left(texting: Texting, ada: Client) -> None:
    campaign = make_campaign(texting)
    give(texting.sender, campaign)
    campaigns.start(campaign=campaign)
    fanout.write_portion(campaign)
    page = text_of(ada, f"/campaigns/{campaign.pk}/cancel/")
    assert "1 text has not left" in page
    campaign.refresh_from_db()
    assert campaign.status == "sending"
    ada.post(f"/campaigns/{campaign.pk}/cancel/")
    campaign.refresh_from_db()
    assert campaign.status == "cancelled"


def test_a_draft_is_deleted(texting: Texting, ada: Client) -> None:
    campaign = make_campaign(texting)
    assert ada.post(f"/campaigns/{campaign.pk}/cancel/")["Location"] == "/campaigns/"
    assert not Campaign.objects.for_org(texting.org).exists()


def test_a_rep_sees_campaigns_of_their_own_and_those_they_answer(texting: Texting) -> None:
    mine = make_campaign(texting, name="Mine", owner=texting.rob)
    other = make_campaign(texting, name="Not mine")
    rob = visit(texting.rob)
    page = text_of(rob, "/campaigns/")
    assert "Mine" in page
    assert "Not mine" not in page
    assert rob.get(f"/campaigns/{mine.pk}/").status_code == 200
    assert rob.get(f"/campaigns/{other.pk}/").status_code == 404
    assert rob.post(f"/campaigns/{mine.pk}/", {"sender": texting.sender.pk}).status_code == 403
    texting.receive("Yes")
    talk = texting.conversation()
    talk.campaign = other
    talk.save()
    assert rob.get(f"/campaigns/{other.pk}/").status_code == 200


def test_the_list_shows_how_far_each_is_without_a_question_for_each(texting: Texting, ada: Client) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            ada.get("/campaigns/")
        return len(asked)

    def start(name: str) -> None:
        campaign = make_campaign(texting, name=name)
        give(texting.sender, campaign)
        campaigns.start(campaign=campaign)
        fanout.write_portion(campaign)
        Message.objects.for_org(texting.org).filter(campaign=campaign).update(status="delivered")

    start("First")
    few = questions()
    for n in range(5):
        start(f"Next {n}")
    assert questions() == few
    assert text_of(ada, "/campaigns/").count("1 of 1") == 6


def test_campaigns_are_found_by_status_and_name(texting: Texting, ada: Client) -> None:
    make_campaign(texting, name="Autumn")
    assert "Autumn" in text_of(ada, "/campaigns/?status=draft&q=aut")
    assert "No campaign like that" in text_of(ada, "/campaigns/?status=done")


# --- Programs ------------------------------------------------------------------------------------------


def test_a_program_is_set_up_with_keywords_and_texts(texting: Texting, ada: Client) -> None:
    given = {"name": "News", "keywords": "NEWS\nLIEFERUNG de", "opt_in": "double", "mode": "reply_only",
             "text_welcome": "Welcome!", "text_auto_reply": "Nobody reads this."}  # fmt: skip
    page = ada.post("/programs/add/", given)["Location"]
    program = Program.objects.for_org(texting.org).get()
    assert sorted(program.keywords.values_list("word", "language")) == [("LIEFERUNG", "de"), ("NEWS", "en")]
    assert program.texts == {"welcome": "Welcome!", "auto_reply": "Nobody reads this."}
    assert "LIEFERUNG de" in text_of(ada, f"{page}edit/")
    shown = text_of(ada, page)
    assert "asked to confirm with YES" in shown
    assert "nobody is told" in shown


def test_a_reserved_keyword_is_refused_beside_its_field(ada: Client) -> None:
    given = {"name": "News", "keywords": "STOP", "opt_in": "single", "mode": "reply_only"}
    answer = ada.post("/programs/add/", given)
    assert answer.status_code == 422
    assert "means stop everywhere" in answer.content.decode()


def test_a_keyword_that_another_program_has_on_the_sender_is_refused(texting: Texting, ada: Client) -> None:
    first = save_program(org=texting.org, name="News", keywords=[{"word": "NEWS"}])
    give(texting.sender, first)
    second = save_program(org=texting.org, name="More news", keywords=[{"word": "news"}])
    answer = ada.post(f"/programs/{second.pk}/", {"sender": texting.sender.pk})
    assert answer.status_code == 422
    assert "joins News on this sender already" in answer.content.decode()


def test_the_sentence_says_when_there_is_no_automatic_answer(ada: Client) -> None:
    given = {"name": "News", "keywords": "NEWS", "opt_in": "single", "mode": "reply_and_notify"}
    said = ada.post("/programs/sentence/", given).content.decode()
    assert "there is no automatic one yet" in said
    assert "NEWS" in said


# --- Who speaks? ---------------------------------------------------------------------------------------


def test_the_answer_stands_in_its_address(texting: Texting, ada: Client) -> None:
    page = text_of(ada, "/explain/?who=me&to=%2B14155550199&text=Hello")
    assert "(415) 555-0134" in page
    assert "the organization’s sender" in page
    assert "Carla" in page


def test_each_refusal_has_a_way_to_mend_it_for_admins_only(texting: Texting, ada: Client) -> None:
    other = make_sender(texting.org, "+14155550150")
    SenderId.objects.for_org(texting.org).filter(pk=texting.sender.pk).update(status="suspended")
    page = text_of(ada, f"/explain/?who=member:{texting.rob.pk}&to=%2B14155550199")
    assert f"/senders/{other.pk}/assign/?assignee={texting.rob.pk}" in page
    assert f"/senders/{texting.sender.pk}/edit/" in page
    page = text_of(visit(texting.rob), "/explain/?to=%2B14155550199")
    assert "No eligible sender" in page
    assert "/assign/" not in page


def test_a_rep_can_not_ask_for_a_colleague(texting: Texting) -> None:
    page = text_of(visit(texting.rob), f"/explain/?who=member:{texting.tim.pk}&to=%2B14155550199")
    assert "Select a valid choice" in page


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("12", "isn’t a valid phone number"),
        ("+442079460123", "doesn’t text United Kingdom"),
        ("+14155550199", "GSM-7"),
    ],
)
def test_what_can_not_be_texted_is_said_in_words(ada: Client, to: str, words: str) -> None:
    assert words in ada.get("/explain/", {"to": to}).content.decode()


# --- Endings and opt-outs ------------------------------------------------------------------------------


def test_retiring_shows_what_it_touches_before_it_does_it(texting: Texting, ada: Client) -> None:
    give(texting.sender, make_campaign(texting))
    texting.receive("Hello?")
    page = text_of(ada, f"/senders/{texting.sender.pk}/retired/")
    for words in ("2 assignments", "1 open conversations", "1 campaigns at work"):
        assert words in page
    texting.sender.refresh_from_db()
    assert texting.sender.status == "active"
    ada.post(f"/senders/{texting.sender.pk}/retired/")
    texting.sender.refresh_from_db()
    assert texting.sender.status == "retired"
    assert Assignment.objects.for_org(texting.org).filter(sender=texting.sender).count() == 2


def test_a_number_is_blocked_once_and_let_go_again(texting: Texting, ada: Client) -> None:
    ada.post("/opt-outs/", {"number": "(415) 555-0199", "scope": "org"})
    row = OptOut.objects.for_org(texting.org).get()
    assert (row.number, row.source) == (CONTACT, "manual")
    again = ada.post("/opt-outs/", {"number": CONTACT, "scope": "org"})
    assert "opted out of this already" in again.content.decode()
    ada.post(f"/opt-outs/{row.pk}/remove/")
    assert not OptOut.objects.for_org(texting.org).exists()
    log = ConsentEntry.objects.for_org(texting.org).order_by("at")
    assert [entry.what for entry in log] == ["opt_out", "opt_in"]
    assert {entry.member for entry in log} == {texting.admin}


def test_a_block_of_one_sender_names_the_sender(texting: Texting, ada: Client) -> None:
    answer = ada.post("/opt-outs/", {"number": CONTACT, "scope": "sender"})
    assert "Say which sender" in answer.content.decode()
    ada.post("/opt-outs/", {"number": CONTACT, "scope": "sender", "sender": texting.sender.pk})
    assert OptOut.objects.for_org(texting.org).get().sender == texting.sender
