"""A handset texts one of our numbers: stored, then brought to the number's SmsUrl, signed."""

import secrets
from dataclasses import dataclass

import phonenumbers

from simulator.accounts import Account
from simulator.ledger import Message
from simulator.media import MAX_FILES, File
from simulator.parts import Simulator
from simulator.segments import count_segments

SIGNATURES = ("right", "wrong", "none")


@dataclass(frozen=True, slots=True)
class InboundText:
    """What a handset says. A known `message_sid` brings that same event once more."""

    to: str
    sender: str
    body: str
    message_sid: str | None = None
    account_sid: str | None = None
    signature: str = "right"
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Brought:
    """`webhook_status` is None when nobody answered, or when there is no address to go to."""

    sid: str
    webhook_url: str
    webhook_status: int | None


class NobodyToBringItTo(Exception):
    """The carrier knows no account at all, or not the one that was named."""


async def bring(simulator: Simulator, text: InboundText) -> Brought:
    message = simulator.ledger.find(text.message_sid or "")
    account = _account_for(simulator, text, message)
    if message is None:
        message = _store(simulator, account, text)
    url = _webhook_url(simulator, account, message.to)
    status = None
    if url:
        params = inbound_params(message) | _media_params(simulator, message)
        status = await simulator.webhooks.call(url, params, account.auth_token, text.signature)
    return Brought(message.sid, url, status)


def _account_for(simulator: Simulator, text: InboundText, message: Message | None) -> Account:
    """Whose number it is: the named account, the holder of the number, else the newest account."""
    number = simulator.accounts.find_number(text.to)
    sid = (
        text.account_sid
        or (message.account_sid if message else None)
        or (number.account_sid if number else None)
    )
    account = simulator.accounts.find(sid) if sid else simulator.accounts.newest()
    if account is None:
        raise NobodyToBringItTo(f"no such account: {sid}" if sid else "no account is registered yet")
    return account


def _webhook_url(simulator: Simulator, account: Account, to: str) -> str:
    number = simulator.accounts.find_number(to, account.sid)
    if number is not None and number.sms_url:
        return number.sms_url
    if account.inbound_url:
        return account.inbound_url
    others = simulator.accounts.numbers_of(account.sid)
    return next((held.sms_url for held in others if held.sms_url), "")


def _store(simulator: Simulator, account: Account, text: InboundText) -> Message:
    moment = simulator.ledger.next_moment()
    message = Message(
        seq=simulator.ledger.next_seq(),
        sid=text.message_sid or ("MM" if text.files else "SM") + secrets.token_hex(16),
        account_sid=account.sid,
        to=text.to,
        sender=text.sender,
        body=text.body,
        direction="inbound",
        status="received",
        created=moment,
        updated=moment,
        sent=moment,
        segments=count_segments(text.body),
    )
    held = [
        simulator.media.add(message_sid=message.sid, account_sid=account.sid, file=file)
        for file in text.files[:MAX_FILES]
    ]
    message.media = "\n".join(simulator.base_url + media.path for media in held)
    simulator.ledger.add(message)
    return message


def _media_params(simulator: Simulator, message: Message) -> dict[str, str]:
    """MediaUrl0, MediaContentType0 and so on."""
    params = {"NumMedia": str(len(message.media_urls))}
    for n, (url, media) in enumerate(
        zip(message.media_urls, simulator.media.of_message(message.sid), strict=False)
    ):
        params |= {f"MediaUrl{n}": url, f"MediaContentType{n}": media.content_type}
    return params


def inbound_params(message: Message) -> dict[str, str]:
    params = {
        "ToCountry": country_of(message.to),
        "ToState": "",
        "ToCity": "",
        "ToZip": "",
        "SmsMessageSid": message.sid,
        "NumMedia": "0",
        "FromZip": "",
        "SmsSid": message.sid,
        "FromState": "",
        "SmsStatus": "received",
        "FromCity": "",
        "Body": message.body,
        "FromCountry": country_of(message.sender),
        "To": message.to,
        "NumSegments": str(message.segments),
        "MessageSid": message.sid,
        "AccountSid": message.account_sid,
        "From": message.sender,
        "ApiVersion": "2010-04-01",
    }
    return params


def country_of(number: str) -> str:
    if not number.startswith("+"):
        return ""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    except phonenumbers.NumberParseException:
        return ""
