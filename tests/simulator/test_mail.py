"""Mail by SMTP, its list, and its pages."""

import smtplib
from email.message import EmailMessage

import pytest
import requests

from tests.simulator.running import RunningSimulator


def build_mail(**headers: str) -> EmailMessage:
    mail = EmailMessage()
    lines = {"From": "Callsign <no-reply@callsign.test>", "To": "team@callsign.test", "Subject": "Neu: Grüße"}
    for name, value in (lines | headers).items():
        mail[name] = value
    mail.set_content("A text from Ann — «hé»")
    mail.add_alternative("<p>A text from <b>Ann</b></p><script>alert(1)</script>", subtype="html")
    return mail


def deliver(simulator: RunningSimulator, *recipients: str, mail: EmailMessage | None = None) -> None:
    with smtplib.SMTP("127.0.0.1", simulator.smtp_port, timeout=10) as server:
        server.send_message(mail or build_mail(), to_addrs=list(recipients))


def test_each_recipient_of_the_envelope_is_a_row(simulator: RunningSimulator) -> None:
    deliver(simulator, "ann@callsign.test", "bob@callsign.test")
    first, second = simulator.get("/_sim/mail")["mails"]
    assert (first["to"], second["to"]) == ("ann@callsign.test", "bob@callsign.test")
    assert set(first) == {"to", "from", "subject", "text", "html", "received_at"}
    assert first["from"] == "Callsign <no-reply@callsign.test>"
    assert first["subject"] == "Neu: Grüße"
    assert first["text"].strip() == "A text from Ann — «hé»"
    assert "<b>Ann</b>" in first["html"]


def test_mails_are_listed_since_a_moment(simulator: RunningSimulator) -> None:
    deliver(simulator, "ann@callsign.test")
    deliver(simulator, "bob@callsign.test")
    first, second = simulator.get("/_sim/mail")["mails"]
    assert simulator.get("/_sim/mail", since=second["received_at"])["mails"] == [second]
    assert simulator.get("/_sim/mail", since=first["received_at"])["mails"] == [first, second]


def test_a_plain_mail_has_no_html(simulator: RunningSimulator) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Plain"
    mail.set_content("Only words")
    deliver(simulator, "ann@callsign.test", mail=mail)
    [held] = simulator.get("/_sim/mail")["mails"]
    assert (held["text"].strip(), held["html"]) == ("Only words", "")


@pytest.mark.parametrize(("address", "code"), [("refuse@callsign.test", 550), ("busy-1@callsign.test", 451)])
def test_some_addresses_are_turned_away(simulator: RunningSimulator, address: str, code: int) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        deliver(simulator, address)
    assert refused.value.recipients[address][0] == code
    assert simulator.get("/_sim/mail") == {"mails": []}


def test_the_page_lists_mails_and_opens_one_safely(simulator: RunningSimulator) -> None:
    deliver(simulator, "ann@callsign.test", mail=build_mail(Subject="<i>Hi</i>"))
    rows = simulator.page("/mail/rows?to=ANN")
    assert "ann@callsign.test" in rows and "&lt;i&gt;Hi&lt;/i&gt;" in rows and "<i>" not in rows
    assert "No mail matches" in simulator.page("/mail?to=nobody")
    assert "sandbox=" in simulator.page("/mail/1") and "alert(1)" not in simulator.page("/mail/1")
    html = requests.get(simulator.url + "/mail/1/html", timeout=10)
    assert html.headers["Content-Security-Policy"].startswith("sandbox allow-popups")
    assert requests.get(simulator.url + "/mail/99", timeout=10).status_code == 404


def test_reset_empties_the_letter_box(simulator: RunningSimulator) -> None:
    deliver(simulator, "ann@callsign.test")
    simulator.post("/_sim/reset")
    assert simulator.get("/_sim/mail") == {"mails": []}


def test_mails_survive_a_restart(own_simulator: RunningSimulator) -> None:
    deliver(own_simulator, "ann@callsign.test")
    before = own_simulator.get("/_sim/mail")
    own_simulator.stop()
    own_simulator.start()
    assert own_simulator.get("/_sim/mail") == before
