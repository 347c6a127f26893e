"""Programs: joining, double opt-in, the auto-responder, its modes, whom it never answers."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from messaging import programs
from messaging.models import ConsentEntry, Message, OptOut, Program, Subscription
from messaging.programs import save_program
from tenants.errors import DomainError
from tests.texting import CONTACT, Texting
from tests.world import give, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def texting() -> Texting:
    return Texting()


def state(texting: Texting, program: Program) -> str | None:
    row = Subscription.objects.for_org(texting.org).filter(program=program, contact=texting.contact).first()
    return row.state if row else None


def refused(code: str):  # type: ignore[no-untyped-def]
    return pytest.raises(DomainError, check=lambda error: error.code == code)


# --- Setting up ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"name": "  "}, "name", "required"),
        ({"keywords": [{"word": "!!!"}]}, "keywords", "invalid"),
        ({"keywords": [{"word": "x" * 41}]}, "keywords", "invalid"),
        ({"keywords": [{"word": "Stop"}]}, "keywords", "keyword_reserved"),
        ({"keywords": [{"word": "arrêt"}]}, "keywords", "keyword_reserved"),
        ({"keywords": [{"word": "HELP"}]}, "keywords", "keyword_reserved"),
        ({"texts": {"goodbye": "x"}}, "texts", "invalid"),
        ({"texts": {"welcome": "x" * 1601}}, "texts.welcome", "body_too_long"),
    ],
)
def test_what_is_wrong_names_its_field(
    texting: Texting, fields: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(DomainError) as error:
        save_program(org=texting.org, **({"name": "Pizza"} | fields))
    assert (error.value.field, error.value.code) == (field, code)
    assert not Program.objects.for_org(texting.org).exists()


@pytest.mark.parametrize("word", ["JOIN", "Yes", "START"])
def test_a_start_word_may_be_a_keyword(texting: Texting, word: str) -> None:
    program = texting.program(keywords=word)
    texting.receive(word)
    assert state(texting, program) == "active"


def test_a_name_is_its_own(texting: Texting) -> None:
    program = texting.program()
    with refused("duplicate"):
        save_program(org=texting.org, name=" Pizza ")
    assert save_program(org=texting.org, name="Pizza", program=program).pk == program.pk


def test_a_keyword_is_unique_per_sender(texting: Texting) -> None:
    texting.program("Pizza", "PIZZA")
    with refused("keyword_taken"):
        texting.program("Pasta", "pasta Pízza!")
    elsewhere = make_sender(texting.org, "+14155550135")
    assert texting.program("Pasta two", "pizza", on=elsewhere)


def test_a_keyword_is_unique_also_when_it_is_changed_or_the_sender_assigned(texting: Texting) -> None:
    texting.program("Pizza", "PIZZA")
    pasta = texting.program("Pasta", "PASTA")
    with refused("keyword_taken"):
        save_program(org=texting.org, name="Pasta", program=pasta, keywords=[{"word": "pizza"}])
    assert [k.word for k in pasta.keywords.all()] == ["PASTA"]
    elsewhere = make_sender(texting.org, "+14155550135")
    other = texting.program("Other", "pizza", on=elsewhere)
    with refused("keyword_taken"):
        give(texting.sender, other)


# --- Joining -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["PIZZA", " pizza! ", "Pízza", "“Pizza”"])
def test_a_keyword_in_any_dress_joins(texting: Texting, body: str) -> None:
    program = texting.program(texts={"welcome": "Ciao!"})
    text = texting.receive(body)
    assert text is not None and text.program == program
    assert (state(texting, program), texting.answers()) == ("active", ["Ciao!"])
    assert ConsentEntry.objects.for_org(texting.org).get().what == "consent"


def test_a_keyword_in_a_sentence_does_not_join(texting: Texting) -> None:
    program = texting.program()
    texting.receive("I like pizza")
    assert (state(texting, program), texting.answers()) == (None, [])


def test_who_has_joined_is_told_so(texting: Texting) -> None:
    texting.program(texts={"welcome": "Ciao!", "already_joined": "You are in."})
    texting.receive("PIZZA")
    texting.receive("PIZZA")
    assert texting.answers() == ["Ciao!", "You are in."]


def test_double_opt_in_asks_and_yes_confirms(texting: Texting) -> None:
    program = texting.program(opt_in="double", texts={"confirm": "Sure?", "welcome": "Ciao!"})
    texting.receive("PIZZA")
    assert (state(texting, program), texting.answers()) == ("pending", ["Sure?"])
    assert not ConsentEntry.objects.for_org(texting.org).exists()
    text = texting.receive("Yes!")
    assert text is not None and text.program == program
    assert (state(texting, program), texting.answers()) == ("active", ["Sure?", "Ciao!"])
    assert ConsentEntry.objects.for_org(texting.org).get().program == program


@pytest.mark.parametrize("body", ["no", "yes please", "maybe"])
def test_only_yes_confirms(texting: Texting, body: str) -> None:
    program = texting.program(opt_in="double")
    texting.receive("PIZZA")
    texting.receive(body)
    assert state(texting, program) == "pending"


@pytest.mark.parametrize(("hours", "joined"), [(23.9, "active"), (24.1, "pending")])
def test_yes_confirms_within_24_hours(texting: Texting, time_machine: Any, hours: float, joined: str) -> None:
    program, start = texting.program(opt_in="double"), timezone.now()
    time_machine.move_to(start, tick=False)
    texting.receive("PIZZA")
    time_machine.move_to(start + timedelta(hours=hours), tick=False)
    texting.receive("YES")
    assert state(texting, program) == joined


def test_asking_again_starts_the_time_anew(texting: Texting, time_machine: Any) -> None:
    program, start = texting.program(opt_in="double"), timezone.now()
    for hours, body in ((0, "PIZZA"), (20, "PIZZA"), (40, "YES")):
        time_machine.move_to(start + timedelta(hours=hours), tick=False)
        texting.receive(body)
    assert state(texting, program) == "active"


def test_yes_confirms_the_one_that_asked_though_another_was_joined_since(texting: Texting) -> None:
    pizza, pasta = texting.program("Pizza", "PIZZA", opt_in="double"), texting.program("Pasta", "PASTA")
    texting.receive("PIZZA")
    texting.receive("PASTA")
    text = texting.receive("YES")
    assert (state(texting, pizza), state(texting, pasta)) == ("active", "active")
    assert text is not None and text.program == pizza


def test_yes_undoes_an_opt_out_then_confirms_and_one_reply_names_both(texting: Texting) -> None:
    """Field, Consent: a START that lifted something goes on to programs."""
    program = texting.program(opt_in="double")
    texting.receive("STOP")
    texting.receive("PIZZA")
    text = texting.receive("YES")
    assert state(texting, program) == "active"
    assert text is not None and text.program == program
    assert "again" in texting.answers()[-1] and "welcome" in texting.answers()[-1]


def test_join_after_a_stop_is_opted_in_and_joins(texting: Texting) -> None:
    """Field, Consent: JOIN is a START word and the program's keyword; its YES was met by silence."""
    program = texting.program("News", "JOIN", opt_in="double")
    texting.receive("STOP")
    texting.receive("JOIN")
    assert not OptOut.objects.for_org(texting.org).exists()
    assert state(texting, program) == "pending"
    assert "again" in texting.answers()[-1] and "YES" in texting.answers()[-1]
    texting.receive("YES")
    assert state(texting, program) == "active"
    assert "welcome" in texting.answers()[-1]


