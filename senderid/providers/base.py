"""The one contract of every carrier: its words into ours and back, no database."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """What to do after an answer."""

    ACCEPTED = "accepted"
    PERMANENT = "permanent"
    NEXT_SENDER = "next_sender"
    RETRY = "retry"
    SLOW_DOWN = "slow_down"
    QUARANTINE_SENDER = "quarantine_sender"
    PAUSE_ACCOUNT = "pause_account"
    OPT_OUT = "opt_out"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Outgoing:
    """One text to hand over; `validity` in seconds."""

    to: str
    sender: str
    body: str
    status_callback: str
    validity: int


@dataclass(frozen=True)
class Answer:
    """What the carrier said, in our words; the raw code beside them."""

    outcome: Outcome
    sid: str = ""
    code: str = ""
    text: str = ""
    http_status: int | None = None
    retry_after: float | None = None  # seconds
    of_sender: bool = False  # a SLOW_DOWN or RETRY that concerns the sender, not its account
    concurrent: float | None = None  # calls the account had under way when it refused one more


@dataclass(frozen=True)
class Seen:
    """A text as the carrier lists it."""

    sid: str
    to: str
    sender: str
    body: str
    status: str
    direction: str
    created_at: datetime
    error_code: str = ""
    media: dict[str, str] = field(default_factory=dict)  # as an inbound webhook names them


@dataclass(frozen=True)
class Receipt:
    """A delivery receipt: our status, the raw one, the error."""

    sid: str
    status: str
    raw_status: str
    code: str = ""
    payload: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Inbound:
    """A text that came in."""

    sid: str
    account_sid: str
    to: str
    sender: str
    body: str


class Carrier(Protocol):
    """An open connection to one account."""

    async def send(self, text: Outgoing) -> Answer: ...

    async def find(self, *, to: str, sender: str, since: datetime) -> list[Seen]: ...

    async def fetch(self, sid: str) -> Receipt: ...

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Credentials:
    """What an adapter needs to open an account: no row, no database."""

    account_sid: str
    auth_token: str
    base_url: str = ""
