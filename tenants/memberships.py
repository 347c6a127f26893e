"""People of an org: invite, change, deactivate; profiles and teams."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from tenants import api_keys, audit, logins, roles
from tenants.errors import DomainError
from tenants.models import Assignee, Membership, Organization, Profile, Team, TeamMember
from tenants.names import single_line

Role = Membership.Role


def add_member(
    *,
    org: Organization,
    email: str,
    name: str,
    title: str = "",
    role: str = Role.REP,
    profile: Profile | None = None,
    teams: list[Team] | None = None,
    by: Membership | None = None,
) -> Membership:
    """An invited member: counts for routing at once, nobody signs in as them until the holder of the address accepts.

    Never looks whether the address has a login. 422 `duplicate` when the org has a member of this address.
    """
    require_owner_for(role, by)
    member = Membership(
        org=org, email=email.strip(), name=_name(name), title=single_line(title), role=role, profile=profile
    )
    return _add(member, teams or [])


def enroll(*, org: Organization, email: str, password: str, **fields: Any) -> Membership:
    """For the operator's commands: a member who has accepted, with a login of this address (an existing one stays)."""
    teams = fields.pop("teams", None) or []
    login = logins.login_of(email) or logins.make_login(email=email, password=password)
    member = Membership(org=org, email=email, user=login, accepted_at=timezone.now(), **fields)
    return _add(member, teams)


def _add(member: Membership, teams: list[Team]) -> Membership:
    try:
        with transaction.atomic():
            member.save()
    except IntegrityError:
        raise DomainError(
            "duplicate", f"{member.email} is already a member or has been invited.", field="email"
        )
    set_teams(member=member, teams=teams)
    text = f"{member.name} added as {member.get_role_display().lower()}"
    audit.note(org_id=member.org_id, action="member.added", target=member, text=text)
    return member


def _name(name: str) -> str:
    if not single_line(name):
        raise DomainError("invalid", "Enter a name.", field="name", status=400)
    return single_line(name)


def change_member(*, member: Membership, by: Membership | None = None, **changes: Any) -> Membership:
    """Changes `name, title, role, profile, teams, is_active` in this org only; the last active owner stays one."""
    require_owner_for(changes.get("role", member.role), by, member)
    changed = []
    if "teams" in changes:
        changed = ["teams"] if set_teams(member=member, teams=changes.pop("teams")) else []
    if "name" in changes:
        changes["name"] = _name(changes["name"])
    if "title" in changes:
        changes["title"] = single_line(changes["title"])
    was = {field: str(getattr(member, field)) for field in changes}
    changed += audit.differing(member, changes)
    for field, value in changes.items():
        setattr(member, field, value)
    if not (member.role == Role.OWNER and member.is_active):
        _keep_an_owner(member)
    member.save()
    api_keys.fit_to_maker(member=member)
    if not member.is_active:
        _end_what_was_open(member)
    audit.note(
        org_id=member.org_id,
        action="member.changed",
        target=member,
        text=f"{member.name} changed: {', '.join(changes) or 'teams'}",
        was=was,
        changed=changed,
    )
    return member


def set_teams(*, member: Membership, teams: list[Team]) -> bool:
    """Makes exactly these the member's teams; whether that changed anything."""
    places = TeamMember.objects.for_org(member.org_id)
    removed, _ = places.filter(member=member).exclude(team__in=teams).delete()
    added = [places.get_or_create(member=member, team=team)[1] for team in teams]
    return bool(removed) or any(added)


def require_owner_for(role: str, by: Membership | None, member: Membership | None = None) -> None:
    """Only an owner makes, changes or removes owners, whichever way the request came in."""
    touches_owner = role == Role.OWNER or (member is not None and member.role == Role.OWNER)
    if touches_owner and not _manages_owners(by):
        raise DomainError("forbidden", "Only an owner manages owners.", status=403, field="role")


def _manages_owners(by: Membership | None) -> bool:
    member, key = by or audit.acting_member.get(), audit.acting_key.get()
    if member is not None:
        return roles.may(member, roles.MANAGE_OWNERS)
    return key is None or roles.MANAGE_OWNERS in key.scopes  # neither: a command of the operator


def hold_member(*, org_id: UUID, pk: UUID) -> None:
    """Keeps a member from changing until the transaction ends; owners too, in one order, as they are counted."""
    owners = Q(role=Role.OWNER, is_active=True)
    rows = Membership.objects.for_org(org_id).filter(owners | Q(pk=pk))
    list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk"))


def _keep_an_owner(member: Membership) -> None:
    """An owner who has not accepted yet can't act, so does not count."""
    owners = Membership.objects.for_org(member.org_id).filter(
        role=Role.OWNER, is_active=True, user__isnull=False
    )
    if {owner.pk for owner in owners.select_for_update()} == {member.pk}:
        raise DomainError(
            "last_owner", "An organization keeps at least one active owner; make another first.", field="role"
        )


def named_group(
    *, model: type[Profile] | type[Team], org: Organization, name: str, pk: UUID | None = None
) -> Any:
    """Makes or renames a profile or team; 422 `duplicate` when the name is taken."""
    name = single_line(name)
    if not name:
        raise DomainError("invalid", "Give it a name.", field="name", status=400)
    row = model.objects.for_org(org).filter(pk=pk).first() if pk else model(org=org)
    assert row is not None
    changed = audit.differing(row, {"name": name})
    row.name = name
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise DomainError("duplicate", f"There is a {model._meta.model_name} “{name}” already.", field="name")
    audit.note(
        org_id=org.pk,
        action=f"{model._meta.model_name}.saved",
        target=row,
        text=f"{name} saved",
        changed=changed,
    )
    return row


def end_membership(*, member: Membership, by: Membership | None = None) -> None:
    """Deactivates in this org only; history keeps the name. Ends sessions here, API keys and an open invitation."""
    change_member(member=member, by=by, is_active=False)


def _end_what_was_open(member: Membership) -> None:
    now = timezone.now()
    member.absences.filter(starts_at__gte=now).delete()
    member.absences.filter(ends_at__gt=now).update(ends_at=now)
    member.invitations.filter(expires_at__gt=now).update(expires_at=now)


def delete_group(*, group: Profile | Team) -> None:
    """Deletes a profile or team; its members stay, its assignments end with it."""
    audit.note(
        org_id=group.org_id,
        action=f"{group._meta.model_name}.deleted",
        target=group,
        text=f"{group.name} deleted",
    )
    assignee_id = group.pk
    group.delete()
    Assignee.objects.for_org(group.org_id).filter(pk=assignee_id).delete()
