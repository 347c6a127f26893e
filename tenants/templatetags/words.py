"""Filters that put values into words: times relative with the exact one on hover, initials, colours, plurals.

Numbers and countries: `senderid.templatetags.numbers`.
"""

from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any
from zlib import crc32

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()
HUES = 12


@register.simple_tag(takes_context=True)
def csrf_token(context: Any) -> SafeString:
    """Django's own tag; the org of the page: a form posted after the session moved to another org is refused; and the
    form's own token, so that a form submitted twice acts once (`tenants.form_submissions`)."""
    token, org = context.get("csrf_token"), getattr(context.get("request"), "org", None)
    hidden = (
        format_html('<input type="hidden" name="csrfmiddlewaretoken" value="{}">', token) if token else ""
    )
    if org is None:
        return format_html("{}", hidden)
    page_org = format_html('<input type="hidden" name="page_org" value="{}">', org.pk)
    own = format_html('<input type="hidden" name="form_token" value="{}">', token_urlsafe(12))
    return format_html("{}{}{}", hidden, page_org, own)


@register.filter
def initials(name: Any) -> str:
    """At most two letters of a name; the last two digits of a number."""
    if not any(sign.isalpha() for sign in str(name)):
        return "".join(sign for sign in str(name) if sign.isdigit())[-2:]
    words = [word for word in str(name).split() if word[0].isalnum()] or [str(name)]
    if len(words) == 1:
        return words[0][:2].upper()
    return (words[0][0] + words[-1][0]).upper()


@register.filter
def hue(name: Any) -> str:
    """The avatar's colour class, the same for the same name."""
    return f"hue-{crc32(str(name).encode()) % HUES}"


@register.filter
def a(word: Any) -> str:
    """`{{ "admin"|a }}` is `an admin`."""
    return f"{'an' if str(word)[:1].lower() in 'aeio' else 'a'} {word}"


@register.filter
def plural(count: Any, words: str) -> str:
    """`{{ 3|plural:"text,texts" }}` is `3 texts`."""
    one, many = words.split(",")
    number = int(count or 0)
    return f"{number:,} {one if number == 1 else many}"


@register.filter
def exact(at: datetime | None) -> str:
    """`Tue 3 Nov 2026, 10:42 EST`, in the zone of the page."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M %Z}"


@register.filter
def clock(at: datetime | None) -> str:
    """`10:42` with the exact time on hover."""
    return _time(at, f"{timezone.localtime(at):%H:%M}") if at else ""


@register.filter
def ago(at: datetime | None) -> str:
    """`now`, `4m`, `2h`, `Yesterday`, `3 Nov`: short, for lists; the exact time on hover."""
    return _time(at, _short(timezone.localtime(at))) if at else ""


@register.filter
def when(at: datetime | None) -> str:
    """`today 10:42`, `Tuesday 10:42`, `3 Nov, 10:42`: for sentences, past or to come; the exact time on hover."""
    return _time(at, _spoken(timezone.localtime(at))) if at else ""


@register.filter
def day(at: datetime | None) -> str:
    """`Today`, `Yesterday`, `Tuesday`, `3 November 2025`: the line between two days of a thread."""
    if at is None:
        return ""
    local, today = timezone.localtime(at), timezone.localdate()
    days = (today - local.date()).days
    if days in (0, 1):
        return ("Today", "Yesterday")[days]
    if 1 < days < 7:
        return f"{local:%A}"
    return f"{local.day} {local:%B}" + ("" if local.year == today.year else f" {local.year}")


@register.filter
def minutes_since(at: datetime | None) -> str:
    """`2 min`, `3 h`, `4 days`: how long something waits."""
    if at is None:
        return ""
    seconds = max(0, int((timezone.now() - at).total_seconds()))
    if seconds < 3600:
        return f"{max(1, seconds // 60)} min"
    return f"{seconds // 3600} h" if seconds < 2 * 86400 else f"{seconds // 86400} days"


@register.filter
def local_time(zone: str) -> str:
    """The time of day in a named zone: `10:42`, with the place it is named after."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        now = timezone.now().astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        return ""
    return f"{now:%H:%M} {zone.rsplit('/', 1)[-1].replace('_', ' ')}"


def _time(at: datetime | None, text: str) -> SafeString:
    assert at is not None
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact(at), text)


def _short(local: datetime) -> str:
    now = timezone.localtime()
    gone = now - local
    if timedelta(0) <= gone < timedelta(days=1):
        minutes = int(gone.total_seconds() // 60)
        if minutes < 1:
            return "now"
        return f"{minutes}m" if minutes < 60 else f"{minutes // 60}h"
    if (now.date() - local.date()).days == 1:
        return "Yesterday"
    return f"{local.day} {local:%b}" + ("" if local.year == now.year else f" {local.year}")


def _spoken(local: datetime) -> str:
    today = timezone.localdate()
    days = (local.date() - today).days
    clock_time = f"{local:%H:%M}"
    if days in (-1, 0, 1):
        return f"{('yesterday', 'today', 'tomorrow')[days + 1]} {clock_time}"
    if -7 < days < 7:
        return f"{local:%A} {clock_time}"
    return (
        f"{local.day} {local:%b}" + ("" if local.year == today.year else f" {local.year}") + f", {clock_time}"
    )
