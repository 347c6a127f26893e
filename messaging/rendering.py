"""Liquid for the customer's own texts: an allow-list of filters, strict names, limits; values are never code.

python-liquid's limits do not cover chains of `replace`, so that filter, append, prepend, times and the like are
not there at all. Used for campaign texts (plain) and e-mail templates (escaped).
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from liquid import Environment, StrictUndefined
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.exceptions import LiquidError

from tenants.errors import DomainError, register

FILTERS = ("escape", "default", "upcase", "downcase", "capitalize", "date", "truncate", "strip")
REFUSED_TAGS = [
    "assign",
    "capture",
    "cycle",
    "decrement",
    "doc",
    "echo",
    "extends",
    "block",
    "include",
    "increment",
    "liquid",
    "macro",
    "call",
    "render",
    "tablerow",
    "ifchanged",
]
MOST_SOURCE = 50_000


class _Environment(Environment):
    context_depth_limit = 10
    loop_iteration_limit = 1000
    local_namespace_limit = 200_000
    output_stream_limit = 100_000


@lru_cache(maxsize=2)
def _environment(escapes: bool) -> _Environment:
    env = _Environment(autoescape=escapes, undefined=StrictUndefined)
    env.filters = {name: call for name, call in env.filters.items() if name in FILTERS}
    env.tags = {name: tag for name, tag in env.tags.items() if name not in REFUSED_TAGS}
    return env


def render(source: str, fields: dict[str, Any], *, escapes: bool = False) -> str:
    """The text with its fields filled in; 422 `template_error` when a field is missing or the source is wrong."""
    try:
        return _parsed(source, escapes).render(**fields)
    except (LiquidError, ValueError, ArithmeticError, TypeError) as error:  # a filter may trip over a value
        raise _as_problem(error, "body") from error


class Template:
    """A text with merge fields, parsed once and filled in for many contacts. `names` are the fields it uses."""

    def __init__(self, source: str) -> None:
        self.source = source
        try:
            parsed = _parsed(source, False)
            used = [variable for group in parsed.analyze().globals.values() for variable in group]
        except LiquidError as error:
            raise _as_problem(error, "body") from error
        self.names = frozenset(".".join(map(str, variable.segments)) for variable in used)
        self.uses_attributes = any(name.startswith("contact.attributes") for name in self.names)
        self._parts = _plain_parts(parsed.nodes)

    def fill(self, fields: Mapping[str, Any]) -> str:
        """As `render`. Words and plain fields that hold words are joined without Liquid: twenty times as fast."""
        if self._parts is None:
            return render(self.source, dict(fields))
        found = []
        for part in self._parts:
            value: Any = part
            if not isinstance(part, str):
                value = fields
                for name in part:
                    value = value[name]
                if not isinstance(value, str):
                    return render(self.source, dict(fields))
            found.append(value)
        return "".join(found)


SPECIAL = {"size", "first", "last"}


def _plain_parts(nodes: list[Any]) -> list[str | tuple[str, ...]] | None:
    """The words and the paths of the fields between them; None when there is more to it than that."""
    parts: list[str | tuple[str, ...]] = []
    for node in nodes:
        if isinstance(node, ContentNode):
            parts.append(node.text)
        elif isinstance(node, OutputNode) and (path := _plain_path(node.expression)):
            parts.append(path)
        else:
            return None
    return parts


def _plain_path(expression: Any) -> tuple[str, ...] | None:
    if type(expression) is not FilteredExpression or expression.filters:
        return None
    path = getattr(expression.left, "path", []) if isinstance(expression.left, Path) else []
    is_known = ".".join(map(str, path)) in CONTACT_FIELDS
    is_attribute = path[:2] == ["contact", "attributes"] and len(path) == 3
    if (
        not (is_known or is_attribute)
        or not all(isinstance(name, str) for name in path)
        or path[-1] in SPECIAL
    ):
        return None
    return tuple(path)


@lru_cache(maxsize=512)
def _parsed(source: str, escapes: bool) -> Any:
    if len(source) > MOST_SOURCE:
        raise DomainError("template_error", f"A template has at most {MOST_SOURCE} characters.", field="body")
    return _environment(escapes).from_string(source)


def check(source: str, known: set[str], *, field: str) -> None:
    """Refuses a template with an unknown field, naming it and its line. `known` has `contact.name`, `contact.*` …"""
    try:
        analysis = _parsed(source, False).analyze()
    except LiquidError as error:
        raise _as_problem(error, field) from error
    for name in analysis.filters:
        if name not in FILTERS:
            text = f"There is no filter “{name}”; there are: {', '.join(FILTERS)}."
            raise DomainError("template_error", text, field=field, status=400)
    for variables in analysis.globals.values():
        for variable in variables:
            name = ".".join(str(part) for part in variable.segments)
            parts = name.split(".")
            if name in known or any(".".join([*parts[:n], "*"]) in known for n in range(1, len(parts))):
                continue
            line = source.count("\n", 0, variable.span.index) + 1
            raise DomainError(
                "unknown_merge_field",
                f"There is no field “{name}” (line {line}); there are: {', '.join(sorted(known))}.",
                field=field,
                status=400,
                line=line,
            )


def _as_problem(error: Exception, field: str) -> DomainError:
    text = re.sub(r"\s+", " ", str(error)).strip()
    return DomainError("template_error", f"The template can’t be used: {text}", field=field, status=400)


CONTACT_FIELDS = {
    "contact.name",
    "contact.first_name",
    "contact.number",
    "contact.country",
    "contact.attributes.*",
    "org.name",
    "owner.name",
    "sender.value",
    "sender.label",
}


def contact_fields(contact: Any, org: Any, sender: Any = None) -> dict[str, Any]:
    """What a campaign's text may name, of one contact."""
    return person_fields(
        contact,
        org,
        sender,
        owner_name=contact.owner.name if contact.owner_id else "",
        attributes=contact.attributes,
    )


def person_fields(
    person: Any,
    org: Any,
    sender: Any = None,
    *,
    owner_name: str,
    attributes: dict[str, Any],
    wanted: frozenset[str] = frozenset(CONTACT_FIELDS),
) -> dict[str, Any]:
    """The same without a query; numbers are written out for people only where `wanted`, it takes long."""
    return {
        "contact": {
            "name": person.name,
            "first_name": (person.name or "").split(" ")[0],
            "number": person.display_number if "contact.number" in wanted else "",
            "country": person.country,
            "attributes": _Lenient(attributes),
        },
        "org": {"name": org.name},
        "owner": {"name": owner_name},
        "sender": {
            "value": sender.display if sender and "sender.value" in wanted else "",
            "label": sender.label if sender else "",
        },
    }


class _Lenient(dict):  # type: ignore[type-arg]
    """An attribute that a contact lacks is empty, not an error: attributes differ from contact to contact."""

    def __missing__(self, key: str) -> str:
        return ""

    def __contains__(self, key: object) -> bool:
        return True


register(
    {
        "template_error": "The template’s Liquid can’t be read.",
        "unknown_merge_field": "The template names a field that does not exist; the line is given.",
    }
)
