"""The mail server's letter box: one row for each recipient of each mail."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from simulator import clock
from simulator.storage import Storage

INSERT = "INSERT INTO mails VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Mail:
    id: int
    to: str
    sender: str
    subject: str
    text: str
    html: str
    source: str
    received: float

    def as_json(self) -> dict[str, str]:
        return {
            "to": self.to,
            "from": self.sender,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "received_at": clock.iso(self.received),
        }


class Mailbox:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._mails = [Mail(*row) for row in storage.rows("SELECT * FROM mails ORDER BY id")]

    def take(self, recipient: str, envelope_sender: str, source: bytes) -> None:
        """Keep a mail. `to` is the envelope's recipient, whatever the mail's own To line says."""
        parsed = message_from_bytes(source, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        last = self._mails[-1] if self._mails else None
        mail = Mail(
            id=last.id + 1 if last else 1,
            to=recipient,
            sender=str(parsed.get("From") or envelope_sender),
            subject=str(parsed.get("Subject") or ""),
            text=_part(parsed, "plain"),
            html=_part(parsed, "html"),
            source=source.decode("utf-8", "replace"),
            received=max(clock.now(), last.received if last else 0),
        )
        self._mails.append(mail)
        self._storage.write(
            INSERT,
            (
                mail.id, mail.to, mail.sender, mail.subject, mail.text, mail.html, mail.source, mail.received,
            ),
        )  # fmt: skip

    def since(self, moment: float) -> Sequence[Mail]:
        start = bisect_left(self._mails, moment, key=lambda mail: mail.received)
        return self._mails[start:]

    def newest_first(self, to: str = "", limit: int = 200) -> list[Mail]:
        wanted = to.casefold()
        found = (mail for mail in reversed(self._mails) if wanted in mail.to.casefold())
        return [mail for _, mail in zip(range(limit), found, strict=False)]

    def find(self, mail_id: int) -> Mail | None:
        position = bisect_left(self._mails, mail_id, key=lambda mail: mail.id)
        found = self._mails[position] if position < len(self._mails) else None
        return found if found and found.id == mail_id else None

    def count(self) -> int:
        return len(self._mails)

    def clear(self) -> None:
        self._mails = []
        self._storage.write("DELETE FROM mails")


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
