"""Liquid for the customer's own texts: names that exist, filters that are allowed, values that are never code."""

from types import SimpleNamespace
from typing import Any

import pytest

from messaging.rendering import CONTACT_FIELDS, FILTERS, check, contact_fields, render
from tenants.errors import DomainError

ORG = SimpleNamespace(name="Northwind")


def person(**fields: Any) -> SimpleNamespace:
    plain = {
        "name": "Carla Ruiz",
        "display_number": "(415) 555-0199",
        "country": "US",
        "owner_id": None,
        "attributes": {"city": "Oslo", "n": 3, "tags": ["a"]},
    }
    return SimpleNamespace(**(plain | fields))


def filled(body: str, **fields: Any) -> str:
    return render(body, contact_fields(person(**fields), ORG))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("Hi {{ contact.first_name }}!", "Hi Carla!"),
        ("{{ contact.name }} {{ contact.number }} {{ contact.country }}", "Carla Ruiz (415) 555-0199 US"),
        ("{{ org.name }}", "Northwind"),
        ("{{ contact.attributes.city }} {{ contact.attributes.n }}", "Oslo 3"),
        ("[{{ contact.attributes.missing }}]", "[]"),
        ("{{ contact.attributes.missing | default: 'friend' }}", "friend"),
        ("{{ contact.name | upcase | truncate: 8 }}", "CARLA..."),
        ("{% if contact.country == 'US' %}Howdy{% else %}Hello{% endif %}", "Howdy"),
        ("{{ owner.name }}{{ sender.value }}", ""),
        ("no fields, 100 % fine", "no fields, 100 % fine"),
    ],
)
def test_fields_are_filled_in(body: str, text: str) -> None:
    check(body, CONTACT_FIELDS, field="body")
    assert filled(body) == text


def test_a_value_is_never_code() -> None:
    assert filled("{{ contact.name }}", name="{{ org.name }}{% if %}") == "{{ org.name }}{% if %}"


def test_a_mail_escapes_its_values() -> None:
    fields = contact_fields(person(name="<b>&"), ORG)
    assert render("<i>{{ contact.name }}</i>", fields, escapes=True) == "<i>&lt;b&gt;&amp;</i>"
    assert render("{{ contact.name }}", fields) == "<b>&"


@pytest.mark.parametrize(
    ("body", "name", "line"),
    [
        ("{{ contact.nam }}", "contact.nam", 1),
        ("Hi\n\n{{ colour }}", "colour", 3),
        ("{{ contact }}", "contact", 1),
        ("{{ org.secret }}", "org.secret", 1),
        ("ok\n{% if contact.vip %}x{% endif %}", "contact.vip", 2),
        ("{{ contact.name | default: other.thing }}", "other.thing", 1),
    ],
)
def test_an_unknown_field_is_named_with_its_line(body: str, name: str, line: int) -> None:
    with pytest.raises(DomainError) as refused:
        check(body, CONTACT_FIELDS, field="body")
    assert (refused.value.code, refused.value.field, refused.value.status) == (
        "unknown_merge_field",
        "body",
        400,
    )
    assert f"“{name}” (line {line})" in refused.value.text
    assert refused.value.extra["line"] == line


@pytest.mark.parametrize(
    "dangerous",
    [
        "replace: 'a', 'aaaa'",
        "append: 'x'",
        "prepend: 'x'",
        "times: 9",
        "split: ''",
        "join: ','",
        "map: 'x'",
        "replace_first: 'a', 'b'",
        "base64_decode",
        "nonsense",
    ],
)
def test_a_filter_outside_the_list_is_refused(dangerous: str) -> None:
    with pytest.raises(DomainError) as refused:
        check("{{ contact.name | " + dangerous + " }}", CONTACT_FIELDS, field="body")
    assert (refused.value.code, refused.value.field) == ("template_error", "body")
    with pytest.raises(DomainError):
        filled("{{ contact.name | " + dangerous + " }}")


@pytest.mark.parametrize(
    "tag",
    [
        "{% include 'x' %}",
        "{% render 'x' %}",
        "{% assign x = 1 %}",
        "{% capture x %}a{% endcapture %}",
        "{% increment x %}",
        "{% cycle 'a', 'b' %}",
        "{% tablerow x in (1..9) %}{% endtablerow %}",
        "{% extends 'x' %}",
        "{% block x %}{% endblock %}",
        "{% macro x %}{% endmacro %}",
    ],
)
def test_a_tag_that_includes_or_stores_is_refused(tag: str) -> None:
    with pytest.raises(DomainError) as refused:
        check(tag, CONTACT_FIELDS, field="body")
    assert refused.value.code == "template_error"


@pytest.mark.parametrize(
    "body", ["{{ contact.name", "{% if %}", "{% if contact.name %}", "{{ | upcase }}", "{% endif %}"]
)
def test_what_cannot_be_read_is_an_error_at_save(body: str) -> None:
    with pytest.raises(DomainError) as refused:
        check(body, CONTACT_FIELDS, field="body")
    assert (refused.value.code, refused.value.status) == ("template_error", 400)


@pytest.mark.parametrize(
    "body",
    [
        "{% for a in (1..100000) %}x{% endfor %}",
        "{% for a in (1..900) %}{% for b in (1..900) %}x{% endfor %}{% endfor %}",
        "{% for a in (1..999) %}" + "x" * 2000 + "{% endfor %}",
    ],
)
def test_a_text_that_grows_without_end_is_stopped(body: str) -> None:
    with pytest.raises(DomainError):
        filled(body)


@pytest.mark.parametrize(
    "value", [3, -1, 1.5, 10**30, True, None, "now", "9" * 40, "\ud83d", ["a"], {"a": 1}, [], ""]
)
def test_whatever_an_attribute_holds_the_worst_is_a_refusal(value: Any) -> None:
    """Campaigns skip a contact with `template_error`; nothing else may be raised."""
    for name in FILTERS:
        argument = {"date": ": '%Y'", "default": ": 'x'", "truncate": ": 5"}.get(name, "")
        body = "{{ contact.attributes.odd | " + name + argument + " }}"
        try:
            assert isinstance(filled(body, attributes={"odd": value}), str)
        except DomainError as refused:
            assert refused.code == "template_error"
