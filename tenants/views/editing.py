"""What the pages of edit forms share: the row locked before it is compared, saving, and a row deleted meanwhile."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import QueryDict

from tenants.api_base import pick
from tenants.editing.authors import Author, author_of, deletion_of
from tenants.editing.forms import Change, EditForm
from tenants.errors import DomainError, NotFound
from tenants.form_submissions import FIELD
from tenants.views.doors import MemberRequest

# Hidden inputs and buttons that a page of ours adds to a form.
UNSEEN = ("csrfmiddlewaretoken", "page_org", FIELD, "what", "back")


@dataclass(frozen=True)
class Typed:
    """A field of a form whose row is gone, to copy from."""

    label: str
    value: str


class DeletedMeanwhile(DomainError):
    """The row of a submitted form was deleted after the form was opened."""

    template = "forms/deleted.html"

    def __init__(self, noun: str, by: Author, typed: list[Typed]) -> None:
        super().__init__("not_found", f"The {noun} was deleted while you were editing.", status=410)
        self.noun, self.by, self.typed = noun, by, typed


def row_to_edit(request: MemberRequest, rows: QuerySet, pk: Any, noun: str, form: type[forms.Form]) -> Any:
    """The row, locked until the request ends when its form is submitted; 404, or 410 with what was typed."""
    if request.method == "POST":
        rows = rows.select_for_update(of=("self",), no_key=True)
    try:
        return pick(rows, pk, noun)
    except NotFound:
        entry = deletion_of(org_id=request.org.pk, pk=pk) if request.method == "POST" else None
        if entry is None:
            raise
        raise DeletedMeanwhile(noun, author_of(entry), typed_in(form, request.POST))


def typed_in(form: type[forms.Form], data: QueryDict) -> list[Typed]:
    """The words in a submitted form; references to rows are left out, their names can't be looked up."""
    declared = form.base_fields  # type: ignore[attr-defined]
    words = []
    for name, value in data.items():
        field = declared.get(name.rsplit("-", 1)[-1])
        if _is_words(name, str(value)):
            label = (
                field.label
                if field and field.label
                else name.rsplit("-", 1)[-1].replace("_", " ").capitalize()
            )
            choices = (
                dict(getattr(field, "choices", ()) or ()) if isinstance(field, forms.ChoiceField) else {}
            )
            words.append(Typed(str(label), str(choices.get(value, value))))
    return words


def _is_words(name: str, value: str) -> bool:
    if name in UNSEEN or name.rsplit("-", 1)[-1] == "version":
        return False
    try:
        UUID(value)
    except ValueError:
        return value.strip() not in ("", "on")
    return False


def save_edit(request: MemberRequest, *edits: EditForm, save: Any) -> Any:
    """What `save` returned, or None while a form refuses; says which changes of others were kept."""
    if not all([form.is_valid() for form in edits]):  # asks each, so that all errors show at once
        return None
    saved = save()
    if saved:
        for change in (change for form in edits for change in form.merged):
            messages.info(request, _kept(change))
    return saved


def _kept(change: Change) -> str:
    by = change.by.name[:1].upper() + change.by.name[1:]
    return f"{by} changed “{change.label}” while you were editing. That change was kept."
