"""Query parameters of the API: each view declares its filters; whatever else is asked is refused by name.

A filter that is ignored gives the whole list, which a client takes for the answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.filters import BaseFilterBackend

PAGING = ("cursor", "page_size")
LONGEST = 200


@dataclass(frozen=True)
class Filter:
    """A text. `lookup` is the ORM's; without one the view applies it by itself."""

    lookup: str = ""
    help_text: str = ""

    def read(self, name: str, text: str, view: Any) -> Any:
        return text

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


@dataclass(frozen=True)
class IdFilter(Filter):
    def read(self, name: str, text: str, view: Any) -> UUID:
        try:
            return UUID(text)
        except ValueError:
            raise refusal(name, f"“{text[:40]}” isn’t an id.", "invalid")

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "uuid"}


@dataclass(frozen=True)
class ChoiceFilter(Filter):
    choices: tuple[str, ...] = ()

    def read(self, name: str, text: str, view: Any) -> str:
        if text not in self.choices:
            available = ", ".join(self.choices)
            raise refusal(name, f"“{text[:40]}” isn’t a choice. Available: {available}.", "invalid_choice")
        return text

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.choices)}


def choice(lookup: str, choices: Iterable[Any], help_text: str = "") -> ChoiceFilter:
    """From a model's choices, or plain values."""
    values = (one[0] if isinstance(one, tuple) else one for one in choices)
    return ChoiceFilter(lookup, help_text, tuple(str(value) for value in values))


@dataclass(frozen=True)
class FlagFilter(Filter):
    WORDS = {"true": True, "1": True, "false": False, "0": False}

    def read(self, name: str, text: str, view: Any) -> bool:
        if text not in self.WORDS:
            raise refusal(name, f"“{text[:40]}” isn’t a choice. Available: true, false.", "invalid_choice")
        return self.WORDS[text]

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


def refusal(name: str, text: str, code: str) -> serializers.ValidationError:
    return serializers.ValidationError({name: [serializers.ErrorDetail(text, code)]})


def read_parameters(view: Any, query: Any) -> dict[str, Any]:
    """What is asked, read by the view's filters; 400 that names what does not exist, is empty or is given twice."""
    if not query:
        return {}
    known = parameters_of(view)
    found: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for name, texts in query.lists():
        try:
            found[name] = _read(name, texts, known, view)
        except serializers.ValidationError as error:
            errors |= error.detail  # type: ignore[arg-type]
            if len(errors) > 20:
                break
    if errors:
        raise serializers.ValidationError(errors)
    return found


def _read(name: str, texts: list[str], known: Mapping[str, Filter], view: Any) -> Any:
    if name not in known:
        available = f"Available: {', '.join(sorted(known))}." if known else "There are none here."
        raise refusal(name[:100], f"No such parameter. {available}", "unknown_parameter")
    if len(texts) > 1:
        raise refusal(name, "It is given twice.", "invalid")
    if len(texts[0]) > LONGEST and name not in PAGING:
        raise refusal(name, f"At most {LONGEST} characters.", "max_length")
    if not texts[0].strip() and name not in PAGING:
        raise refusal(name, "It is empty. Leave it out, or give a value.", "blank")
    return known[name].read(name, texts[0], view)


def parameters_of(view: Any) -> dict[str, Filter]:
    """Every parameter of the view's current action, by name."""
    known = dict(getattr(view, "parameters", {}))
    if getattr(view, "request", None) is not None and view.request.method not in ("GET", "HEAD"):
        return known
    if view.action == "list":
        known |= getattr(view, "filters", {})
    if view.action in getattr(view, "lists", ("list",)):
        known |= dict.fromkeys(PAGING, Filter())
    return known


class DeclaredFilters(BaseFilterBackend):
    """Applies the filters that have a lookup; describes all of them in the OpenAPI document."""

    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        wanted = {
            one.lookup: view.asked[name]
            for name, one in view.filters.items()
            if one.lookup and name in view.asked
        }
        return queryset.filter(**wanted) if wanted else queryset

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        known = dict(getattr(view, "parameters", {})) | (view.filters if view.action == "list" else {})
        return [
            {"name": name, "in": "query", "required": False, "schema": one.schema}
            | ({"description": one.help_text} if one.help_text else {})
            for name, one in known.items()
        ]
