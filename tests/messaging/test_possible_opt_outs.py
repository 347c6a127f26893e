"""Possible opt-outs: promotional messages are held until a person decided (field: Consent)."""

import threading
from typing import Any

import pytest
from django.db import connection

from messaging import consent, possible_opt_outs
from messaging.campaign_report import report
from messaging.campaigns import save_campaign
from messaging.deciding import decide, people_of, surroundings
from messaging.models import Campaign, ConsentEntry, OptOut, PossibleOptOut, TimelineEntry
from messaging.planning import plan_text
from tenants.errors import DomainError, NotFound
from tenants.models import AuditEntry
from tests.calling import Api
from tests.texting import CONTACT, Texting, claim_all
from tests.visiting import visit
from tests.world import give, make_sender

WISH = "Please stop texting me"
pytestmark = pytest.mark.django_db


@pytest.fixture
def texting() -> Texting:
    return Texting()


def campaign_of(texting: Texting, category: str = "promotional") -> Campaign:
    campaign = save_campaign(
        org=texting.org,
        name=f"Sale {category}",
        body="Sale!",
        audience={"contacts": [str(texting.contact.pk)]},
        category=category,
        owner=texting.admin,
    )
    give(texting.sender, campaign)
    return campaign


def code_for(texting: Texting, campaign: Campaign) -> str:
    ids = "{" + str(texting.contact.pk) + "}"
    around = surroundings(campaign, ids, people_of(texting.org.pk, ids))
    return decide(around, people_of(texting.org.pk, ids)[0]).code


def wish(texting: Texting) -> PossibleOptOut:
    return PossibleOptOut.objects.for_org(texting.org).get()


def test_a_wish_holds_campaigns_and_programs_but_nothing_transactional(texting: Texting) -> None:
    promotional, transactional = campaign_of(texting), campaign_of(texting, "transactional")
    program = texting.program()
    assert code_for(texting, promotional) == ""
    texting.receive(WISH)
    assert code_for(texting, promotional) == "possible_opt_out"
    assert code_for(texting, transactional) == ""
    for fields in ({"campaign": promotional}, {"program": program}):
        with pytest.raises(DomainError) as refusal:
            texting.queue(**fields)
        assert refusal.value.code == "no_eligible_sender"
        assert "may have opted out; decide in the inbox" in refusal.value.text
        assert {row["code"] for row in refusal.value.extra["rejected"]} == {"possible_opt_out"}
    seen = report(promotional)
    assert (seen["opted_out"], [code for code, _, _ in seen["skipped"]]) == (1, ["possible_opt_out"])
    assert texting.queue(campaign=transactional).status == "queued"
    other = texting.person("+14155550111")
    assert texting.queue(to=other.number, program=program).status == "queued"


def test_a_person_can_still_reply_and_is_told(texting: Texting) -> None:
    texting.receive(WISH)
    assert texting.queue(as_member=texting.rob).status == "queued"
    assert texting.queue().status == "queued"  # a request of an integration is transactional
    codes = [code for code, _ in plan_text(request=texting.request(as_member=texting.rob)).warnings]
    assert "possible_opt_out" in codes


@pytest.mark.parametrize(
    ("decision", "status"), [("", "blocked"), ("dismissed", "sending"), ("opted_out", "blocked")]
)
def test_what_was_queued_before_the_wish_is_held_at_the_claim(
    texting: Texting, decision: str, status: str
) -> None:
    campaign, program = campaign_of(texting), texting.program()
    texts = [texting.queue("One", campaign=campaign), texting.queue("Two", program=program)]
    manual = texting.queue("Three", as_member=texting.rob)
    texting.receive(WISH)
    if decision:
        possible_opt_outs.decide(conversation=texting.conversation(), decision=decision, by=texting.rob)
    for _ in range(3):  # people's texts go before bulk
        claim_all()
    for text in texts:
        text.refresh_from_db()
        assert text.status == status
        if not decision:
            assert (text.error_code, "decide in the inbox" in text.error_text) == ("possible_opt_out", True)
    manual.refresh_from_db()
    assert manual.status == ("blocked" if decision == "opted_out" else "sending")


def test_the_thread_says_so_once(texting: Texting) -> None:
    texting.receive(WISH)
    texting.receive("take me off your list")
    assert wish(texting).words == WISH
    flags = TimelineEntry.objects.for_org(texting.org).filter(kind="flag")
    assert [row.text for row in flags] == [
        "May have opted out: promotional messages are held until someone decides."
    ]
    assert not OptOut.objects.for_org(texting.org).exists()


