"""Twilio's words: message and number resources, pages of them, and errors."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from simulator.accounts import Account, Number
from simulator.clock import rfc2822
from simulator.ledger import Message

API = "/2010-04-01/Accounts"
JSON = "application/json"
DEFAULT_PAGE, MAX_PAGE = 50, 1000


class Refusal(Exception):
    """An error that Twilio answers with: HTTP status, its own code, and words."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class ConnectionDropped(Exception):
    """The carrier hangs up instead of answering."""


def json_response(content: Any, status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(content).encode(), status=status, content_type=JSON)


def refusal_response(refusal: Refusal) -> web.Response:
    content = {
        "code": refusal.code,
        "message": refusal.message,
        "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
        "status": refusal.status,
    }
    return json_response(content, refusal.status)


async def read_form(request: web.Request) -> dict[str, str]:
    """The form's fields, the last of each name; the URLs of media are joined by line ends."""
    pairs = parse_qsl((await request.read()).decode("utf-8", "replace"), keep_blank_values=True)
    form = dict(pairs)
    if "MediaUrl" in form:
        form["MediaUrl"] = "\n".join(value for name, value in pairs if name == "MediaUrl")
    return form


def message_resource(message: Message) -> dict[str, Any]:
    uri = f"{API}/{message.account_sid}/Messages/{message.sid}"
    return {
        "account_sid": message.account_sid,
        "api_version": "2010-04-01",
        "body": message.body,
        "date_created": rfc2822(message.created),
        "date_sent": rfc2822(message.sent),
        "date_updated": rfc2822(message.updated),
        "direction": message.direction,
        "error_code": message.error_code,
        "error_message": None,
        "from": message.sender or None,
        "messaging_service_sid": message.service_sid or None,
        "num_media": str(len(message.media_urls)) if message.media else "0",
        "num_segments": str(message.segments),
        "price": None,
        "price_unit": "USD",
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.to,
        "uri": f"{uri}.json",
    }


def number_resource(number: Number) -> dict[str, Any]:
    return {
        "account_sid": number.account_sid,
        "address_requirements": "none",
        "api_version": "2010-04-01",
        "beta": False,
        "capabilities": {"sms": True, "mms": True, "voice": True, "fax": False},
        "date_created": rfc2822(number.created),
        "date_updated": rfc2822(number.updated),
        "friendly_name": number.friendly_name,
        "origin": "twilio",
        "phone_number": number.number,
        "sid": number.sid,
        "sms_application_sid": "",
        "sms_fallback_method": "POST",
        "sms_fallback_url": "",
        "sms_method": "POST",
        "sms_url": number.sms_url,
        "status": "in-use",
        "status_callback": "",
        "status_callback_method": "POST",
        "trunk_sid": None,
        "type": "local",
        "uri": f"{API}/{number.account_sid}/IncomingPhoneNumbers/{number.sid}.json",
        "voice_url": "",
    }


def short_code_resource(number: Number) -> dict[str, Any]:
    return {
        "account_sid": number.account_sid,
        "api_version": "2010-04-01",
        "date_created": rfc2822(number.created),
        "date_updated": rfc2822(number.updated),
        "friendly_name": number.friendly_name,
        "short_code": number.number,
        "sid": "SC" + number.sid[2:],
        "sms_fallback_method": "POST",
        "sms_fallback_url": "",
        "sms_method": "POST",
        "sms_url": number.sms_url,
        "uri": f"{API}/{number.account_sid}/SMS/ShortCodes/SC{number.sid[2:]}.json",
    }


def account_resource(account: Account) -> dict[str, Any]:
    return {
        "auth_token": account.auth_token,
        "date_created": rfc2822(account.created),
        "date_updated": rfc2822(account.created),
        "friendly_name": "Simulated account",
        "owner_account_sid": account.sid,
        "sid": account.sid,
        "status": "active",
        "subresource_uris": {"messages": f"{API}/{account.sid}/Messages.json"},
        "type": "Full",
        "uri": f"{API}/{account.sid}.json",
    }


def page_asked(query: Mapping[str, str]) -> tuple[int, int]:
    """The number of the page that is asked for, from 0, and how many rows it may have."""
    try:
        number, size = int(query.get("Page") or 0), int(query.get("PageSize") or DEFAULT_PAGE)
    except ValueError as error:
        raise Refusal(400, 20001, "Page and PageSize must be numbers") from error
    return max(number, 0), min(max(size, 1), MAX_PAGE)


def page(
    *, path: str, query: Mapping[str, str], key: str, rows: list[dict[str, Any]], number: int, size: int,
    start: int, next_token: str | None,
) -> dict[str, Any]:  # fmt: skip
    """A page of a Twilio list. `next_token` is None on the last page."""

    def address(page_number: int, token: str | None) -> str:
        asked = {
            name: value for name, value in query.items() if name not in ("Page", "PageSize", "PageToken")
        }
        asked |= {"PageSize": str(size), "Page": str(page_number)}
        return f"{path}?{urlencode(asked | ({'PageToken': token} if token else {}))}"

    return {
        key: rows,
        "page": number,
        "page_size": size,
        "start": start,
        "end": start + max(len(rows) - 1, 0),
        "first_page_uri": address(0, None),
        "next_page_uri": address(number + 1, next_token) if next_token else None,
        "previous_page_uri": address(number - 1, None) if number else None,
        "uri": f"{path}?{urlencode(query)}" if query else path,
    }
