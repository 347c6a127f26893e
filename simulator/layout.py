"""The frame around every page: head, navigation, style, and the few lines that keep a page live."""

from html import escape
from pathlib import Path

from aiohttp import web

from simulator import clock

STYLE = (Path(__file__).parent / "page.css").read_text()

SCRIPT = (Path(__file__).parent / "live.js").read_text()

PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'"
)
PAGES = {"/": "Handsets", "/mail": "Mail", "/magic": "Magic numbers"}


def page(title: str, body: str, current: str, *, inside: bool = False) -> web.Response:
    """A whole page. `inside` is a page below a list; on a phone it hides the list."""
    links = "".join(
        f'<a href="{path}"{" aria-current=page" if path == current else ""}>{name}</a>'
        for path, name in PAGES.items()
    )
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · Carrier simulator</title><style>{STYLE}</style>"
        f'<body class="{"inside" if inside else ""}"><header><strong>Carrier simulator</strong>'
        f'<nav aria-label="Pages">{links}</nav><small>Nothing here leaves this machine.</small></header>'
        f'{body}<script type="module" src="/live.js"></script></body></html>'
    )
    return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": PAGE_POLICY})


def fragment(html: str) -> web.Response:
    return web.Response(text=html, content_type="text/html", headers={"Cache-Control": "no-store"})


def time_tag(moment: float) -> str:
    stamp = clock.iso(moment)
    return f'<time datetime="{stamp}">{stamp[11:19]} UTC</time>'


async def live_script(_request: web.Request) -> web.Response:
    return web.Response(text=SCRIPT, content_type="text/javascript")