@pytest.mark.parametrize(
    "body", ["Please stop by the office", "I can't stop laughing", "don't stop", "STOP", "HELP"]
)
def test_what_only_looks_like_a_wish_holds_nothing(texting: Texting, body: str) -> None:
    texting.receive(body)
    assert not PossibleOptOut.objects.for_org(texting.org).exists()
    assert not TimelineEntry.objects.for_org(texting.org).filter(kind="flag").exists()


def test_who_opted_out_already_and_robots_need_no_decision(texting: Texting) -> None:
    texting.receive("This is an automated message. Please stop texting me.")
    texting.receive("STOP")
    texting.receive(WISH)
    assert not PossibleOptOut.objects.for_org(texting.org).exists()


def test_opt_out_is_recorded_as_their_own_stop_and_the_log_names_who_decided(texting: Texting) -> None:
    texting.receive(WISH)
    possible_opt_outs.decide(conversation=texting.conversation(), decision="opted_out", by=texting.rob)
    assert consent.opted_out(org=texting.org, number=CONTACT) == "all"
    entry = ConsentEntry.objects.for_org(texting.org).get()
    assert (entry.what, entry.words, entry.member, entry.language) == ("opt_out", WISH, texting.rob, "en")
    assert (wish(texting).decision, wish(texting).decided_by) == ("opted_out", texting.rob)
    assert AuditEntry.objects.for_org(texting.org).filter(action="possible_opt_out.decided").count() == 1
    assert texting.answers() == []
    texting.receive("START")
    assert consent.opted_out(org=texting.org, number=CONTACT) == frozenset()


def test_dismissing_releases_and_a_new_wish_holds_again(texting: Texting) -> None:
    campaign = campaign_of(texting)
    texting.receive(WISH)
    possible_opt_outs.decide(conversation=texting.conversation(), decision="dismissed", by=texting.rob)
    assert code_for(texting, campaign) == ""
    texting.receive("I said no more messages!")
    assert code_for(texting, campaign) == "possible_opt_out"


@pytest.mark.parametrize("decision", ["opted_out", "dismissed"])
def test_a_decision_can_be_taken_back_by_who_made_it_or_an_admin(texting: Texting, decision: str) -> None:
    texting.receive(WISH)
    talk = texting.conversation()
    possible_opt_outs.decide(conversation=talk, decision=decision, by=texting.rob)
    with pytest.raises(NotFound):
        possible_opt_outs.undo(conversation=talk, by=texting.tim)
    possible_opt_outs.undo(conversation=talk, by=texting.admin)
    assert wish(texting).decided_at is None
    assert not OptOut.objects.for_org(texting.org).exists()
    assert code_for(texting, campaign_of(texting)) == "possible_opt_out"


def test_a_stop_since_then_stays(texting: Texting) -> None:
    texting.receive(WISH)
    talk = texting.conversation()
    possible_opt_outs.decide(conversation=talk, decision="opted_out", by=texting.rob)
    texting.receive("STOP")
    with pytest.raises(DomainError, match="opted out since"):
        possible_opt_outs.undo(conversation=talk, by=texting.rob)
    assert consent.opted_out(org=texting.org, number=CONTACT) == "all"


@pytest.mark.parametrize("body", ["STOP", "START", "yes I want your messages", "PIZZA"])
def test_what_they_say_later_decides(texting: Texting, body: str) -> None:
    texting.program()
    texting.receive(WISH)
    texting.receive(body)
    assert wish(texting).decision == ("opted_out" if body == "STOP" else "withdrawn")
    with pytest.raises(DomainError, match="meanwhile"):
        possible_opt_outs.decide(conversation=texting.conversation(), decision="dismissed", by=texting.rob)


@pytest.mark.parametrize("body", ["YES", "ok", "thanks"])
def test_a_yes_may_answer_a_question_of_ours_and_clears_nothing(texting: Texting, body: str) -> None:
    texting.receive(WISH)
    texting.receive(body)
    assert wish(texting).decided_at is None


