"""What each role may do. Access to senders and conversations comes from assignments, not from here."""

from tenants.errors import DomainError
from tenants.models import Membership

SET_UP = "set_up"
SEND = "send"
READ = "read"
MANAGE_OWNERS = "manage_owners"

_MAY = {
    Membership.Role.OWNER: {SET_UP, SEND, READ, MANAGE_OWNERS},
    Membership.Role.ADMIN: {SET_UP, SEND, READ},
    Membership.Role.REP: {SEND, READ},
    Membership.Role.VIEWER: {READ},
}


def may(member: Membership, what: str) -> bool:
    """Whether this member's role allows `what`; an inactive member may nothing."""
    return member.is_active and what in _MAY[Membership.Role(member.role)]


def require(member: Membership, what: str) -> None:
    """Raises 403 `forbidden` unless `may`."""
    if not may(member, what):
        raise DomainError("forbidden", f"A {member.role} can't do this; ask an admin.", status=403)
