"""The simulator's own JSON doors, under /_sim/: for set-up, tests and measurements."""

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from aiohttp import web

from simulator import clock
from simulator.faults import FaultSettings, read_faults
from simulator.inbound import SIGNATURES, InboundText, NobodyToBringItTo, bring
from simulator.ledger import Message
from simulator.media import File
from simulator.parts import SIMULATOR
from simulator.wire import json_response

ROWS_IN_A_CHUNK = 500


class BadRequest(Exception):
    """What was asked for cannot be read. The words go back to the caller."""


@web.middleware
async def explain_bad_requests(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        return await handler(request)
    except BadRequest as error:
        return json_response({"error": str(error)}, 400)


@dataclass(frozen=True, slots=True)
class Fields:
    """The text fields of a JSON object."""

    content: dict[str, Any]

    def required(self, name: str) -> str:
        value = self.optional(name)
        if not value:
            raise BadRequest(f"{name} is missing")
        return value

    def optional(self, name: str) -> str | None:
        value = self.content.get(name)
        if value is not None and not isinstance(value, str):
            raise BadRequest(f"{name} must be a text")
        return value


async def _read_json(request: web.Request) -> dict[str, Any]:
    try:
        content = json.loads(await request.read() or b"{}")
    except ValueError as error:
        raise BadRequest(f"not JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadRequest("not a JSON object")
    return content


async def save_account(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    given = Fields(await _read_json(request))
    account = simulator.accounts.save_account(
        given.required("account_sid"), given.required("auth_token"), given.optional("inbound_url")
    )
    simulator.storage.commit()
    return json_response({"account_sid": account.sid, "inbound_url": account.inbound_url})


async def save_number(request: web.Request) -> web.Response:
    """Any sender of an account: for short codes and names, which IncomingPhoneNumbers does not take."""
    simulator = request.app[SIMULATOR]
    given = Fields(await _read_json(request))
    account_sid = given.required("account_sid")
    if simulator.accounts.find(account_sid) is None:
        raise BadRequest(f"no such account: {account_sid}")
    number = simulator.accounts.save_number(
        account_sid, given.required("number"), given.optional("sms_url"), given.optional("friendly_name")
    )
    simulator.storage.commit()
    return json_response(
        {"sid": number.sid, "account_sid": account_sid, "number": number.number, "sms_url": number.sms_url}
    )


async def text_from_handset(request: web.Request) -> web.Response:
    given = Fields(await _read_json(request))
    body = given.optional("body")
    if body is None:
        raise BadRequest("body is missing")
    files = _files(given.content.get("media") or [])
    signature = given.optional("signature") or "right"
    if signature not in SIGNATURES:
        raise BadRequest(f"signature must be one of {', '.join(SIGNATURES)}")
    text = InboundText(
        to=given.required("to"),
        sender=given.required("from"),
        body=body,
        message_sid=given.optional("message_sid"),
        account_sid=given.optional("account_sid"),
        signature=signature,
        files=files,
    )
    try:
        brought = await bring(request.app[SIMULATOR], text)
    except NobodyToBringItTo as error:
        raise BadRequest(str(error)) from error
    return json_response(
        {
            "webhook_status": brought.webhook_status,
            "sid": brought.sid,
            "webhook_url": brought.webhook_url or None,
        }
    )


def _files(given: Any) -> tuple[File, ...]:
    """`media`: [{content_type, content: base64}]."""
    try:
        return tuple(
            File(str(one["content_type"]), b64decode(one["content"], validate=True)) for one in given
        )
    except (TypeError, KeyError, ValueError) as error:
        raise BadRequest("media must be a list of {content_type, content: base64}") from error


def _since(request: web.Request) -> float:
    try:
        return clock.read_since(request.query.get("since"))
    except ValueError as error:
        raise BadRequest(f"since is neither ISO 8601 nor Unix seconds: {error}") from error


async def ledger(request: web.Request) -> web.StreamResponse:
    """What the carrier took; with `direction=inbound`, what handsets sent us, whether or not we heard of it."""
    held = request.app[SIMULATOR].ledger
    inbound = request.query.get("direction") == "inbound"
    messages = held.brought_since(_since(request)) if inbound else held.accepted_since(_since(request))
    return await _stream(request, "messages", (_ledger_row(message) for message in messages))


def _ledger_row(message: Message) -> dict[str, str]:
    return {
        "sid": message.sid,
        "account_sid": message.account_sid,
        "to": message.to,
        "from": message.sender,
        "body": message.body,
        "status_callback": message.status_callback,
        "received_at": clock.iso(message.created),
    }


async def mails(request: web.Request) -> web.StreamResponse:
    found = request.app[SIMULATOR].mailbox.since(_since(request))
    return await _stream(request, "mails", (mail.as_json() for mail in found))


async def _stream(request: web.Request, key: str, rows: Iterable[dict[str, str]]) -> web.StreamResponse:
    """Answer {key: [rows]} piece by piece, so that texts go on being taken meanwhile."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(f'{{"{key}": ['.encode())
    for chunk in _chunks(rows):
        await response.write(chunk)
    await response.write(b"]}")
    await response.write_eof()
    return response


def _chunks(rows: Iterable[dict[str, str]]) -> Iterator[bytes]:
    encoded = map(json.dumps, rows)
    comma = ""
    while chunk := list(islice(encoded, ROWS_IN_A_CHUNK)):
        yield (comma + ",".join(chunk)).encode()
        comma = ","


async def set_faults(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    try:
        simulator.faults.set(read_faults(await _read_json(request)))
    except ValueError as error:
        raise BadRequest(str(error)) from error
    return json_response(simulator.faults.as_json())


async def show_faults(request: web.Request) -> web.Response:
    return json_response(request.app[SIMULATOR].faults.as_json())


async def stats(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    return json_response(
        {
            "messages": simulator.ledger.counts(),
            "mails": simulator.mailbox.count(),
            "callbacks": simulator.callbacks.counts(),
        }
    )


async def reset(request: web.Request) -> web.Response:
    """Forget texts, mails and faults; accounts and numbers stay."""
    simulator = request.app[SIMULATOR]
    simulator.ledger.clear()
    simulator.mailbox.clear()
    simulator.media.clear()
    simulator.callbacks.clear()
    simulator.faults.set(FaultSettings())
    simulator.storage.commit()
    return json_response({"reset": True})


async def alive(_request: web.Request) -> web.Response:
    return json_response({"status": "ok"})


ROUTES = [
    web.get("/healthz", alive),
    web.post("/_sim/accounts", save_account),
    web.post("/_sim/numbers", save_number),
    web.post("/_sim/inbound", text_from_handset),
    web.get("/_sim/ledger", ledger),
    web.get("/_sim/mail", mails),
    web.post("/_sim/faults", set_faults),
    web.get("/_sim/faults", show_faults),
    web.get("/_sim/stats", stats),
    web.post("/_sim/reset", reset),
]
