"""What all endpoints of Twilio's API share: login, latency, errors, and the header that counts requests."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from simulator.accounts import Account
from simulator.parts import SIMULATOR, Simulator
from simulator.wire import ConnectionDropped, Refusal, refusal_response

Endpoint = Callable[[web.Request, Simulator, Account], Awaitable[web.Response]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def twilio_endpoint(answer: Endpoint) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        simulator = request.app[SIMULATOR]
        simulator.concurrent += 1
        try:
            response = await _answer(request, simulator, answer)
        finally:
            simulator.concurrent -= 1
        response.headers["Twilio-Concurrent-Requests"] = str(simulator.concurrent + 1)
        return response

    return handle


async def _answer(request: web.Request, simulator: Simulator, answer: Endpoint) -> web.Response:
    try:
        response = await answer(request, simulator, _login(request, simulator))
    except Refusal as refusal:
        response = refusal_response(refusal)
    except ConnectionDropped:
        response = web.Response()
        if request.transport is not None:
            request.transport.abort()
    # After the work: a caller that gives up early may well have been served.
    if simulator.faults.settings.latency_ms:
        await asyncio.sleep(simulator.faults.settings.latency_ms / 1000)
    return response


async def unknown_resource(request: web.Request) -> web.Response:
    """What Twilio has and the simulator does not, answered so that Twilio's packages can read it."""
    return refusal_response(Refusal(404, 20404, f"The requested resource {request.path} was not found"))


def _login(request: web.Request, simulator: Simulator) -> Account:
    account = simulator.accounts.login(request.headers.get("Authorization"))
    if account is None or account.sid != request.match_info["account"]:
        raise Refusal(401, 20003, "Authenticate")
    return account
