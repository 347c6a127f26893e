"""Lists texts as Twilio does: by To, From and DateSent and nothing else, newest first, in pages."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp import web

from simulator import clock
from simulator.accounts import Account
from simulator.endpoint import twilio_endpoint
from simulator.ledger import Ledger, Message
from simulator.parts import Simulator
from simulator.wire import Refusal, json_response, message_resource, page, page_asked


@dataclass(frozen=True, slots=True)
class Period:
    """Moments from `start` up to, but without, `end`."""

    start: float = 0.0
    end: float = float("inf")

    def holds(self, moment: float) -> bool:
        return self.start <= moment < self.end


@twilio_endpoint
async def list_messages(request: web.Request, simulator: Simulator, account: Account) -> web.Response:
    query = request.query
    number, size = page_asked(query)
    candidates = simulator.ledger.between(account.sid, query.get("To") or None, query.get("From") or None)
    before, skip = len(candidates), number * size
    if token := query.get("PageToken"):
        before, skip = _position(simulator.ledger, candidates, token), 0
    visible_until = clock.now() - simulator.faults.settings.list_delay_ms / 1000
    found = _matching(candidates, before, _periods(request), visible_until)
    rows = _take(found, skip, size + 1)
    content = page(
        path=request.path,
        query=query,
        key="messages",
        rows=[message_resource(message) for message in rows[:size]],
        number=number,
        size=size,
        start=number * size,
        next_token=f"PA{rows[size - 1].sid}" if len(rows) > size else None,
    )
    return json_response(content)


def _position(ledger: Ledger, candidates: Sequence[Message], token: str) -> int:
    """Where the last message of the page before stands; the next page reads on from there, backwards."""
    last = ledger.find(token.removeprefix("PA"))
    if last is None:
        raise Refusal(400, 20006, f"Page token {token} is not known")
    return bisect_left(candidates, last.seq, key=lambda message: message.seq)


def _matching(
    candidates: Sequence[Message], before: int, periods: list[Period], visible_until: float
) -> Iterator[Message]:
    # Nothing is sent before it is made, so what is older than every period need not be looked at.
    earliest = max((period.start for period in periods), default=0.0) - 3600
    first = bisect_left(candidates, earliest, key=lambda message: message.created)
    for position in range(before - 1, first - 1, -1):
        message = candidates[position]
        moment = message.sent or message.created
        if message.created <= visible_until and all(period.holds(moment) for period in periods):
            yield message


def _take(found: Iterator[Message], skip: int, count: int) -> list[Message]:
    return [
        message for position, message in zip(range(skip + count), found, strict=False) if position >= skip
    ]


def _periods(request: web.Request) -> list[Period]:
    """DateSent=, DateSent< and DateSent>; the last two include the day or second they name."""
    periods = []
    for name, value in request.query.items():
        if name == "DateSent":
            periods.append(_named_period(value))
        elif name == "DateSent<":
            periods.append(Period(end=_named_period(value).end))
        elif name == "DateSent>":
            periods.append(Period(start=_named_period(value).start))
    return periods


def _named_period(text: str) -> Period:
    """The whole day that a date names, or the second that a time names (UTC)."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError as error:
        raise Refusal(400, 20001, f"DateSent is not a date: {text}") from error
    start = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    length = timedelta(days=1) if len(text) <= 10 else timedelta(seconds=1)
    return Period(start.timestamp(), (start + length).timestamp())
