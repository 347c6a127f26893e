"""Logins and the orgs they belong to: the only questions that are asked across organizations.

A request can't see other orgs: row-level security hides them. So each of these questions is a function of the database
that runs as its owner and answers with nothing but what the asker's own login, or the secret of a link, opens.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from tenants import rows
from tenants.database import OPERATOR, WEB
from tenants.kept import Kept, typed
from tenants.models import Invitation, Membership, Organization, Profile, User
from tenants.scoping import take_org, transaction_of_an_org

MEMBERSHIPS = Kept(
    "memberships_of",
    f"""
    SELECT {rows.columns(Membership, "m")}, {rows.columns(Organization, "o")}, {rows.columns(Profile, "p")}
    FROM tenants_membership m JOIN tenants_organization o ON o.id = m.org_id
    LEFT JOIN tenants_profile p ON p.id = m.profile_id
    WHERE m.user_id = %(login)s AND m.is_active AND o.is_active ORDER BY m.created_at
    """,  # noqa: S608 - only our own names are put in
    takes={"login": "uuid"},
    gives=typed(Membership) | typed(Organization, "o_") | typed(Profile, "p_"),
    across_orgs=[WEB, OPERATOR],
)
INVITATION = Kept(
    "find_invitation",
    "SELECT i.org_id, i.id FROM tenants_invitation i WHERE i.digest = %(digest)s",
    takes={"digest": "text"},
    gives={"org_id": "uuid", "id": "uuid"},
    across_orgs=[WEB],
)


def memberships_of(login: User) -> list[Membership]:
    """The active memberships of a login in active orgs, oldest first; orgs and profiles are loaded."""
    with connection.cursor() as cursor:
        return [_membership(row, login) for row in MEMBERSHIPS.ask(cursor, {"login": login.pk}).fetchall()]


def _membership(values: Sequence[Any], login: User) -> Membership:
    end = rows.width(Membership)
    start = end + rows.width(Organization)
    member = rows.build(Membership, values[:end])
    member.user, member.org = login, rows.build(Organization, values[end:start])
    member.profile = rows.build(Profile, values[start:]) if member.profile_id else None
    return member


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


@contextmanager
def org_of_invitation(digest: str) -> Iterator[Invitation | None]:
    """One transaction in the org whose invitation's link has this digest; None and no org when there is none."""
    with transaction_of_an_org() as cursor:
        taking = f"SELECT f.org_id, f.id, {take_org('f.org_id')} FROM {INVITATION.call} f"  # noqa: S608 - our own names
        cursor.execute(taking, {"digest": digest})
        found = cursor.fetchone()
        yield _invitation(*found[:2]) if found else None


def _invitation(org_id: UUID, pk: UUID) -> Invitation | None:
    rows_of_org = Invitation.objects.for_org(org_id)
    return rows_of_org.select_related("member__user", "member__org", "invited_by").filter(pk=pk).first()
