"""Filters for numbers and countries, as people write them. Built in everywhere (settings)."""

from django import template

from senderid.country_rules import country_name as name_of_country
from senderid.phone_numbers import national as as_national

register = template.Library()


@register.filter
def national(value: str | None) -> str:
    """`+14155550134` as `(415) 555-0134`; short codes and names as they are."""
    return as_national(value or "")


@register.filter
def country_name(code: str | None) -> str:
    """`DE` as `Germany`."""
    return name_of_country(code) if code else ""
