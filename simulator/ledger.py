"""Every text the carrier took or brought, found by sid, number, handset and time."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simulator import clock
from simulator.storage import Storage

FINAL = frozenset({"delivered", "undelivered", "failed", "canceled", "received"})
CANCELABLE = frozenset({"accepted", "scheduled", "queued"})

INSERT = "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
UPDATE = "UPDATE messages SET status = ?, error_code = ?, body = ?, sent = ?, updated = ? WHERE seq = ?"


@dataclass(slots=True, eq=False)
class Message:
    seq: int
    sid: str
    account_sid: str
    to: str
    sender: str
    body: str
    direction: str
    status: str
    created: float
    updated: float
    sent: float | None = None
    error_code: int | None = None
    segments: int = 1
    status_callback: str = ""
    service_sid: str = ""
    media: str = ""

    @property
    def is_inbound(self) -> bool:
        return self.direction == "inbound"

    @property
    def handset(self) -> str:
        """The end of the text that is not ours."""
        return self.sender if self.direction == "inbound" else self.to

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def media_urls(self) -> list[str]:
        return self.media.split("\n") if self.media else []


class Ledger:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._forget()
        for row in storage.rows("SELECT * FROM messages ORDER BY seq"):
            self._index(Message(*row))

    def _forget(self) -> None:
        self._last_seq = 0
        self._last_created = 0.0
        self._by_sid: dict[str, Message] = {}
        self._by_account: dict[str, list[Message]] = {}
        self._by_to: dict[tuple[str, str], list[Message]] = {}
        self._by_sender: dict[tuple[str, str], list[Message]] = {}
        self._outbound: list[Message] = []
        self._inbound: list[Message] = []
        self._handsets: dict[str, list[Message]] = {}

    def next_seq(self) -> int:
        return self._last_seq + 1

    def next_moment(self) -> float:
        """Now, but never before the row before it: the ledger is searched by time."""
        return max(clock.now(), self._last_created)

    def add(self, message: Message) -> None:
        self._index(message)
        self._storage.write(
            INSERT,
            (
                message.seq, message.sid, message.account_sid, message.to, message.sender, message.body,
                message.direction, message.status, message.created, message.updated, message.sent,
                message.error_code, message.segments, message.status_callback, message.service_sid,
                message.media,
            ),
        )  # fmt: skip

    def _index(self, message: Message) -> None:
        account = message.account_sid
        self._last_seq = message.seq
        self._last_created = message.created
        self._by_sid[message.sid] = message
        self._by_account.setdefault(account, []).append(message)
        self._by_to.setdefault((account, message.to), []).append(message)
        self._by_sender.setdefault((account, message.sender), []).append(message)
        (self._inbound if message.is_inbound else self._outbound).append(message)
        # Taken out and put back, so that the handset spoken with last is the last one.
        thread = self._handsets.pop(message.handset, None) or []
        thread.append(message)
        self._handsets[message.handset] = thread

    def save(self, message: Message) -> None:
        """Keep what changed in a message: status, error, body."""
        message.updated = clock.now()
        changes = (message.status, message.error_code, message.body, message.sent, message.updated)
        self._storage.write(UPDATE, (*changes, message.seq))

    def find(self, sid: str) -> Message | None:
        return self._by_sid.get(sid)

    def is_current(self, message: Message) -> bool:
        """Whether the message is still here, for timers that outlive a reset."""
        return self._by_sid.get(message.sid) is message

    def between(self, account_sid: str, to: str | None, sender: str | None) -> Sequence[Message]:
        """Messages of an account, oldest first, in which both ends are as asked."""
        if to is None and sender is None:
            return self._by_account.get(account_sid, [])
        by_to = self._by_to.get((account_sid, to), []) if to is not None else None
        by_sender = self._by_sender.get((account_sid, sender), []) if sender is not None else None
        if by_to is None or by_sender is None:
            return by_sender if by_to is None else by_to  # type: ignore[return-value]
        if len(by_to) <= len(by_sender):
            return [message for message in by_to if message.sender == sender]
        return [message for message in by_sender if message.to == to]

    def accepted_since(self, moment: float) -> Sequence[Message]:
        """Outbound messages the carrier took at or after a moment, oldest first."""
        return _since(self._outbound, moment)

    def brought_since(self, moment: float) -> Sequence[Message]:
        """Inbound messages that handsets sent at or after a moment, oldest first."""
        return _since(self._inbound, moment)

    def unfinished(self) -> list[Message]:
        return [message for message in self._outbound if not message.is_final]

    def thread(self, handset: str) -> Sequence[Message]:
        return self._handsets.get(handset, [])

    def handsets(self, search: str = "") -> Iterator[str]:
        """Handsets whose number or name holds the search, the one spoken with last first."""
        wanted = search.casefold()
        return (handset for handset in reversed(self._handsets) if wanted in handset.casefold())

    def counts(self) -> dict[str, int]:
        return {"outbound": len(self._outbound), "inbound": len(self._inbound)}

    def clear(self) -> None:
        self._forget()
        self._storage.write("DELETE FROM messages")


def _since(messages: list[Message], moment: float) -> Sequence[Message]:
    return messages[bisect_left(messages, moment, key=lambda message: message.created) :]
