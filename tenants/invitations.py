"""Invitations: the only way a login becomes a member of an org.

`invite` and `withdraw` run inside the inviting org and never look at logins. `offer_of` and `accept` run for the holder
of the link, in the org of the one membership it names. The link reaches the
address by email only, so holding it proves the address.
"""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants import audit, invitation_mail, logins
from tenants.errors import DomainError
from tenants.memberships import end_membership, require_owner_for
from tenants.models import Invitation, Membership, User

VALID_FOR = timedelta(days=7)
RESEND_AFTER = timedelta(minutes=1)


@dataclass(frozen=True)
class Offer:
    """What a link opens. `state`: open, accepted, withdrawn, expired or replaced (by a newer email)."""

    member: Membership
    invited_by: Membership | None
    expires_at: object
    state: str


@transaction.atomic
def invite(*, member: Membership, by: Membership | None = None) -> Invitation:
    """A new link, emailed after commit; the links before it stop working. 422 `too_soon` within a minute of the last."""
    if member.status != Membership.Status.INVITED:
        text = (
            f"{member.name} has already accepted." if member.accepted_at else f"{member.name} is deactivated."
        )
        raise DomainError("not_invited", text)
    require_owner_for(member.role, None)  # `by` is who stands in the email; what may be is asked of who acts
    _refuse_too_soon(member)
    secret = secrets.token_urlsafe(32)
    row = Invitation.objects.for_org(member.org_id).create(
        member=member, digest=digest(secret), invited_by=by, expires_at=timezone.now() + VALID_FOR
    )
    text = f"Invitation of {member.name} sent to {member.email}"
    audit.note(org_id=member.org_id, action="member.invited", target=member, text=text)
    transaction.on_commit(lambda: invitation_mail.send(row, member, secret), robust=True)
    return row


def _refuse_too_soon(member: Membership) -> None:
    """Also makes two at once wait for each other."""
    Membership.objects.for_org(member.org_id).select_for_update(no_key=True).get(pk=member.pk)
    last = newest_of(member)
    if last and last.created_at > timezone.now() - RESEND_AFTER:
        raise DomainError("too_soon", "An invitation was sent less than a minute ago. Try again shortly.")


def newest_of(member: Membership) -> Invitation | None:
    rows = Invitation.objects.for_org(member.org_id).filter(member=member)
    return rows.select_related("invited_by").order_by("-created_at", "-pk").first()


def withdraw(*, member: Membership, by: Membership | None = None) -> None:
    """The link stops working; the member stays in the history, deactivated."""
    if member.status != Membership.Status.INVITED:
        raise DomainError("not_invited", f"{member.name} has no open invitation.")
    end_membership(member=member, by=by)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def offer_of(secret: str) -> Offer | None:
    """What the link with this secret opens; None when it opens nothing."""
    with logins.org_of_invitation(digest(secret)) as row:
        if row is None or not row.member.org.is_active:
            return None
        return Offer(row.member, row.invited_by, row.expires_at, _state(row))


def _state(row: Invitation) -> str:
    if row.member.accepted_at:
        return "accepted"
    if not row.member.is_active:
        return "withdrawn"
    newest = newest_of(row.member)
    if newest and newest.pk != row.pk:
        return "replaced"
    return "expired" if row.has_expired else "open"


def accept_with_password(*, secret: str, password: str) -> tuple[Membership, User]:
    """Makes the login of the invited address and joins. 422 `login_exists` when the address has one."""
    with _locked(secret) as member:
        login = logins.make_login(email=member.email, password=password)
        if login is None:
            raise DomainError("login_exists", "You already have a login. Log in to accept.")
        return _join(member, login), login


def accept_as(*, secret: str, login: User) -> Membership:
    """Joins with the login of the invited address. 403 `other_address` for any other login."""
    with _locked(secret) as member:
        if login.email.lower() != member.email.lower():
            raise DomainError("other_address", f"This invitation is for {member.email}.", status=403)
        return _join(member, login)


@contextmanager
def _locked(secret: str) -> Iterator[Membership]:
    """The invited member, nobody else accepting meanwhile, in a transaction of the org; 422 when the link no longer
    opens."""
    with logins.org_of_invitation(digest(secret)) as row:
        if row is None:
            raise DomainError("not_found", "This invitation link isn’t valid.", status=404)
        rows = Membership.objects.for_org(row.org_id).select_related("org")
        row.member = rows.select_for_update(of=("self",)).get(pk=row.member_id)
        if (state := _state(row)) != "open":
            raise DomainError("not_invited", REFUSED[state])
        yield row.member


REFUSED = {
    "accepted": "This invitation has already been accepted.",
    "withdrawn": "This invitation has been withdrawn.",
    "replaced": "A newer invitation was sent. Use the link in the latest email.",
    "expired": "This invitation has expired. Ask for a new one.",
}


def _join(member: Membership, login: User) -> Membership:
    member.user, member.accepted_at = login, timezone.now()
    try:
        with transaction.atomic():
            member.save()
    except IntegrityError:
        raise DomainError("duplicate", f"You are already a member of {member.org.name}.")
    acting = audit.acting_member.set(member)
    try:
        text = f"{member.name} accepted the invitation"
        audit.note(org_id=member.org_id, action="member.accepted", target=member, text=text)
    finally:
        audit.acting_member.reset(acting)
    return member
