"""What every page gets from this app: the rail, worked out only when a template shows it."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from messaging.rail import rail_of


def rail(request: HttpRequest) -> dict[str, Any]:
    """`rail.parts` of the member who asks; nothing for a stranger."""
    member = getattr(request, "member", None)
    if member is None:
        return {}
    query = request.GET.urlencode()
    return {
        "rail": {"parts": SimpleLazyObject(lambda: rail_of(member=member, path=request.path, query=query))}
    }
