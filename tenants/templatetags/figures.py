"""Filters of the set-up pages: differences, durations, code words as plain words."""

from typing import Any

from django import template

register = template.Library()


@register.filter
def subtract(whole: Any, part: Any) -> int:
    """`{{ 5|subtract:2 }}` is 3."""
    return int(whole or 0) - int(part or 0)


@register.filter
def spaced(word: Any) -> str:
    """`last_sender` as `last sender`."""
    return str(word).replace("_", " ")


@register.filter
def lasting(seconds: Any) -> str:
    """`< 1 min`, `12 min`, `3 h 20 min`."""
    minutes = round(float(seconds or 0) / 60)
    if minutes < 1:
        return "< 1 min"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
