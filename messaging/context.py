"""What every page gets from this app: the rail, worked out only when a template shows it."""

from contextlib import nullcontext
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from messaging.rail import rail_of
from tenants.scoping import as_org


def rail(request: HttpRequest) -> dict[str, Any]:
    """`rail.parts` of the member who asks; nothing for a stranger."""
    member = getattr(request, "member", None)
    if member is None:
        return {}

    def parts() -> Any:
        with nullcontext() if request.in_org else as_org(member.org_id):  # type: ignore[attr-defined]
            return rail_of(member=member, path=request.path, query=request.GET.urlencode())

    return {"rail": {"parts": SimpleLazyObject(parts)}}