def test_stop_leaves(texting: Texting) -> None:
    program = texting.program(texts={"stop": "Arrivederci."})
    texting.receive("PIZZA")
    texting.receive("STOP")
    assert state(texting, program) == "ended"
    assert texting.answers()[-1] == "Arrivederci."


def test_help_is_the_programs_own(texting: Texting) -> None:
    texting.program(texts={"help": "Text PIZZA for pizza."})
    texting.receive("PIZZA")
    texting.receive("help")
    assert texting.answers()[-1] == "Text PIZZA for pizza."


def test_a_programs_word_on_another_sender_is_just_a_text(texting: Texting) -> None:
    program = texting.program()
    other = make_sender(texting.org, "+14155550135")
    text = texting.receive("PIZZA", to=other.value)
    assert text is not None and text.program is None
    assert state(texting, program) is None


def test_an_inactive_program_takes_nobody(texting: Texting) -> None:
    program = texting.program()
    Program.objects.for_org(texting.org).filter(pk=program.pk).update(is_active=False)
    text = texting.receive("PIZZA")
    assert text is not None and text.program is None


# --- The auto-responder --------------------------------------------------------------------------------

AUTO = {"auto_reply": "Nobody reads this number."}


def automation(texting: Texting, mode: str = "reply_and_notify", **fields: Any) -> Program:
    return texting.program("Alarms", "", opt_in="none", mode=mode, **({"texts": AUTO} | fields))


