"""Serves media: by Twilio's API to who has the account's credentials, and to the handset pages; fetches what we send."""

from typing import Any

from aiohttp import web

from simulator.accounts import Account
from simulator.clock import rfc2822
from simulator.endpoint import twilio_endpoint
from simulator.ledger import Message
from simulator.media import MAX_BYTES, MAX_FILES, File, Media
from simulator.parts import SIMULATOR, Simulator
from simulator.wire import Refusal, json_response

HARMLESS = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}


@twilio_endpoint
async def list_media(request: web.Request, simulator: Simulator, account: Account) -> web.Response:
    held = simulator.media.of_message(request.match_info["sid"])
    rows = [_resource(media) for media in held if media.account_sid == account.sid]
    names = ("first_page_uri", "uri")
    content: dict[str, Any] = {"media_list": rows, "page": 0, "page_size": 50, "start": 0, "end": len(rows)}
    content |= dict.fromkeys(names, request.path) | {"next_page_uri": None, "previous_page_uri": None}
    return json_response(content)


@twilio_endpoint
async def fetch_media(request: web.Request, simulator: Simulator, account: Account) -> web.Response:
    """The bytes; Twilio redirects to its media hosts first."""
    media = simulator.media.find(request.match_info["media"])
    if media is None or (media.account_sid, media.message_sid) != (account.sid, request.match_info["sid"]):
        raise Refusal(404, 20404, f"The requested resource {request.path} was not found")
    return _response(media)


async def show_media(request: web.Request) -> web.Response:
    """For the handset pages."""
    media = request.app[SIMULATOR].media.find(request.match_info["media"])
    if media is None:
        raise web.HTTPNotFound
    response = _response(media)
    if not media.is_picture:
        response.headers["Content-Disposition"] = "attachment"
    return response


def _response(media: Media) -> web.Response:
    return web.Response(body=media.content, content_type=media.content_type, headers=HARMLESS)


def _resource(media: Media) -> dict[str, Any]:
    return {
        "sid": media.sid,
        "account_sid": media.account_sid,
        "parent_sid": media.message_sid,
        "content_type": media.content_type,
        "date_created": rfc2822(media.created),
        "date_updated": rfc2822(media.created),
        "uri": f"{media.path}.json",
    }


async def fetch_sent(simulator: Simulator, message: Message) -> None:
    """What a text to a handset brings along: fetched from its MediaUrls, as Twilio does."""
    for url in message.media_urls[:MAX_FILES]:
        file = await simulator.webhooks.fetch(url, MAX_BYTES)
        if file is not None and simulator.ledger.is_current(message):
            simulator.media.add(message_sid=message.sid, account_sid=message.account_sid, file=File(*file))


ROUTES = [web.get("/media/{media}", show_media)]
