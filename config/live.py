"""The door of `live`: server-sent events that tell an open inbox what changed; it never touches the database.

A page brings a signed token (`messaging.live_events`) that says what may be heard. One Redis subscription per
process feeds all listeners. Whoever misses events gets to know: a listener that is too slow is cut off and
reconnects, and a gap in Redis is announced to all, so that pages fetch what changed since. A stream ends with the access
that its token rests on (`config.live_access`); its page then asks for a new token and is answered by what is so now.
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
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.live_access import Access, is_readable
from config.supervision import end_when_orphaned
from tenants.auth.headers import NOTHING, POLICY
from tenants.revocations import CHANNEL

logger = logging.getLogger("callsign.live")

PING_SECONDS = 15
CHECK_SECONDS = 1.0
QUEUE_LENGTH = 200


@dataclass(eq=False)
class Listener:
    """One open page: what its token lets it hear, and what waits to be written to it."""

    claims: dict[str, Any]
    queue: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(QUEUE_LENGTH))
    cut_off: bool = False
    ended: bool = False

    def end(self) -> None:
        """Its access has ended: nothing more is written to it but that it should ask again."""
        self.ended = True
        with suppress(asyncio.QueueFull):
            self.queue.put_nowait("")  # wakes it

    def tell(self, frame: str) -> None:
        """Never waits: a listener whose queue is full is cut off, reconnects, and catches up."""
        try:
            self.queue.put_nowait(frame)
        except asyncio.QueueFull:
            self.cut_off = True


@dataclass
class Switchboard:
    """Who listens, by org."""

    access: Access = field(default_factory=Access)
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
        for listener in self.everyone():
            listener.tell(frame("gap", {}))

    def end_revoked(self) -> None:
        """Ends the streams whose tokens do not count any more."""
        for listener in self.everyone():
            if not listener.ended and not self.access.allows(listener.claims):
                listener.end()

    def everyone(self) -> list[Listener]:
        return [one for of_org in self.listeners.values() for one in of_org]


def may_hear(claims: dict[str, Any], event: dict[str, Any]) -> bool:
    """The token lists what may be heard, as `conversations.readable_by` says it: everything, or by sender, campaign and
    program, or what is assigned to oneself or an absent colleague. Owning the contact opens only what answers a
    campaign or program."""
    people = {claims.get("member"), *claims.get("people", [])} - {None}
    attributed = [event[part] for part in ("campaign", "program") if event.get(part) is not None]
    return bool(
        claims.get("all")
        or event.get("sender") in claims.get("senders", [])
        or any(one in claims.get("campaigns", []) for one in attributed)
        or event.get("assignee") in people
        or (attributed and event.get("owner") in people)
    )


def frame(kind: str, data: dict[str, Any]) -> str:
    return f"event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


def read_token(token: str) -> dict[str, Any] | None:
    """The claims of a token that web signed within its life; None for anything else."""
    try:
        claims = signing.loads(token, salt="live", max_age=settings.LIVE_TOKEN_SECONDS)
    except signing.BadSignature:
        return None
    return claims if is_readable(claims) else None


async def events(request: Request) -> Response:
    claims = read_token(request.query_params.get("token", ""))
    headers = {
        "Access-Control-Allow-Origin": settings.PUBLIC_BASE_URL,
        "Cache-Control": "no-store",
    }
    if claims is not None and not await _is_confirmed(request.app):
        text = "What is revoked can’t be read right now; try again in a moment."
        return PlainTextResponse(text, status_code=503, headers=headers | {"Retry-After": "2"})
    if claims is None or not request.app.state.switchboard.access.allows(claims):
        return PlainTextResponse("This token is not valid any more.", status_code=401, headers=headers)
    return StreamingResponse(
        _stream(request.app.state.switchboard, claims),
        media_type="text/event-stream",
        headers=headers | {"X-Accel-Buffering": "no"},
    )


async def _is_confirmed(app: Starlette) -> bool:
    """Asks Redis at once, so that a token revoked a moment ago opens nothing."""
    try:
        await app.state.switchboard.access.refresh(app.state.redis)
    except (RedisError, OSError):
        return False
    return True


async def healthz(_: Request) -> Response:
    return PlainTextResponse("ok")


async def _stream(switchboard: Switchboard, claims: dict[str, Any]) -> AsyncIterator[str]:
    """Until the token ends or is revoked; the page then asks for a new one."""
    async with switchboard.listening(claims) as listener:
        yield "retry: 1000\n\n" + frame("hello", {})
        while not listener.cut_off and switchboard.access.allows(claims):
            try:
                left = max(0.0, float(claims["until"]) - time.time())
                text = await asyncio.wait_for(listener.queue.get(), min(PING_SECONDS, left))
            except TimeoutError:
                text = ": ping\n\n"
            if listener.ended or not switchboard.access.allows(claims):
                break
            yield text
        yield frame("ended", {})


async def _watch_access(app: Starlette) -> None:
    """Asks Redis once a second what was revoked, for ever; ends the streams concerned, all of them when it can't tell."""
    switchboard, was_confirmed = app.state.switchboard, True
    while True:
        await _is_confirmed(app)
        switchboard.end_revoked()
        if was_confirmed and not switchboard.access.is_confirmed:
            logger.warning("no stream is trusted: revocations can't be read from Redis")
        was_confirmed = switchboard.access.is_confirmed
        await asyncio.sleep(CHECK_SECONDS)


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
                        _pass_on(switchboard, message["channel"], message["data"])
        except (RedisError, OSError) as error:
            logger.warning("Redis is away: %s", error)
        await asyncio.sleep(pause)
        pause = min(5.0, pause * 2)


def _pass_on(switchboard: Switchboard, channel: bytes, data: bytes) -> None:
    try:
        event = json.loads(data)
        if channel == CHANNEL.encode():
            switchboard.access.revoke(event["subject"], float(event["at"]))
            switchboard.end_revoked()
        else:
            switchboard.publish(event)
    except (ValueError, TypeError, AttributeError, KeyError):
        logger.exception("an event that cannot be read")


@asynccontextmanager
async def _life(app: Starlette) -> AsyncIterator[None]:
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    end_when_orphaned()
    pool = redis.BlockingConnectionPool.from_url(
        settings.REDIS_URL, max_connections=8, timeout=1, socket_timeout=1, socket_connect_timeout=1
    )
    app.state.redis = redis.Redis(connection_pool=pool)
    tasks = [
        asyncio.create_task(_follow_redis(app.state.switchboard)),
        asyncio.create_task(_watch_access(app)),
    ]
    yield
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


def make_app() -> Starlette:
    app = Starlette(routes=[Route("/events", events), Route("/healthz", healthz)], lifespan=_life)
    app.state.switchboard = Switchboard()
    return app


def with_headers(app: ASGIApp) -> ASGIApp:
    """Every response of `app`, one to an error too, carries the headers that `web` sends to machines."""
    headers = {POLICY: NOTHING, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    headers |= {"Strict-Transport-Security": settings.HSTS} if settings.HSTS else {}
    added = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in added if one[0] not in present)]
            await send(message)

        await app(scope, receive, send_with)

    return answer


application = with_headers(make_app())
