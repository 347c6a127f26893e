"""Wishes to stop in one's own words, and what only looks like one (field: Consent)."""

import pytest

from messaging.stop_wishes import stop_wish_in, wants_messages_again

WISHES = {
    "en": [
        "please stop texting me", "Stop texting me", "stop please", "STOP PLEASE!!", "UNSUBSCRIBE me", "Stop. Thank you",
        "STOP\n\nJohn Smith\nAcme Inc.", "STOP\nSent from my iPhone", "take me off your list", "Take me off this list",
        "remove me from your list please", "Please remove my number", "no more messages", "No more texts please",
        "don't text me", "Do not contact me again", "DONT TEXT THIS NUMBER", "I don't want these messages anymore",
        "I do not wish to receive any more texts", "how do I unsubscribe?", "I want to opt out", "opt me out",
        "please unsubscribe me from this", "leave me alone", "quit messaging me", "stop sending me this", "Please stop",
        "never text me again", "Stop messaging this number", "can you stop sending messages", "Remove me",
        "Ok I get it, but please stop texting me", "Don't stop calling... kidding, stop texting me",
        "stop with the texts", "no more spam", "please don’t send me any more offers", "Delete my number",
    ],
    "de": [
        "nicht mehr schreiben", "Bitte nicht mehr schreiben", "Schreiben Sie mir nicht mehr", "bitte stopp",
        "Keine Nachrichten mehr", "Bitte keine SMS mehr schicken", "Hören Sie auf mir zu schreiben",
        "Löschen Sie meine Nummer", "Ich möchte mich abmelden", "Lassen Sie mich in Ruhe", "Keine Werbung bitte",
        "Schickt mir nichts mehr", "Melden Sie mich bitte ab", "Nehmt mich von der Liste",
    ],
    "fr": [
        "Ne m'écrivez plus", "arrêtez de m'envoyer des messages", "Arrête de m’écrire", "stop svp", "Plus de messages",
        "Je ne veux plus recevoir de SMS", "Retirez-moi de votre liste", "Supprimez mon numéro",
        "Je veux me désabonner", "Désabonnez-moi", "Laissez-moi tranquille", "Cessez vos messages", "ne m'envoyez plus rien",
    ],
    "es": [
        "No me escriban más", "dejen de enviarme mensajes", "Deje de escribirme", "No quiero más mensajes",
        "no más mensajes", "Quítenme de su lista", "borren mi número", "quiero darme de baja", "basta por favor",
        "Déjenme en paz", "No me manden más mensajes", "no me envíe nada",
    ],
    "pt": [
        "Pare de me enviar mensagens", "parem de mandar mensagens", "Não quero mais mensagens", "não me envie mais nada",
        "Chega de mensagens", "Remova meu número", "Retire-me da lista", "cancelar inscrição", "Me deixe em paz",
        "sair por favor", "não me mandem mais mensagens",
    ],
    "it": [
        "Non scrivetemi più", "Smettetela di scrivermi", "basta messaggi", "Non voglio più messaggi", "niente più messaggi",
        "Cancellatemi dalla lista", "Rimuovete il mio numero", "vorrei cancellarmi", "Lasciatemi in pace",
        "stop grazie", "Non mandatemi più sms",
    ],
}  # fmt: skip
OTHERS = [
    "please stop by the office", "I can't stop laughing", "don't stop", "Don't stop texting me!", "Stop by at 5",
    "the bus stops here", "next stop is Main St", "I'll stop in tomorrow", "We had to stop for gas",
    "When does the bus stop running?", "My car won't stop making noise", "no more questions, thanks",
    "Is the pickup at the bus stop?", "Can you text me at 5?", "Don't text me at work, call instead",
    "please don't text me before 9am", "Take it off the list", "can you remove the fees from my bill", "hello there",
    "I don't want the blue one", "What does “Reply STOP to get no more messages” mean?", "Stopped by yesterday",
    "My internet did stop working", "I need to cancel my appointment", "end of the month works", "No thanks", "not now",
    "Not interested", "I never got your message", "Please send no more than 3 boxes",
    "Ich kann heute nicht mehr schreiben, bis morgen", "Hör nicht auf!", "Ich habe nichts mehr gehört",
    "Keine Ahnung", "Ich konnte nicht mehr schreiben", "N'arrêtez pas", "Je ne peux plus venir", "plus de détails svp",
    "L'arrêt de bus est fermé", "No pares", "la parada de autobús", "No me escribas antes de las 9",
    "más información por favor",
    "não consigo parar de rir", "Não pare", "mais informações por favor", "Non smettere", "più informazioni",
    "fermata del bus",
    "quit smoking was hard", "stop", "STOP ALL", "Stop 🙏", "", "👍",
]  # fmt: skip
AGAIN = [
    "yes I want", "Yes, I want your texts", "I want to keep getting messages", "please keep texting me", "resubscribe me",
    "opt me back in", "Ja, ich möchte Nachrichten", "oui je veux", "sí quiero", "Quiero recibir mensajes",
    "sim quero", "Quero continuar recebendo mensagens", "sì voglio", "Voglio ricevere i messaggi",
]  # fmt: skip


@pytest.mark.parametrize(("language", "body"), [(name, body) for name in WISHES for body in WISHES[name]])
def test_a_reasonable_wish_is_recognized(language: str, body: str) -> None:
    assert stop_wish_in(body), body
    assert not wants_messages_again(body)


@pytest.mark.parametrize("body", OTHERS)
def test_what_only_looks_like_one_is_none(body: str) -> None:
    assert stop_wish_in(body) == ""


@pytest.mark.parametrize("body", AGAIN)
def test_who_wants_messages_again_says_so(body: str) -> None:
    assert wants_messages_again(body), body
    assert stop_wish_in(body) == ""


@pytest.mark.parametrize(
    "body", ["yes", "yes I want to", "I want to stop", "no", "yes I want to unsubscribe", "ja"]
)
def test_an_unclear_yes_clears_nothing(body: str) -> None:
    assert not wants_messages_again(body)


def test_a_long_text_is_read_in_no_time() -> None:
    import time

    began = time.perf_counter()
    for filler in ("no more of a ", "do not want a ", "remove a b c ", "a", "stop a "):
        stop_wish_in(filler * 2000)
    assert time.perf_counter() - began < 1
