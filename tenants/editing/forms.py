"""The base of every form that changes what exists.

The form carries a version: what it was drawn from. At save the stored values are compared with it, field by field:
what only others changed stays as they saved it; what both changed to different values is shown with its author, and
nothing is saved until it is submitted again. Elements of a set are added and removed one by one, so sets never
conflict. The view locks the row first (`tenants.views.editing`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tenants.editing import fields, versions
from tenants.editing.authors import Author, Authors
from tenants.editing.fields import Posted
from tenants.editing.versions import Digests, Version, digest

NAME = "version"
LONG = 120
NOBODY = Author("", None)


@dataclass(frozen=True)
class Change:
    """A field that somebody else changed: what it is now, who did it and when."""

    name: str
    label: str
    now: str
    by: Author

    @property
    def sentence(self) -> str:
        """Beside the field; a long text is shown once only, in the notice."""
        by = f", saved by {self.by.name}" if self.by.name else ""
        now = self.now if len(self.now) <= LONG else "see the saved text above"
        return f"Now: {now or '(empty)'}{by}"


class EditForm(forms.Form):
    """A form about an existing row, `edits`; without one (a new row) it has no version.

    `about` are ids of further rows whose audit entries name the author; `is_preview` reads the typed values only.
    """

    # Fields that mean something only together: a change of theirs to one and of mine to another is a conflict.
    coupled: tuple[tuple[str, ...], ...] = ()
    part = ""  # of the row: the form of one country is no form of another
    audit_names: dict[str, str] = {}  # of fields that the audit log calls otherwise

    def __init__(self, *args: Any, edits: Any = None, is_preview: bool = False, **kwargs: Any) -> None:
        self.edits, self.is_preview = edits, is_preview
        self.conflicts: list[Change] = []
        self.merged: list[Change] = []
        self.is_unversioned = False
        super().__init__(*args, **kwargs)

    @property
    def version(self) -> SafeString | str:
        """The hidden input; drawn again after a conflict it holds the values that were shown then."""
        if self.edits is None:
            return ""
        drawn = {name: _digests(fields.stored(self[name])) for name in self._open_fields()}
        sealed = versions.seal(Version(timezone.now(), drawn), subject=self._subject)
        return format_html('<input type="hidden" name="{}" value="{}">', self.add_prefix(NAME), sealed)

    def full_clean(self) -> None:
        compares = self.is_bound and self.edits is not None and not self.is_preview
        if compares:
            self._compare()
        super().full_clean()
        for change in self.conflicts:
            self.add_error(change.name, change.sentence)

    def changed_meanwhile(self) -> list[Change]:
        """What others changed since the form was drawn, whatever was typed."""
        self.full_clean()
        return [*self.conflicts, *self.merged]

    @property
    def _subject(self) -> str:
        return f"{type(self).__name__}:{self.edits.pk}:{self.part}:{self.prefix or ''}"

    def _open_fields(self) -> list[str]:
        return [name for name, field in self.fields.items() if not field.disabled]

    def _compare(self) -> None:
        posted: Any = self.data
        self.data = posted.copy()
        version = versions.unseal(self.data.get(self.add_prefix(NAME), ""), subject=self._subject)
        theirs, conflicts = self._merge(version.fields) if version else (set(), self.without_version())
        self.is_unversioned = version is None and bool(conflicts)
        if theirs or conflicts:
            authors = self._authors(version.at) if version else None
            self.conflicts = [self._change(name, authors) for name in self.fields if name in conflicts]
            self.merged = [self._change(name, authors) for name in self.fields if name in theirs - conflicts]

    def without_version(self) -> set[str]:
        """Fields to be checked: whose typed value is not the stored one: all that can be said without a version."""
        return {name for name in self._posted_fields() if not _same(self[name], fields.stored(self[name]))}

    def _posted_fields(self) -> list[str]:
        """Open fields that a browser sent; a locked one is not sent and stays as it is."""
        return [name for name in self._open_fields() if not _omitted(self[name], self.data)]

    def _merge(self, was: dict[str, Digests]) -> tuple[set[str], set[str]]:
        """Writes what only others changed into the posted data; (changed by others, changed by both)."""
        names = self._posted_fields()
        theirs = {name for name in names if _digests(fields.stored(self[name])) != was.get(name)}
        mine = {name for name in theirs if not _is_untouched(self[name], was.get(name))}
        both = {n for n in theirs & mine if not fields.is_set(self.fields[n])} | self._split(theirs, was)
        conflicts = {name for name in both if not _same(self[name], fields.stored(self[name]))}
        for name in theirs - conflicts:
            self._take_over(self[name], was.get(name))
        return theirs, conflicts

    def _split(self, theirs: set[str], was: dict[str, Digests]) -> set[str]:
        """Fields that others changed while another of the same group was changed here."""
        touched = {name for group in self.coupled if theirs & set(group) for name in group}
        touched = {n for n in touched & set(self._posted_fields()) if not _is_untouched(self[n], was.get(n))}
        groups = [set(group) for group in self.coupled if touched & set(group)]
        return theirs & set().union(*groups)

    def _take_over(self, bound: BoundField, was: Digests | None) -> None:
        now: Posted = fields.stored(bound)
        if fields.is_set(bound.field):
            now = _added_up(was if isinstance(was, list) else [], list(now), list(fields.typed(bound)))
        fields.write(self.data, bound, now)

    def _authors(self, since: datetime) -> Authors:
        return Authors(org_id=getattr(self.edits, "org_id", self.edits.pk), targets=self.about(), since=since)

    def author_of(self, name: str, authors: Authors) -> Author:
        return authors.of(self.audit_names.get(name, name))

    def about(self) -> list[Any]:
        """Ids of the rows whose audit entries name the author."""
        return [self.edits.pk]

    def _change(self, name: str, authors: Authors | None) -> Change:
        by = self.author_of(name, authors) if authors else NOBODY
        return Change(name, str(self[name].label), fields.spoken(self[name]), by)


def _digests(value: Posted) -> Digests:
    return sorted(map(digest, value)) if isinstance(value, list) else digest(value)


def _omitted(bound: BoundField, data: Any) -> bool:
    return bound.field.widget.value_omitted_from_data(data, {}, bound.html_name)


def _is_untouched(bound: BoundField, was: Digests | None) -> bool:
    return _digests(fields.typed(bound)) == was or _digests(fields.cleaned(bound)) == was


def _same(bound: BoundField, now: Posted) -> bool:
    return _is_untouched(bound, _digests(now))


def _added_up(was: list[str], now: list[str], typed: list[str]) -> list[str]:
    """What others saved, without what was removed here and with what was added here."""
    kept = [one for one in now if one in typed or digest(one) not in was]
    return kept + [one for one in typed if one not in now and digest(one) not in was]
