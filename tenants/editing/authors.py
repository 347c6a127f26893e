"""Who changed a field, from the audit log."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tenants.models import AuditEntry

# An entry is dated before its commit: a change seen only after a form was drawn may be dated a little earlier.
COMMIT_DELAY = timedelta(minutes=1)
READ = 100


@dataclass(frozen=True)
class Author:
    """A name for a sentence, and when; no time when the log does not say."""

    name: str
    at: datetime | None


UNKNOWN = Author("someone else", None)


class Authors:
    """The log's entries about some rows since a time; one query."""

    def __init__(self, *, org_id: UUID, targets: Iterable[UUID], since: datetime) -> None:
        rows = AuditEntry.objects.for_org(org_id).filter(
            target_id__in=list(targets), at__gte=since - COMMIT_DELAY
        )
        self._entries = list(rows.select_related("actor", "api_key").order_by("-at")[:READ])

    def of(self, field: str, target: UUID | None = None) -> Author:
        """The author of the newest change to this field (of one row); of a change that names no fields otherwise."""
        entries = [entry for entry in self._entries if target in (None, entry.target_id)]
        naming = [entry for entry in entries if field in entry.details.get("changed", ())]
        silent = [entry for entry in entries if "changed" not in entry.details]
        return next((author_of(entry) for entry in naming or silent), UNKNOWN)


def author_of(entry: AuditEntry) -> Author:
    """The member or API key of an entry."""
    if entry.actor is not None:
        return Author(entry.actor.name, entry.at)
    if entry.api_key is not None:
        return Author(f"the API key “{entry.api_key.name}”", entry.at)
    return Author("Callsign", entry.at)


def deletion_of(*, org_id: UUID, pk: Any) -> AuditEntry | None:
    """The entry of a row's deletion, if there is one."""
    rows = AuditEntry.objects.for_org(org_id).filter(target_id=pk, action__regex=r"\.(deleted|ended)$")
    return rows.select_related("actor", "api_key").order_by("-at").first()
