from typing import Any

from django.http import HttpRequest

from tenants import roles


def who_is_asking(request: HttpRequest) -> dict[str, Any]:
    """For every template: the member, the org, what the role may do."""
    member = getattr(request, "member", None)
    return {
        "member": member,
        "org": getattr(request, "org", None),
        "places": getattr(request, "places", None) or [],
        "may_set_up": bool(member and roles.may(member, roles.SET_UP)),
        "may_send": bool(member and roles.may(member, roles.SEND)),
    }
