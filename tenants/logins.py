"""Logins and the orgs they belong to: the only questions that are asked across organizations.

A request inside one org (`as_org`) can't ask them: row-level security hides the other orgs there. Everything else
about people stays within one org and never looks at a login.
"""

from uuid import UUID

from django.db import IntegrityError, transaction

from tenants.models import Invitation, Membership, User
from tenants.scoping import as_owner


def memberships_of(user_id: UUID) -> list[Membership]:
    """The active memberships of a login in active orgs, oldest first; orgs and profiles are loaded."""
    rows = Membership.unscoped.filter(user=user_id, is_active=True, org__is_active=True)
    return list(rows.select_related("org", "user", "profile").order_by("created_at"))


def login_of(email: str) -> User | None:
    """The login of this address, in any spelling of capitals."""
    return User.objects.filter(email__iexact=email).first()


def make_login(*, email: str, password: str) -> User | None:
    """A login of an address that was proved; None when there is one already, also when both were made at once."""
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password)
    except IntegrityError:
        return None


def find_invitation(digest: str) -> Invitation | None:
    """The invitation whose link has this digest, with its member, org and inviter."""
    with as_owner():
        rows = Invitation.unscoped.select_related("member__user", "member__org", "invited_by")
        return rows.filter(digest=digest).first()
