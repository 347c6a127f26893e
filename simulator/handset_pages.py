"""The handsets: every phone that got or sent a text, its thread, and a box to answer from it."""

from collections.abc import Sequence
from html import escape
from itertools import islice
from urllib.parse import quote, urlencode

from aiohttp import web

from simulator.accounts import Number
from simulator.inbound import InboundText, NobodyToBringItTo, bring
from simulator.layout import fragment, live_script, page, time_tag
from simulator.ledger import Message
from simulator.magic import FATES, Fate, magic_numbers
from simulator.media import MAX_BYTES, MAX_FILES, File, Media
from simulator.parts import SIMULATOR, Simulator

HANDSETS_SHOWN, TEXTS_SHOWN = 200, 200
FILES = (
    '<label>Pictures or other files<input name="media" type="file" multiple '
    'accept="image/*,video/*,audio/*,application/pdf,text/vcard"></label>'
)


def can_be_answered(sender: str) -> bool:
    """A number can; a name cannot."""
    return sender.removeprefix("+").isdigit()


async def home(request: web.Request) -> web.Response:
    search = request.query.get("q", "")
    body = (
        f"<main>{_aside(request, search, None)}<div>"
        f"{_note(request)}{_new_text_form(request.app[SIMULATOR])}{_health(request.app[SIMULATOR])}</div></main>"
    )
    return page("Handsets", body, "/")


async def handset(request: web.Request) -> web.Response:
    simulator, number = request.app[SIMULATOR], request.match_info["number"]
    body = (
        f"<main>{_aside(request, '', number)}<div><section><h1>{escape(number)}</h1>{_note(request)}"
        f'<div data-live="/handsets/{quote(number, safe="")}/thread">'
        f"{_thread(simulator, simulator.ledger.thread(number))}</div>"
        f"{_reply_form(simulator, number)}</section>"
        '<p class="inner"><a href="/">All handsets</a></p></div></main>'
    )
    return page(number, body, "/", inside=True)


async def handset_list(request: web.Request) -> web.Response:
    return fragment(
        _list(request.app[SIMULATOR], request.query.get("q", ""), request.query.get("current") or None)
    )


