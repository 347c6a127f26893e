"""One line per act that changes who may do what."""

from contextvars import ContextVar
from typing import Any
from uuid import UUID

from django.db.models import Model

from tenants.models import ApiKey, AuditEntry, Membership

# Set by the middleware for the length of a request, so that rules need not carry it.
acting_member: ContextVar[Membership | None] = ContextVar("acting_member", default=None)
acting_key: ContextVar[ApiKey | None] = ContextVar("acting_key", default=None)


def differing(row: Model, changes: dict[str, Any]) -> list[str]:
    """Names of the fields that the changes set to another value; a note's `changed`, so that a field has an author."""
    return [name for name, value in changes.items() if getattr(row, name) != value]


def note(
    *,
    org_id: UUID,
    action: str,
    target: Any,
    text: str,
    on_behalf_of: Membership | None = None,
    **details: Any,
) -> AuditEntry:
    """Writes who (member or key of this request) did `action` to `target`."""
    return AuditEntry.objects.for_org(org_id).create(
        action=action,
        target_kind=target._meta.model_name,
        target_id=target.pk,
        actor=acting_member.get(),
        api_key=acting_key.get(),
        on_behalf_of=on_behalf_of,
        text=text[:500],
        details=details,
    )
