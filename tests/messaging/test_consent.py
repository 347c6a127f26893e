"""STOP, START and HELP; who may not be texted; the consent log."""

import csv
from datetime import timedelta

import pytest
from django.utils import timezone

from messaging import consent
from messaging.consent import DATA, fold, keyword_in, mentions_stop
from messaging.models import ConsentEntry, Message, OptOut, Subscription, TimelineEntry
from tests.texting import CONTACT, Texting
from tests.world import give, make_sender

with (DATA / "optout_keywords.csv").open(newline="") as file:
    WORDS = [(row["keyword"], row["action"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(("word", "action"), WORDS)
def test_every_word_of_the_table_acts_in_any_dress(word: str, action: str) -> None:
    for dressed in (word, word.lower(), f" {word.title()}! ", f"“{word}”.", f"{word}\n"):
        found = keyword_in(dressed)
        assert found is not None and found.action == action, dressed


@pytest.mark.parametrize(
    ("body", "action"),
    [
        ("arrêt", "stop"),
        ("ARRÊT!!!", "stop"),
        ("Stop.", "stop"),
        ("S.T.O.P", "stop"),
        ("ｓｔｏｐ", "stop"),
        ("opt-out", "stop"),
        ("opt  out", "stop"),
        ("stop all", "stop"),
        ("STOP 🙏", "stop"),
        ("yes!", "start"),
        ("please stop", None),
        ("stop please", None),
        ("stopped", None),
        ("", None),
        ("!!!", None),
        ("no", None),
        ("Don't stop", None),
        ("help me", None),
    ],
)
def test_only_the_whole_message_counts(body: str, action: str | None) -> None:
    found = keyword_in(body)
    assert (found.action if found else None) == action


def test_only_stopall_is_everywhere() -> None:
    everywhere = {word for word, keyword in consent.keywords().items() if keyword.everywhere}
    assert everywhere == {"STOPALL", "STOP ALL"}


@pytest.mark.parametrize(
    ("body", "flagged"),
    [
        ("please stop texting me", True),
        ("Unsubscribe me", True),
        ("STOP", False),
        ("stop all", False),
        ("Opt out", False),
        ("the bus stops here", False),
        ("hello there", False),
    ],
)
def test_stop_inside_a_sentence_is_flagged_and_a_keyword_is_not(body: str, flagged: bool) -> None:
    assert mentions_stop(body) is flagged


def test_folding_drops_capitals_accents_and_punctuation() -> None:
    assert fold("  Ça  va, l'été ?") == "CA VA LETE"


# --- In the database -----------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


@pytest.fixture
def texting() -> Texting:
    return Texting()


def scopes(texting: Texting) -> set[str]:
    return set(OptOut.objects.for_org(texting.org).values_list("scope", flat=True))


@pytest.mark.parametrize(
    ("setting", "body", "scope"),
    [
        ("org", "STOP", "org"),
        ("sender", "STOP", "sender"),
        ("program", "STOP", "program"),
        ("sender", "STOPALL", "org"),
        ("program", "stop all", "org"),
    ],
)
def test_a_stop_has_the_scope_the_org_chose_and_stopall_is_org_wide(
    texting: Texting, setting: str, body: str, scope: str
) -> None:
    texting.org.stop_scope = setting
    texting.org.save()
    texting.program()
    texting.receive("PIZZA")
    texting.receive(body)
    assert scopes(texting) == {scope}


def test_without_a_program_the_programs_scope_is_the_sender(texting: Texting) -> None:
    texting.org.stop_scope = "program"
    texting.org.save()
    texting.receive("STOP")
    assert scopes(texting) == {"sender"}


def test_who_opted_out_of_one_sender_may_be_texted_from_another(texting: Texting) -> None:
    texting.org.stop_scope = "sender"
    texting.org.save()
    other = make_sender(texting.org, "+14155550135")
    texting.receive("STOP")
    assert consent.opted_out(org=texting.org, number=CONTACT) == frozenset({texting.sender.pk})
    give(other, texting.rob)
    assert texting.queue(as_member=texting.rob).sender == other


def test_a_programs_opt_out_counts_only_for_its_own_texts(texting: Texting) -> None:
    program = texting.program()
    consent.opt_out(org=texting.org, number=CONTACT, scope="program", source="text", program=program)
    assert consent.opted_out(org=texting.org, number=CONTACT) == frozenset()
    assert consent.opted_out(org=texting.org, number=CONTACT, program_id=program.pk) == "all"
    assert consent.opted_out(org=texting.org, number="+14155550111", program_id=program.pk) == frozenset()


def test_an_opt_out_of_another_org_does_not_count(texting: Texting) -> None:
    outsiders = Texting("Outsiders")
    outsiders.receive("STOP")
    assert consent.opted_out(org=outsiders.org, number=CONTACT) == "all"
    assert consent.opted_out(org=texting.org, number=CONTACT) == frozenset()


def test_a_stop_is_answered_once_marked_and_logged_with_its_words(texting: Texting) -> None:
    first = texting.receive("Arrêt.")
    assert first is not None and first.hushed
    texting.receive("STOP")
    answers = texting.answers()
    assert len(answers) == 1 and "no more messages from us" in answers[0]
    sent = texting.conversation().messages.get(direction="outbound")
    assert (sent.origin, sent.status) == ("compliance", "queued")
    entry = ConsentEntry.objects.for_org(texting.org).earliest("at")
    assert (entry.what, entry.words, entry.language, entry.source) == ("opt_out", "Arrêt.", "fr", "text")
    assert TimelineEntry.objects.for_org(texting.org).filter(kind="opt_out").count() == 2


def test_where_the_provider_answered_already_nothing_is_sent(texting: Texting) -> None:
    texting.receive("STOP", OptOutType="STOP")
    texting.receive("HELP", OptOutType="HELP")
    assert texting.answers() == []
    assert scopes(texting) == {"org"}


@pytest.mark.parametrize("body", ["Bitte keine Nachrichten mehr", "lopeta", "👎"])
def test_the_providers_verdict_counts_whatever_the_words(texting: Texting, body: str) -> None:
    """Field, Consent: OptOutType was only used to mute us."""
    texting.receive(body, OptOutType="STOP")
    assert consent.opted_out(org=texting.org, number=CONTACT) == "all"
    help_text = texting.receive(body, OptOutType="HELP")
    assert help_text is not None and help_text.hushed.startswith("HELP")
    texting.receive(body, OptOutType="START")
    assert scopes(texting) == set()
    assert texting.answers() == []  # the provider has replied to all three


def test_a_verdict_that_is_none_of_the_three_leaves_the_words_to_decide(texting: Texting) -> None:
    texting.receive("STOP", OptOutType="")
    assert scopes(texting) == {"org"}
    assert len(texting.answers()) == 1


@pytest.mark.parametrize(("provider_answers", "answers"), [(True, 0), (False, 1)])
def test_a_stop_found_by_reconciliation_is_confirmed_only_where_the_provider_does_not(
    texting: Texting, provider_answers: bool, answers: int
) -> None:
    if provider_answers:
        texting.receive("STOP", sender="+14155550177", OptOutType="STOP")
    texting.receive("STOP", reconciled="yes")
    assert consent.opted_out(org=texting.org, number=CONTACT) == "all"
    assert len(texting.answers()) == answers


@pytest.mark.parametrize(
    ("setting", "body", "words"),
    [
        ("org", "STOP", "no more messages from us. Reply START"),
        ("sender", "STOP", "no more messages from this number. Reply START"),
        ("program", "STOP", "no more messages from Pizza. Reply START"),
        ("sender", "STOPALL", "any of our numbers. Contact us"),
    ],
)
def test_a_confirmation_says_what_was_done_and_how_to_undo_it(
    texting: Texting, setting: str, body: str, words: str
) -> None:
    """Field, Consent: STOPALL promised a START that does nothing; a sender's STOP claimed all numbers."""
    texting.org.stop_scope = setting
    texting.org.save()
    texting.program()
    texting.receive("PIZZA")
    texting.receive(body)
    assert words in texting.answers()[-1]


def test_a_stop_ends_the_subscriptions_within_its_reach(texting: Texting) -> None:
    texting.program()
    elsewhere = texting.program("Pasta", "PASTA", on=make_sender(texting.org, "+14155550135"))
    texting.receive("PIZZA")
    texting.receive("PASTA", to="+14155550135")
    texting.org.stop_scope = "sender"
    texting.org.save()
    texting.receive("STOP")
    live = Subscription.objects.for_org(texting.org).exclude(state="ended")
    assert [row.program for row in live] == [elsewhere]
    texting.receive("STOPALL")
    assert not live.all().exists()


@pytest.mark.parametrize(
    "body",
    [
        "I'm driving with Do Not Disturb While Driving turned on. I'll see your message when I get there.",
        "I’m driving right now",
        "Ich bin bis 4. Januar nicht im Büro.",
        "Je suis au volant, je vous rappelle",
    ],
)
def test_an_automatic_reply_gets_no_reply_and_reopens_nothing(texting: Texting, body: str) -> None:
    """Field, Consent: a rule kept at one caller; now in the one function of all automatic replies."""
    texting.program(texts={"auto_reply": "Nobody reads this number."}, opt_in="none")
    texting.receive("Hello")
    assert len(texting.answers()) == 1
    conversation = texting.conversation()
    type(conversation).objects.for_org(texting.org).update(status="closed", waiting_since=None)
    Message.objects.for_org(texting.org).filter(direction="outbound").delete()
    text = texting.receive(body)
    assert texting.answers() == []
    conversation = texting.conversation()
    assert (conversation.status, conversation.waiting_since) == ("closed", None)
    assert text is not None and text.hushed.startswith("Automatic reply")


def test_our_own_numbers_get_no_automatic_reply_at_all(texting: Texting) -> None:
    """Field, Consent: our own number got the welcome and HELP."""
    own = make_sender(texting.org, "+14155550135")
    texting.program()
    for body in ("HELP", "PIZZA", "STOP"):
        texting.receive(body, sender=own.value)
    assert texting.answers() == []


def test_help_is_answered_also_to_an_opted_out_number(texting: Texting) -> None:
    texting.receive("STOP")
    help_text = texting.receive("info")
    assert help_text is not None and help_text.hushed.startswith("HELP")
    assert len(texting.answers()) == 2
    assert set(
        texting.conversation().messages.filter(direction="outbound").values_list("origin", flat=True)
    ) == {"compliance"}


def test_start_undoes_and_says_so(texting: Texting) -> None:
    texting.receive("STOP")
    text = texting.receive("Start")
    assert text is not None and text.hushed.startswith("START")
    assert scopes(texting) == set()
    assert "again" in texting.answers()[-1]
    log = ConsentEntry.objects.for_org(texting.org).order_by("at").values_list("what", flat=True)
    assert list(log) == ["opt_out", "opt_in"]


def test_start_without_an_opt_out_goes_on(texting: Texting) -> None:
    text = texting.receive("START")
    assert text is not None and text.hushed == ""
    assert texting.answers() == []


def test_start_undoes_only_its_own_scope_the_narrowest_first(texting: Texting) -> None:
    other = make_sender(texting.org, "+14155550135")
    for sender in (texting.sender, other):
        consent.opt_out(org=texting.org, number=CONTACT, scope="sender", source="text", sender=sender)
    consent.opt_out(org=texting.org, number=CONTACT, scope="org", source="manual")
    texting.receive("START")
    left = OptOut.objects.for_org(texting.org)
    assert {(row.scope, row.sender_id) for row in left} == {("org", None), ("sender", other.pk)}


def test_start_undoes_a_programs_opt_out_however_old(texting: Texting, time_machine) -> None:  # type: ignore[no-untyped-def]
    texting.org.stop_scope = "program"
    texting.org.save()
    texting.program()
    texting.receive("PIZZA")
    texting.receive("STOP")
    assert scopes(texting) == {"program"}
    time_machine.move_to(timezone.now() + timedelta(days=30))
    texting.receive("START")
    assert scopes(texting) == set()


def test_start_does_not_undo_another_numbers_opt_out(texting: Texting) -> None:
    texting.receive("STOP", sender="+14155550177")
    texting.receive("START")
    assert scopes(texting) == {"org"}


def test_recording_twice_keeps_one_row_and_two_lines(texting: Texting) -> None:
    first, is_new = consent.opt_out(org=texting.org, number=CONTACT, scope="org", source="api")
    second, again = consent.opt_out(org=texting.org, number=CONTACT, scope="org", source="manual")
    assert (first.pk, is_new, again) == (second.pk, True, False)
    assert ConsentEntry.objects.for_org(texting.org).count() == 2


def test_opting_in_where_nothing_is_to_undo_logs_nothing(texting: Texting) -> None:
    assert consent.opt_in(org=texting.org, number=CONTACT, scope="org", source="text") == 0
    assert not ConsentEntry.objects.for_org(texting.org).exists()


def test_consent_is_the_newest_entry_that_is_no_opt_out(texting: Texting) -> None:
    org = texting.org
    assert not consent.has_consent(org=org, number=CONTACT)
    consent.give_consent(org=org, number=CONTACT, source="form", at=timezone.now() - timedelta(days=400))
    assert consent.has_consent(org=org, number=CONTACT)
    consent.opt_out(org=org, number=CONTACT, scope="org", source="text")
    assert not consent.has_consent(org=org, number=CONTACT)
    consent.give_consent(org=org, number=CONTACT, source="form")
    assert consent.has_consent(org=org, number=CONTACT)


def test_a_sentence_with_stop_opts_nobody_out_but_is_flagged(texting: Texting) -> None:
    text = texting.receive("Please stop texting me")
    assert text is not None and text.hushed == ""
    assert scopes(texting) == set()
    assert TimelineEntry.objects.for_org(texting.org).filter(kind="flag").count() == 1
    texting.receive("STOP ALL")
    assert TimelineEntry.objects.for_org(texting.org).filter(kind="flag").count() == 1