def test_a_wish_holds_the_number_whichever_of_our_numbers_it_was_texted_to(texting: Texting) -> None:
    """The other conversation shows no banner: its words may not be for its readers."""
    other = make_sender(texting.org, "+14155550135")
    texting.receive(WISH, to=other.value)
    texting.receive("Hello")
    assert code_for(texting, campaign_of(texting)) == "possible_opt_out"
    assert possible_opt_outs.undecided(texting.conversation()) is None
    consent.opt_out(org=texting.org, number=CONTACT, scope="org", source="manual", member=texting.admin)
    assert wish(texting).decision == "opted_out"


def test_a_senders_opt_out_decides_only_the_wishes_to_it(texting: Texting) -> None:
    other = make_sender(texting.org, "+14155550135")
    texting.receive(WISH)
    texting.receive(WISH, to=other.value)
    consent.opt_out(org=texting.org, number=CONTACT, scope="sender", source="manual", sender=other)
    left = PossibleOptOut.objects.for_org(texting.org).get(decided_at=None)
    assert left.conversation.sender == texting.sender


def test_another_orgs_wish_holds_nothing_here(texting: Texting) -> None:
    outsiders = Texting("Outsiders")
    outsiders.receive(WISH)
    assert code_for(texting, campaign_of(texting)) == ""
    with pytest.raises(NotFound):
        possible_opt_outs.decide(conversation=_opened(texting), decision="opted_out", by=texting.rob)


def _opened(texting: Texting) -> Any:
    texting.receive("Hello")
    return texting.conversation()


# --- On screens and over the API -----------------------------------------------------------------------


def test_the_thread_has_two_buttons_and_the_folder_a_count(texting: Texting) -> None:
    texting.receive(WISH)
    talk = texting.conversation()
    rob = visit(texting.rob)
    page = rob.get(f"/inbox/{talk.pk}/?folder=possible_opt_outs").content.decode()
    assert "may have opted out" in page and "Not an opt-out" in page
    assert 'aria-label="1 to decide"' in page
    rob.post(f"/inbox/{talk.pk}/possible-opt-out", {"decision": "dismissed"})
    page = rob.get(f"/inbox/{talk.pk}/?folder=possible_opt_outs").content.decode()
    assert "Marked as not an opt-out" in page and "to decide" not in page
    assert "Rob marked this as not an opt-out" in page
    rob.post(f"/inbox/{talk.pk}/possible-opt-out", {"decision": "undo"})
    assert wish(texting).decided_at is None
    assert rob.post(f"/inbox/{talk.pk}/possible-opt-out", {"decision": "x"}).status_code == 400


def test_the_api_shows_filters_and_decides(texting: Texting) -> None:
    texting.receive(WISH)
    texting.receive("Hello", sender="+14155550177")
    api, pk = Api(texting.org), texting.conversation().pk
    for query in ("folder=possible_opt_outs", "possible_opt_out=true"):
        [row] = api.get(f"/conversations?{query}")["results"]
        assert row["id"] == str(pk) and row["possible_opt_out"]["words"] == WISH
    [row] = api.get("/conversations?possible_opt_out=false")["results"]
    assert row["possible_opt_out"] is None
    changed = api.patch(f"/conversations/{pk}", {"possible_opt_out_decision": "opted_out"})
    assert changed["possible_opt_out"] is None
    assert consent.opted_out(org=texting.org, number=CONTACT) == "all"
    again = api.patch(f"/conversations/{pk}", {"possible_opt_out_decision": "dismissed"}, expect=422)
    assert again["code"] == "already_decided"
    api.patch(f"/conversations/{pk}", {"possible_opt_out_decision": "undo"})
    assert consent.opted_out(org=texting.org, number=CONTACT) == frozenset()


@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_the_second_is_told_who_decided() -> None:
    texting = Texting()
    texting.receive(WISH)
    talk, refusals = texting.conversation(), []
    both = threading.Barrier(2)

    def run(member: Any, decision: str) -> None:
        both.wait()
        try:
            possible_opt_outs.decide(conversation=talk, decision=decision, by=member)
        except DomainError as error:
            refusals.append(error.text)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=run, args=(texting.rob, "opted_out")),
        threading.Thread(target=run, args=(texting.tim, "dismissed")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [text] = refusals
    row = PossibleOptOut.objects.for_org(texting.org).get()
    assert row.decided_by is not None and text.startswith(row.decided_by.name)
    assert OptOut.objects.for_org(texting.org).exists() is (row.decision == "opted_out")
