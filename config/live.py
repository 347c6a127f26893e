"""The door of `live`: server-sent events that tell an open inbox what changed; it never touches the database.

A page brings a signed token (`messaging.live_events`) that says what may be heard. One Redis subscription per
process feeds all listeners. Whoever misses events gets to know: a listener that is too slow is cut off and
reconnects, and a gap in Redis is announced to all, so that pages fetch what changed since.
"""

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings
from django.core import signing
from django.utils.log import configure_logging
from redis import asyncio as redis
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from config.supervision import end_when_orphaned

logger = logging.getLogger("callsign.live")

PING_SECONDS = 15
QUEUE_LENGTH = 200


@dataclass(eq=False)
class Listener:
    """One open page: what its token lets it hear, and what waits to be written to it."""

    claims: dict[str, Any]
    queue: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(QUEUE_LENGTH))
    cut_off: bool = False

    def tell(self, frame: str) -> None:
        """Never waits: a listener whose queue is full is cut off, reconnects, and catches up."""
        try:
            self.queue.put_nowait(frame)
        except asyncio.QueueFull:
            self.cut_off = True


@dataclass
class Switchboard:
    """Who listens, by org."""

    listeners: dict[str, set[Listener]] = field(default_factory=dict)

    @asynccontextmanager
    async def listening(self, claims: dict[str, Any]) -> AsyncIterator[Listener]:
        listener = Listener(claims)
        of_org = self.listeners.setdefault(str(claims["org"]), set())
        of_org.add(listener)
        try:
            yield listener
        finally:
            of_org.discard(listener)
            if not of_org:
                self.listeners.pop(str(claims["org"]), None)

    def publish(self, event: dict[str, Any]) -> None:
        """Tells those of the event's org who may hear it."""
        text = frame(event.get("type", "changed"), {k: v for k, v in event.items() if k != "org"})
        for listener in list(self.listeners.get(str(event.get("org")), ())):
            if may_hear(listener.claims, event):
                listener.tell(text)

    def announce_gap(self) -> None:
        for listener in [one for of_org in self.listeners.values() for one in of_org]:
            listener.tell(frame("gap", {}))


def may_hear(claims: dict[str, Any], event: dict[str, Any]) -> bool:
    """The token lists what may be heard: everything, or by sender, campaign, program, or one's own and an absent
    colleague's conversations."""
    people = {claims.get("member"), *claims.get("people", [])} - {None}
    owned = claims.get("campaigns", [])
    return bool(
        claims.get("all")
        or event.get("sender") in claims.get("senders", [])
        or any(event.get(part) is not None and event[part] in owned for part in ("campaign", "program"))
        or any(event.get(part) in people for part in ("assignee", "owner"))
    )


def frame(kind: str, data: dict[str, Any]) -> str:
    return f"event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


def read_token(token: str) -> dict[str, Any] | None:
    """The claims of a token that web signed within the last hour; None for anything else."""
    try:
        claims = signing.loads(token, salt="live", max_age=settings.LIVE_TOKEN_SECONDS)
    except signing.BadSignature:
        return None
    return claims if isinstance(claims, dict) and claims.get("org") else None


async def events(request: Request) -> Response:
    claims = read_token(request.query_params.get("token", ""))
    headers = {
        "Access-Control-Allow-Origin": settings.PUBLIC_BASE_URL,
        "Cache-Control": "no-store",
    }
    if claims is None:
        return PlainTextResponse("This token is not valid any more.", status_code=401, headers=headers)
    return StreamingResponse(
        _stream(request.app.state.switchboard, claims),
        media_type="text/event-stream",
        headers=headers | {"X-Accel-Buffering": "no"},
    )


async def healthz(_: Request) -> Response:
    return PlainTextResponse("ok")


async def _stream(switchboard: Switchboard, claims: dict[str, Any]) -> AsyncIterator[str]:
    ends = time.monotonic() + settings.LIVE_TOKEN_SECONDS  # the page then asks for a new token
    async with switchboard.listening(claims) as listener:
        yield "retry: 1000\n\n" + frame("hello", {})
        while not listener.cut_off and time.monotonic() < ends:
            try:
                text = await asyncio.wait_for(listener.queue.get(), PING_SECONDS)
            except TimeoutError:
                text = ": ping\n\n"
            yield text


async def _follow_redis(switchboard: Switchboard) -> None:
    """Hears `live:*` for ever. Every subscription but the first means that something may have been missed."""
    pause, first = 0.2, True
    while True:
        try:
            client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2)
            async with client, client.pubsub() as channel:
                await channel.psubscribe("live:*")
                while True:
                    message = await channel.get_message(timeout=10) or {"type": "none"}
                    if message["type"] == "psubscribe":
                        pause = 0.2
                        if not first:
                            switchboard.announce_gap()
                        first = False
                    elif message["type"] == "pmessage":
                        _pass_on(switchboard, message["data"])
        except (RedisError, OSError) as error:
            logger.warning("Redis is away: %s", error)
        await asyncio.sleep(pause)
        pause = min(5.0, pause * 2)


def _pass_on(switchboard: Switchboard, data: bytes) -> None:
    try:
        event = json.loads(data)
        switchboard.publish(event)
    except (ValueError, TypeError, AttributeError):
        logger.exception("an event that cannot be read")


@asynccontextmanager
async def _life(app: Starlette) -> AsyncIterator[None]:
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    end_when_orphaned()
    follower = asyncio.create_task(_follow_redis(app.state.switchboard))
    yield
    follower.cancel()
    with suppress(asyncio.CancelledError):
        await follower


def make_app() -> Starlette:
    app = Starlette(routes=[Route("/events", events), Route("/healthz", healthz)], lifespan=_life)
    app.state.switchboard = Switchboard()
    return app


application = make_app()
