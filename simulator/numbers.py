"""Accounts' numbers over Twilio's API: IncomingPhoneNumbers, short codes, and the account itself."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from simulator.accounts import Account, Number
from simulator.carrier import E164
from simulator.endpoint import twilio_endpoint
from simulator.parts import Simulator
from simulator.wire import (
    Refusal,
    account_resource,
    json_response,
    number_resource,
    page,
    page_asked,
    read_form,
    short_code_resource,
)


@twilio_endpoint
async def fetch_account(_request: web.Request, _simulator: Simulator, account: Account) -> web.Response:
    return json_response(account_resource(account))


@twilio_endpoint
async def list_numbers(request: web.Request, simulator: Simulator, account: Account) -> web.Response:
    numbers = [held for held in simulator.accounts.numbers_of(account.sid) if held.is_phone_number]
    asked = request.query.get("PhoneNumber", "").replace(" ", "+").replace("*", "")
    found = [held for held in numbers if asked in held.number]
    return _page(request, "incoming_phone_numbers", found, number_resource)


@twilio_endpoint
async def list_short_codes(request: web.Request, simulator: Simulator, account: Account) -> web.Response:
    numbers = [held for held in simulator.accounts.numbers_of(account.sid) if held.is_short_code]
    asked = request.query.get("ShortCode", "")
    return _page(
        request, "short_codes", [held for held in numbers if asked in held.number], short_code_resource
    )


def _page(
    request: web.Request, key: str, numbers: list[Number], as_resource: Callable[[Number], dict[str, Any]]
) -> web.Response:
    number, size = page_asked(request.query)
    start = number * size
    rows = [as_resource(held) for held in numbers[start : start + size]]
    next_token = f"PA{number + 1}" if len(numbers) > start + size else None
    content = page(
        path=request.path, query=request.query, key=key, rows=rows, number=number, size=size, start=start,
        next_token=next_token,
    )  # fmt: skip
    return json_response(content)


@twilio_endpoint
async def register_number(request: web.Request, simulator: Simulator, account: Account) -> web.Response:
    """Twilio sells a number here; ours is simply there, and asking for it again changes it."""
    form = await read_form(request)
    phone_number = form.get("PhoneNumber", "")
    if not E164.fullmatch(phone_number):
        raise Refusal(400, 21421, f"PhoneNumber {phone_number} is not valid")
    number = simulator.accounts.save_number(
        account.sid, phone_number, form.get("SmsUrl"), form.get("FriendlyName")
    )
    return json_response(number_resource(number), 201)


@twilio_endpoint
async def fetch_number(request: web.Request, simulator: Simulator, account: Account) -> web.Response:
    return json_response(number_resource(_find(request, simulator, account)))


@twilio_endpoint
async def update_number(request: web.Request, simulator: Simulator, account: Account) -> web.Response:
    form = await read_form(request)
    number = _find(request, simulator, account)
    changed = simulator.accounts.save_number(
        account.sid, number.number, form.get("SmsUrl"), form.get("FriendlyName")
    )
    return json_response(number_resource(changed))


@twilio_endpoint
async def release_number(request: web.Request, simulator: Simulator, account: Account) -> web.Response:
    simulator.accounts.remove_number(_find(request, simulator, account))
    return web.Response(status=204)


def _find(request: web.Request, simulator: Simulator, account: Account) -> Number:
    number = simulator.accounts.find_number_by_sid(account.sid, request.match_info["sid"])
    if number is None:
        raise Refusal(404, 20404, f"The requested resource {request.path} was not found")
    return number
