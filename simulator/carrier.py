"""Takes texts: POST /2010-04-01/Accounts/{sid}/Messages.json, and changes to one."""

import asyncio
import re
import secrets

from aiohttp import web

from simulator import clock
from simulator.accounts import Account
from simulator.endpoint import twilio_endpoint
from simulator.faults import RequestFaults
from simulator.ledger import CANCELABLE, Message
from simulator.magic import REFUSALS, fate_of
from simulator.media_files import fetch_sent
from simulator.parts import Simulator
from simulator.segments import count_segments
from simulator.wire import ConnectionDropped, Refusal, json_response, message_resource, read_form

MAX_BODY = 1600
E164 = re.compile(r"\+[1-9]\d{6,14}")
FROM = re.compile(r"\+?[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 \-+_&]{1,11}")
WEB_ADDRESS = re.compile(r"https?://[^\s/]+\S*")


@twilio_endpoint
async def send_message(request: web.Request, simulator: Simulator, account: Account) -> web.Response:
    form = await read_form(request)
    faults = simulator.faults.next_request()
    _refuse_before_reading(faults)
    _check(form)
    message = _accept(simulator, account, form)
    answer = json_response(message_resource(message), 201)
    await _fail_after_accepting(faults, simulator)
    return answer


def _refuse_before_reading(faults: RequestFaults) -> None:
    if faults.rate_429:
        raise Refusal(429, 20429, "Too Many Requests")
    if faults.drop_before:
        raise ConnectionDropped


def _check(form: dict[str, str]) -> None:
    """Twilio's own checks, in its order."""
    to, sender, body = form.get("To", ""), form.get("From", ""), form.get("Body", "")
    if not to:
        raise Refusal(400, 21604, "A 'To' phone number is required.")
    if not sender and not form.get("MessagingServiceSid"):
        raise Refusal(400, 21603, "A 'From' phone number is required.")
    if not body and not form.get("MediaUrl"):
        raise Refusal(400, 21602, "Message body is required.")
    if len(body) > MAX_BODY:
        raise Refusal(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
    if not E164.fullmatch(to):
        raise Refusal(400, 21211, f"Invalid 'To' Phone Number: {to}")
    if sender and not FROM.fullmatch(sender):
        raise Refusal(400, 21212, f"Invalid From Number (caller ID): {sender}")
    if to == sender:
        raise Refusal(400, 21266, f"'To' and 'From' number cannot be the same: {to}")
    if form.get("StatusCallback") and not WEB_ADDRESS.fullmatch(form["StatusCallback"]):
        raise Refusal(400, 21609, f"The 'StatusCallback' URL {form['StatusCallback']} is not a valid URL.")
    if (code := fate_of(to).refusal) is not None:
        raise Refusal(400, code, REFUSALS[code].format(to=to, sender=sender))


def _accept(simulator: Simulator, account: Account, form: dict[str, str]) -> Message:
    """Write the text into the ledger. From here on it will be delivered, whatever the caller is told."""
    moment = simulator.ledger.next_moment()
    body = form.get("Body", "")
    message = Message(
        seq=simulator.ledger.next_seq(),
        sid="SM" + secrets.token_hex(16),
        account_sid=account.sid,
        to=form["To"],
        sender=form.get("From", ""),
        body=body,
        direction="outbound-api",
        status="queued" if form.get("From") else "accepted",
        created=moment,
        updated=moment,
        segments=count_segments(body),
        status_callback=form.get("StatusCallback", ""),
        service_sid=form.get("MessagingServiceSid", ""),
        media=form.get("MediaUrl", ""),
    )
    simulator.ledger.add(message)
    simulator.lifecycle.start(message)
    if message.media:
        task = asyncio.create_task(fetch_sent(simulator, message))
        simulator.fetching.add(task)
        task.add_done_callback(simulator.fetching.discard)
    return message


async def _fail_after_accepting(faults: RequestFaults, simulator: Simulator) -> None:
    if faults.drop_after_accept:
        raise ConnectionDropped
    if faults.error_500_after_accept:
        raise Refusal(500, 20500, "Internal Server Error")
    if faults.slow:
        await asyncio.sleep(simulator.faults.settings.slow_ms / 1000)


@twilio_endpoint
async def fetch_message(request: web.Request, simulator: Simulator, account: Account) -> web.Response:
    return json_response(message_resource(_find(request, simulator, account)))


@twilio_endpoint
async def update_message(request: web.Request, simulator: Simulator, account: Account) -> web.Response:
    """Status=canceled stops a text that has not left; an empty Body wipes one that is done."""
    message = _find(request, simulator, account)
    form = await read_form(request)
    if form.get("Status") == "canceled":
        _cancel(message)
    elif form.get("Body") == "":
        _wipe(message)
    else:
        raise Refusal(400, 20001, "Only Status=canceled and an empty Body are supported.")
    simulator.ledger.save(message)
    return json_response(message_resource(message))


def _find(request: web.Request, simulator: Simulator, account: Account) -> Message:
    message = simulator.ledger.find(request.match_info["sid"])
    if message is None or message.account_sid != account.sid:
        raise Refusal(404, 20404, f"The requested resource {request.path} was not found")
    return message


def _cancel(message: Message) -> None:
    if message.status not in CANCELABLE:
        raise Refusal(409, 30409, f"Message {message.sid} is not in a cancelable state.")
    message.status, message.updated = "canceled", clock.now()


def _wipe(message: Message) -> None:
    if not message.is_final:
        raise Refusal(400, 20009, "Message is not in a final state; cannot delete its content.")
    message.body = ""