@pytest.mark.parametrize(
    ("mode", "answered", "first_told", "second_told"),
    [
        ("reply_only", True, False, False),
        ("reply_and_notify", True, True, True),
        ("reply_then_notify", True, False, True),
        ("notify_only", False, True, True),
    ],
)
def test_a_mode_says_who_is_answered_and_told(
    texting: Texting, mode: str, answered: bool, first_told: bool, second_told: bool
) -> None:
    program = automation(texting, mode)
    first, second = texting.receive("Who is this?"), texting.receive("Hello?")
    assert first is not None and second is not None
    assert (first.program, second.program) == (program, program)
    assert texting.answers() == ([AUTO["auto_reply"]] if answered else [])
    assert (first.hushed == "", second.hushed == "") == (first_told, second_told)


def test_it_answers_once_a_day(texting: Texting, time_machine: Any) -> None:
    automation(texting)
    start = timezone.now()
    for hours in (0, 1, 23.9, 24.1, 30):
        time_machine.move_to(start + timedelta(hours=hours), tick=False)
        texting.receive("Hello?")
    assert texting.answers() == [AUTO["auto_reply"]] * 2


def test_each_contact_is_answered(texting: Texting) -> None:
    automation(texting)
    texting.receive("Hello?")
    texting.receive("Hello?", sender="+14155550177")
    assert len(texting.answers()) == 2


@pytest.mark.parametrize(
    "body",
    [
        "Auto-reply: I am on holiday",
        "AUTORESPONSE",
        "I'm out of office until Monday",
        "Out of the office",
        "This is an automatic reply",
        "Automatische Antwort: ich bin weg",
        "Réponse automatique",
        "Abwesenheitsnotiz",
        "Please do not reply to this message",
        "noreply",
        "Automated message",
    ],
)
def test_what_looks_automatic_is_not_answered(texting: Texting, body: str) -> None:
    automation(texting)
    text = texting.receive(body)
    assert text is not None and text.program is not None
    assert texting.answers() == []


def test_the_orgs_own_number_is_not_answered(texting: Texting) -> None:
    automation(texting)
    own = make_sender(texting.org, "+14155550135")
    texting.receive("Hello?", sender=own.value)
    assert texting.answers() == []


def test_a_short_code_is_not_answered(texting: Texting) -> None:
    automation(texting)
    texting.receive("Hello?", sender="40404")
    assert texting.answers() == []


def test_an_answer_is_automation_on_the_conversations_own_sender(texting: Texting) -> None:
    program = automation(texting)
    texting.receive("Hello?")
    answer = Message.objects.for_org(texting.org).get(direction="outbound")
    assert (answer.origin, answer.program, answer.sender, answer.rule) == (
        "program",
        program,
        texting.sender,
        "conversation",
    )
    conversation = texting.conversation()
    assert conversation.last_human is None
    assert conversation.waiting_since is not None, "automation ends no waiting"
    assert conversation.program == program


def test_a_live_subscription_goes_before_the_no_response_program(texting: Texting) -> None:
    automation(texting)
    pizza = texting.program()
    texting.receive("PIZZA")
    text = texting.receive("Is it hot?")
    assert text is not None and text.program == pizza


def test_an_outsiders_program_does_not_answer_here(texting: Texting) -> None:
    automation(Texting("Outsiders"))
    text = texting.receive("Hello?")
    assert text is not None and text.program is None
    assert texting.answers() == []


def test_one_that_spoke_is_switched_off_and_another_deleted(texting: Texting) -> None:
    spoke, silent = automation(texting), texting.program()
    texting.receive("Hello?")
    for program in (spoke, silent):
        programs.end_program(program=program)
    assert list(Program.objects.for_org(texting.org).values_list("name", "is_active")) == [("Alarms", False)]
    assert programs.senders_of(spoke) == []
    assert CONTACT