async def thread(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    return fragment(_thread(simulator, simulator.ledger.thread(request.match_info["number"])))


async def reply(request: web.Request) -> web.Response:
    """A form on a page: bring the text, then show the thread with what the webhook answered."""
    posted = await request.post()
    form = {name: value.strip() for name, value in posted.items() if isinstance(value, str)}
    files = tuple(
        File(one.content_type.partition(";")[0], one.file.read())
        for one in posted.getall("media", [])
        if isinstance(one, web.FileField) and one.filename
    )
    to, sender, body = form.get("to", ""), form.get("from", ""), form.get("body", "")
    if not (to and sender and (body or files)):
        return _back(sender, "Not sent: From, To and a text or a file are needed.")
    if len(files) > MAX_FILES or any(len(file.content) > MAX_BYTES for file in files):
        return _back(sender, "Not sent: at most 10 files of 5 MB each.")
    if not can_be_answered(to):
        return _back(sender, f"Not sent: {to} is a name, and a name cannot be texted.")
    try:
        brought = await bring(
            request.app[SIMULATOR], InboundText(to=to, sender=sender, body=body, files=files)
        )
    except NobodyToBringItTo as error:
        return _back(sender, f"Not sent: {error}.")
    status = brought.webhook_status
    if status is not None and 200 <= status < 300:
        return _back(sender, "")
    return _back(
        sender, f"Sent, but the webhook answered: {status or 'nothing'} ({brought.webhook_url or 'no URL'})"
    )


def _back(handset_number: str, note: str) -> web.Response:
    path = f"/handsets/{quote(handset_number, safe='')}" if handset_number else "/"
    query = f"?{urlencode({'note': note})}" if note else ""
    return web.Response(status=303, headers={"Location": path + query})


def _note(request: web.Request) -> str:
    note = request.query.get("note", "")
    return f'<p class="note" role="status">{escape(note)}</p>' if note else ""


def _aside(request: web.Request, search: str, current: str | None) -> str:
    query = escape(urlencode({"q": search, "current": current or ""}))
    return (
        '<aside class="card"><h2>Handsets</h2><form class="inner" action="/" method="get">'
        f'<label>Find a number<input name="q" type="search" value="{escape(search)}"></label></form>'
        f'<div data-live="/handsets?{query}">{_list(request.app[SIMULATOR], search, current)}</div></aside>'
    )


def _list(simulator: Simulator, search: str, current: str | None) -> str:
    numbers = list(islice(simulator.ledger.handsets(search), HANDSETS_SHOWN + 1))
    if not numbers:
        words = "No handset matches." if search else "No texts yet. They appear here by themselves."
        return f'<p class="inner soft">{words}</p>'
    rows = "".join(_list_row(simulator, number, current) for number in numbers[:HANDSETS_SHOWN])
    more = len(numbers) > HANDSETS_SHOWN
    rest = '<p class="inner soft">There are more: search for one.</p>' if more else ""
    return f'<ul class="list">{rows}</ul>{rest}'


def _list_row(simulator: Simulator, number: str, current: str | None) -> str:
    last = simulator.ledger.thread(number)[-1]
    mark = " aria-current=page" if number == current else ""
    return (
        f'<li><a href="/handsets/{quote(number, safe="")}"{mark}>'
        f'<span class="top"><b>{escape(number)}</b><span class="soft">{time_tag(last.created)}</span></span>'
        f'<div class="cut">{"→ " if last.is_inbound else ""}{escape(_snippet(last))}</div></a></li>'
    )


def _snippet(message: Message) -> str:
    return message.body[:120] or ("Media" if message.media else "")


def _thread(simulator: Simulator, messages: Sequence[Message]) -> str:
    if not messages:
        return '<p class="inner soft">Nothing was said yet.</p>'
    return f'<div class="thread">{"".join(_text(simulator, message) for message in messages[-TEXTS_SHOWN:])}</div>'


def _text(simulator: Simulator, message: Message) -> str:
    """Seen from the handset: what it says is on the right."""
    kinds = ["text"]
    if message.is_inbound:
        kinds.append("out")
    if message.status in ("failed", "undelivered", "canceled"):
        kinds.append("failed")
    other = f"to {message.to}" if message.is_inbound else f"from {message.sender or message.service_sid}"
    code = f" {message.error_code}" if message.error_code else ""
    media = "".join(_file(one) for one in simulator.media.of_message(message.sid))
    return (
        f'<div class="{" ".join(kinds)}"><p>{media}{escape(message.body)}</p>'
        f"<small>{escape(other)} · {time_tag(message.created)} · {message.status}{code}</small></div>"
    )


def _file(media: Media) -> str:
    if media.is_picture:
        return f'<img src="/media/{media.sid}" alt="Picture">'
    return f'<a href="/media/{media.sid}" download>{escape(media.content_type)}</a><br>'


def _reply_form(simulator: Simulator, number: str) -> str:
    messages = simulator.ledger.thread(number)
    last_first = [held.to if held.is_inbound else held.sender for held in reversed(messages)]
    senders = [sender for sender in dict.fromkeys(last_first) if sender]
    answerable = [sender for sender in senders if can_be_answered(sender)]
    names = [sender for sender in senders if not can_be_answered(sender)]
    warning = ""
    if names:
        warning = (
            f'<p class="note">{escape(", ".join(names))}: a name, not a number. It cannot be answered.</p>'
        )
    if not answerable:
        return warning
    options = "".join(f"<option>{escape(sender)}</option>" for sender in answerable)
    return (
        f'{warning}<form class="inner" action="/reply" method="post" enctype="multipart/form-data">'
        f'<input type="hidden" name="from" value="{escape(number)}">'
        f'<label>Answer as {escape(number)}, to<select name="to">{options}</select></label>'
        '<label>Text<textarea name="body" rows="2" maxlength="1600"></textarea></label>'
        f"{FILES}<button>Send</button></form>"
    )


def _new_text_form(simulator: Simulator) -> str:
    numbers = {held.number for held in _all_numbers(simulator) if can_be_answered(held.number)}
    options = "".join(f'<option value="{escape(number)}">' for number in sorted(numbers))
    return (
        '<section><h1>New text from a handset</h1><form class="inner" action="/reply" method="post" '
        'enctype="multipart/form-data"><div class="pair">'
        '<label>From<input name="from" required placeholder="+447400123456"></label>'
        '<label>To<input name="to" required list="numbers" placeholder="a number of yours"></label></div>'
        f'<datalist id="numbers">{options}</datalist>'
        '<label>Text<textarea name="body" rows="3" maxlength="1600"></textarea></label>'
        f"{FILES}<button>Send</button></form></section>"
    )


def _health(simulator: Simulator) -> str:
    counts, callbacks = simulator.ledger.counts(), simulator.callbacks.counts()
    known = f"{len(simulator.accounts.all())} accounts, {len(_all_numbers(simulator))} numbers"
    failure = str(callbacks["last_failure"])
    trouble = f'<p class="bad">Last callback that failed: {escape(failure)}</p>' if failure else ""
    return (
        f'<section><h2>What the carrier knows</h2><div class="inner"><p>{known}</p>'
        f"<p>{counts['outbound']} texts taken, {counts['inbound']} brought, "
        f"{simulator.mailbox.count()} mails</p>"
        f"<p>Status callbacks: {callbacks['delivered']} delivered, {callbacks['waiting']} waiting, "
        f"{callbacks['given_up']} given up</p>{trouble}</div></section>"
    )


def _all_numbers(simulator: Simulator) -> list[Number]:
    return [
        held for account in simulator.accounts.all() for held in simulator.accounts.numbers_of(account.sid)
    ]


async def magic(_request: web.Request) -> web.Response:
    rows = "".join(_magic_row(nn, fate) for nn, fate in FATES.items())
    body = (
        '<main class="single"><section><h1>Magic numbers</h1><p class="inner soft">A text to one of '
        "these numbers gives the error beside it, every time. All other numbers get theirs. Mail to an "
        "address that starts with <code>refuse</code> is turned away for good, one that starts with "
        "<code>busy</code> for now.</p>"
        '<div class="scroll"><table><thead><tr><th>Code<th>Meaning<th>What happens<th>Numbers</thead>'
        f"<tbody>{rows}</tbody></table></div></section></main>"
    )
    return page("Magic numbers", body, "/magic")


def _magic_row(nn: str, fate: Fate) -> str:
    code = fate.refusal or (fate.steps[-1][1] if fate.steps else None) or ""
    course = (
        "refused at once" if fate.refusal else ", then ".join(status for status, _ in fate.steps) or "queued"
    )
    numbers = "<br>".join(f"<code>{number}</code>" for number in magic_numbers(nn))
    return f"<tr><td>{code}</td><td>{escape(fate.meaning)}</td><td>{course}</td><td>{numbers}</td></tr>"


ROUTES = [
    web.get("/", home),
    web.get("/magic", magic),
    web.get("/handsets", handset_list),
    web.get("/handsets/{number}", handset),
    web.get("/handsets/{number}/thread", thread),
    web.post("/reply", reply),
    web.get("/live.js", live_script),
]
