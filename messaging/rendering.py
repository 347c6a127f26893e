"""Liquid for the customer's own texts and mails: an allow-list, strict names, limits; values are never code.

A template is inspected in a child process with limits first (`content.sandbox`). One without a loop is then rendered
here, for its parse tree proves that it is cheap; any other in the child, each time. What is refused here is refused
at save, in previews and in fan-out alike.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode

from messaging.content import engine, sandbox
from messaging.content.engine import Inspected, Lenient
from messaging.content.faults import DATA, LIMIT, Fault, fault_at
from messaging.content.vetting import FILTERS
from tenants.errors import DomainError, register

TEXT_FILTERS = tuple(name for name in FILTERS if name != "escape")  # handsets show “&amp;” as it is
LONGEST_TEXT = 2_000  # characters of the source of a message
MOST_TEXT_STEPS = 2_000  # a campaign takes them for each of 100,000 contacts

inspected: Callable[[str], Inspected] = lru_cache(maxsize=512)(sandbox.inspect)


def render(source: str, fields: Mapping[str, Any], *, escapes: bool = False, field: str = "body") -> str:
    """The text with its fields filled in; 400 `template_error` or `template_too_costly`, 503 when none can be made."""
    try:
        return _rendered(source, fields, escapes)
    except (Fault, sandbox.Unavailable) as error:
        raise _as_problem(error, field) from error


def _rendered(source: str, fields: Mapping[str, Any], escapes: bool) -> str:
    by = sandbox if inspected(source).has_loops else engine
    return by.render(source, fields, escapes=escapes)


class Template:
    """A text with merge fields, inspected once and filled in for many contacts. `names` are the fields it uses.

    One that can't be used has a `fault`, which each `fill` raises.
    """

    def __init__(self, source: str) -> None:
        self.source, self.fault, self._parts = source, None, None
        self.names: frozenset[str] = frozenset()
        try:
            self._read()
        except (Fault, sandbox.Unavailable) as error:
            self._keep(_as_problem(error, "body"))
        self.uses_attributes = any(name.startswith("contact.attributes") for name in self.names)

    fault: DomainError | None
    _parts: list[str | tuple[str, ...]] | None

    def _read(self) -> None:
        found = inspected(self.source)
        if found.steps > MOST_TEXT_STEPS:
            raise Fault(LIMIT, engine.TOO_MUCH)
        self.names = frozenset(name for name, _ in found.fields)
        self._parts = _plain_parts(engine.nodes_of(self.source))

    def _keep(self, problem: DomainError) -> None:
        """What ended one rendering by its limits would end the next: it is not tried again."""
        if problem.retryable:
            raise problem
        self.fault = problem

    def fill(self, fields: Mapping[str, Any]) -> str:
        """As `render`. Words and plain fields that hold words are joined without Liquid: twenty times as fast."""
        if self.fault is not None:
            raise self.fault
        if self._parts is None:
            return self._render(fields)
        found = []
        for part in self._parts:
            value: Any = part
            if not isinstance(part, str):
                value = fields
                for name in part:
                    value = value[name]
                if not isinstance(value, str):
                    return self._render(fields)
            found.append(value)
        return "".join(found)

    def _render(self, fields: Mapping[str, Any]) -> str:
        try:
            return render(self.source, fields)
        except DomainError as error:
            if error.code == "template_too_costly":
                self._keep(error)
            raise


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


def check(source: str, known: set[str], *, field: str) -> Inspected:
    """Refuses a template that can't be used or names an unknown field. `known` has `contact.name`, `contact.*` …"""
    try:
        found = inspected(source)
    except (Fault, sandbox.Unavailable) as error:
        raise _as_problem(error, field) from error
    for name, index in found.fields:
        if not _is_known(name, known):
            place = fault_at(source, index, "", name)
            raise DomainError(
                "unknown_merge_field",
                f"Unknown field “{name}” (line {place.line}). Available: {', '.join(sorted(known))}.",
                field=field,
                status=400,
                line=place.line,
                column=place.column,
                word=name,
            )
    return found


def _is_known(name: str, known: set[str]) -> bool:
    parts = name.split(".")
    return name in known or any(".".join([*parts[:n], "*"]) in known for n in range(1, len(parts)))


def check_text(source: str, *, field: str = "body") -> None:
    """What saving a campaign refuses: the above, what is too long or too costly, what fails with sample data."""
    if len(source) > LONGEST_TEXT:
        text = f"The message is too long: {len(source):,} characters; the limit is {LONGEST_TEXT:,}."
        raise DomainError("template_error", text, field=field, status=400)
    found = check(source, CONTACT_FIELDS, field=field)
    refused = sorted(set(found.filters) - set(TEXT_FILTERS))
    if refused:
        text = f"“{refused[0]}” isn’t a filter for messages. Available: {', '.join(TEXT_FILTERS)}."
        raise DomainError("template_error", text, field=field, status=400)
    if found.steps > MOST_TEXT_STEPS:
        raise _as_problem(Fault(LIMIT, engine.TOO_MUCH), field)
    _demand_renders(source, found, field)


def _demand_renders(source: str, found: Inspected, field: str) -> None:
    """An attribute may be of any type, so that one which does not fit is found out at each contact, not here."""
    try:
        _rendered(source, SAMPLE, False)
    except Fault as error:
        if error.kind != DATA or not any(name.startswith("contact.attributes") for name, _ in found.fields):
            raise _as_problem(error, field) from error
    except sandbox.Unavailable as error:
        raise _as_problem(error, field) from error


def _as_problem(error: Exception, field: str) -> DomainError:
    if not isinstance(error, Fault):
        text = "The template can’t be rendered right now; try again in a moment."
        return DomainError("unavailable", text, field=field, status=503, retryable=True)
    code = "template_too_costly" if error.kind == LIMIT else "template_error"
    at = {"line": error.line, "column": error.column, "word": error.word}
    place: dict[str, Any] = at if error.line else {}
    return DomainError(code, error.sentence, field=field, status=400, **place)


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
SAMPLE: dict[str, Any] = {
    "contact": {
        "name": "Mara Okafor",
        "first_name": "Mara",
        "number": "(202) 555-0178",
        "country": "US",
        "attributes": {},
    },
    "org": {"name": "Northwind"},
    "owner": {"name": "Ben Ito"},
    "sender": {"value": "(202) 555-0134", "label": "Renewals line"},
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
            "attributes": Lenient(attributes),
        },
        "org": {"name": org.name},
        "owner": {"name": owner_name},
        "sender": {
            "value": sender.display if sender and "sender.value" in wanted else "",
            "label": sender.label if sender else "",
        },
    }


register(
    {
        "template_error": "The template’s Liquid can’t be read; the place is given where there is one.",
        "template_too_costly": "The template takes too much time, memory or output.",
        "unknown_merge_field": "The template names a field that does not exist; the line is given.",
    }
)
