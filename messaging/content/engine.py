"""Liquid for customers' templates: scanned, parsed, vetted, rendered. Raises only Fault.

It runs in the process that asks where the parse tree proves a template cheap, else in a child with limits
(`sandbox`): so it knows neither Django nor a secret.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from typing import Any, NamedTuple

from liquid import Environment, StrictUndefined
from liquid.exceptions import LiquidError, ResourceLimitError

from messaging.content.faults import DATA, LIMIT, SYNTAX, Fault, fault_at
from messaging.content.scanning import TAGS, Piece, scan
from messaging.content.vetting import FILTERS, MOST_TURNS, Vetted, filters_of

LONGEST_VALUE = 4_000  # characters of one value; a message has at most 1,600
MOST_ITEMS = 200  # of a list among a contact's attributes
DEEPEST_VALUE = 4
LONGEST_DATE = 64
TOO_MUCH = "The template takes too much time or memory."


class Inspected(NamedTuple):
    """What is known of a template without rendering it."""

    fields: list[tuple[str, int]]  # name and place of each field
    filters: list[str]
    has_loops: bool
    steps: int


class _Environment(Environment):
    context_depth_limit = 15
    loop_iteration_limit = MOST_TURNS
    local_namespace_limit = 200_000
    output_stream_limit = 100_000


@lru_cache(maxsize=2)
def _environment(escapes: bool) -> _Environment:
    env = _Environment(autoescape=escapes, undefined=StrictUndefined)
    env.filters = {name: call for name, call in env.filters.items() if name in FILTERS}
    env.filters["date"] = _bounded_date(env.filters["date"])
    kept = {*TAGS, "content", "output", "illegal"}
    env.tags = {name: tag for name, tag in env.tags.items() if name in kept}
    return env


def _bounded_date(date: Callable[..., Any]) -> Callable[..., Any]:
    """What is too long for a date or its format stays as it is: parsing it would take long."""

    @wraps(date)
    def bounded(value: Any, form: Any = "", *args: Any, **more: Any) -> Any:
        if len(str(value)) > LONGEST_DATE or len(str(form)) > LONGEST_DATE:
            return value
        return date(value, form, *args, **more)

    return bounded


def inspect(source: str) -> Inspected:
    """Scans, parses and vets; raises Fault when the template can't be used."""
    try:
        parsed, vetted = _parsed(source, False)
        found = parsed.analyze().globals.values()
    except (LiquidError, RecursionError, ValueError) as error:
        raise _fault(source, error, SYNTAX) from error
    fields = [
        (".".join(map(str, variable.segments)), variable.span.index) for group in found for variable in group
    ]
    return Inspected(sorted(fields, key=lambda one: one[1]), sorted(filters_of(parsed.nodes)), *vetted)


@lru_cache(maxsize=512)
def _parsed(source: str, escapes: bool) -> tuple[Any, tuple[bool, int]]:
    pieces = scan(source)
    try:
        parsed = _environment(escapes).from_string(source)
        vetted = Vetted(source, parsed.nodes)
    except (LiquidError, RecursionError, ValueError) as error:
        raise _fault(source, error, SYNTAX, pieces) from error
    return parsed, (vetted.has_loops, vetted.steps)


def nodes_of(source: str) -> list[Any]:
    """The parse tree's first level."""
    return _parsed(source, False)[0].nodes  # type: ignore[no-any-return]


def render(source: str, fields: Mapping[str, Any], *, escapes: bool = False) -> str:
    """The text with its fields filled in."""
    parsed, _ = _parsed(source, escapes)
    try:
        return str(parsed.render(**_clipped(fields)))
    except ResourceLimitError as error:
        raise Fault(LIMIT, TOO_MUCH) from error
    except MemoryError:
        raise
    except Exception as error:  # a filter or a comparison may trip over any value
        raise _fault(source, error, DATA) from error


def _clipped(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Only a contact's attributes may be of any size and shape."""
    contact = fields.get("contact")
    if not isinstance(contact, Mapping) or "attributes" not in contact:
        return dict(fields)
    attributes = _clip(contact["attributes"], 0)
    return {**fields, "contact": {**contact, "attributes": Lenient(attributes)}}


def _clip(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_VALUE]
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 64:
        return "" if value.bit_length() > 10_000 else str(value)
    if depth >= DEEPEST_VALUE or not isinstance(value, (Mapping, list)):
        return "" if isinstance(value, (Mapping, list)) else value
    if isinstance(value, Mapping):
        return {key: _clip(value[key], depth + 1) for key in list(value)[:MOST_ITEMS]}
    return [_clip(one, depth + 1) for one in value[:MOST_ITEMS]]


class Lenient(dict):  # type: ignore[type-arg]
    """An attribute that a contact lacks is empty, not an error: attributes differ from contact to contact."""

    def __missing__(self, key: str) -> str:
        return ""

    def __contains__(self, key: object) -> bool:
        return True


def _fault(source: str, error: Exception, kind: str, pieces: list[Piece] | None = None) -> Fault:
    """The parser's error as a sentence, with its place where there is one."""
    if isinstance(error, Fault):
        return error
    if isinstance(error, RecursionError):
        return Fault(kind, "The template is nested too deeply.")
    text, word, index = _said(error)
    if index < 0 and pieces:
        index, word = _place_of(source, pieces)
        text = f"“{word}” isn’t complete."
    return Fault(kind, text[0].upper() + text[1:]) if index < 0 else fault_at(source, index, text, word, kind)


def _said(error: Exception) -> tuple[str, str, int]:
    token = getattr(error, "token", None)
    word = " ".join(str(token.value).split())[:40] if token is not None else ""
    index = token.start_index if token is not None else -1
    said = getattr(error, "message", None) or str(error) or type(error).__name__
    said = " ".join(str(said).split())[:160]
    if isinstance(error, LiquidError) and word and said.startswith("unexpected"):
        return f"“{word}” can’t be read here.", word, index
    return (f"“{word}”: {said}." if word else f"{said}."), word, index


def _place_of(source: str, pieces: list[Piece]) -> tuple[int, str]:
    """Where the parser names no place: the first tag or output that can't be parsed by itself."""
    for piece in pieces:
        alone = source[piece.start : piece.end]
        ends = f"{{% end{piece.name} %}}" if piece.name in ("if", "unless", "for", "case") else ""
        if piece.name in ("else", "elsif", "when", "break", "continue") or piece.name.startswith("end"):
            continue
        try:
            _environment(False).from_string(alone + ends)
        except LiquidError:
            return piece.start, " ".join(alone.split())[:40]
    return -1, ""
