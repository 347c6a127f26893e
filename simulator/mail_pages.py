"""The mails that came in by SMTP: a list, and each one opened safely."""

from html import escape
from urllib.parse import urlencode

from aiohttp import web

from simulator.layout import fragment, page, time_tag
from simulator.mailbox import Mail, Mailbox
from simulator.parts import SIMULATOR

# A mail may show itself and open links in a new tab, nothing else.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data: http: https:"
)


async def mail_list(request: web.Request) -> web.Response:
    body = (
        f'<main>{_aside(request, None)}<div><section><h1>Mail</h1><p class="inner soft">'
        "Choose a mail. New ones appear by themselves.</p></section></div></main>"
    )
    return page("Mail", body, "/mail")


async def mail_rows(request: web.Request) -> web.Response:
    current = request.query.get("current", "")
    return fragment(_rows(request.app[SIMULATOR].mailbox, request.query.get("to", ""), current))


async def open_mail(request: web.Request) -> web.Response:
    mail = _find(request)
    content = f"<pre>{escape(mail.text)}</pre>" if mail.text else ""
    if mail.html:
        content = (
            f'<iframe src="/mail/{mail.id}/html" title="The mail" '
            'sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>'
            f"<details class=inner><summary>As plain text</summary>"
            f"{content or 'It has no text part.'}</details>"
        )
    body = (
        f"<main>{_aside(request, mail)}<div><section><h1>{escape(mail.subject) or 'No subject'}</h1>"
        f'<div class="inner"><p><span class="soft">To</span> {escape(mail.to)}</p>'
        f'<p><span class="soft">From</span> {escape(mail.sender)}</p>'
        f'<p><span class="soft">Received</span> {time_tag(mail.received)} · '
        f'<a href="/mail/{mail.id}/source">source</a></p></div>{content}</section>'
        '<p class="inner"><a href="/mail">All mails</a></p></div></main>'
    )
    return page(mail.subject or "Mail", body, "/mail", inside=True)


async def mail_html(request: web.Request) -> web.Response:
    html = f'<base target="_blank">{_find(request).html}'
    return web.Response(text=html, content_type="text/html", headers={"Content-Security-Policy": MAIL_POLICY})


async def mail_source(request: web.Request) -> web.Response:
    headers = {"X-Content-Type-Options": "nosniff"}
    return web.Response(text=_find(request).source, content_type="text/plain", headers=headers)


def _find(request: web.Request) -> Mail:
    mail = request.app[SIMULATOR].mailbox.find(int(request.match_info["id"]))
    if mail is None:
        raise web.HTTPNotFound(text="There is no such mail.")
    return mail


def _aside(request: web.Request, current: Mail | None) -> str:
    to, mark = request.query.get("to", ""), str(current.id) if current else ""
    query = escape(urlencode({"to": to, "current": mark}))
    return (
        '<aside class="card"><h2>Mail</h2><form class="inner" action="/mail" method="get">'
        f'<label>Find a recipient<input name="to" type="search" value="{escape(to)}"></label></form>'
        f'<div data-live="/mail/rows?{query}">{_rows(request.app[SIMULATOR].mailbox, to, mark)}</div></aside>'
    )


def _rows(mailbox: Mailbox, to: str, current: str) -> str:
    mails = mailbox.newest_first(to)
    if not mails:
        return f'<p class="inner soft">{"No mail matches." if to else "No mail yet."}</p>'
    return f'<ul class="list">{"".join(_row(mail, current) for mail in mails)}</ul>'


def _row(mail: Mail, current: str) -> str:
    mark = " aria-current=page" if str(mail.id) == current else ""
    return (
        f'<li><a href="/mail/{mail.id}"{mark}><span class="top"><b>{escape(mail.to)}</b>'
        f'<span class="soft">{time_tag(mail.received)}</span></span>'
        f'<div class="cut">{escape(mail.subject) or "No subject"}</div></a></li>'
    )


ROUTES = [
    web.get("/mail", mail_list),
    web.get("/mail/rows", mail_rows),
    web.get(r"/mail/{id:\d+}", open_mail),
    web.get(r"/mail/{id:\d+}/html", mail_html),
    web.get(r"/mail/{id:\d+}/source", mail_source),
]
