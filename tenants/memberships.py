"""People of an org: invite, change, deactivate; profiles and teams."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants import audit
from tenants.errors import DomainError
from tenants.models import Assignee, Membership, Organization, Profile, Team, TeamMember, User

Role = Membership.Role


def add_member(
    *,
    org: Organization,
    email: str,
    name: str,
    role: str = Role.REP,
    profile: Profile | None = None,
    teams: list[Team] | None = None,
    password: str | None = None,
    by: Membership | None = None,
) -> Membership:
    """A member, with a login of this address (an existing one is taken). 422 `duplicate` when a member already."""
    _guard_owner(by, role)
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        user = User.objects.create_user(email, password, name=name)
    try:
        with transaction.atomic():
            member = Membership(org=org, user=user, role=role, profile=profile)
            member.save()
    except IntegrityError:
        raise DomainError("duplicate", f"{email} is a member already.", field="email")
    set_teams(member=member, teams=teams or [])
    audit.note(org_id=org.pk, action="member.added", target=member, text=f"{member.name} joined as {role}")
    return member


def change_member(*, member: Membership, by: Membership | None = None, **changes: Any) -> Membership:
    """Changes `name, role, profile, teams, is_active`; the last active owner stays one."""
    _guard_owner(by, changes.get("role", member.role), member)
    if changes.get("name", member.user.name) != member.user.name:
        _guard_shared_login(member)
    if "name" in changes:
        member.user.name = changes.pop("name")
        member.user.save(update_fields=["name"])
    if "teams" in changes:
        set_teams(member=member, teams=changes.pop("teams"))
    was = {field: str(getattr(member, field)) for field in changes}
    for field, value in changes.items():
        setattr(member, field, value)
    if not (member.role == Role.OWNER and member.is_active):
        _keep_an_owner(member)
    member.save()
    audit.note(
        org_id=member.org_id,
        action="member.changed",
        target=member,
        text=f"{member.name} changed: {', '.join(changes) or 'teams or name'}",
        was=was,
    )
    return member


def set_teams(*, member: Membership, teams: list[Team]) -> None:
    """Makes exactly these the member's teams."""
    places = TeamMember.objects.for_org(member.org_id)
    places.filter(member=member).exclude(team__in=teams).delete()
    for team in teams:
        places.get_or_create(member=member, team=team)


def _guard_shared_login(member: Membership) -> None:
    if member.user.memberships.exclude(org_id=member.org_id).exists():
        text = "This login belongs to another organization too; only its owner can change the name."
        raise DomainError("shared_login", text, field="name")


def _guard_owner(by: Membership | None, role: str, member: Membership | None = None) -> None:
    touches_owner = role == Role.OWNER or (member is not None and member.role == Role.OWNER)
    if by is not None and by.role != Role.OWNER and touches_owner:
        raise DomainError("forbidden", "Only an owner manages owners.", status=403, field="role")


def _keep_an_owner(member: Membership) -> None:
    owners = (
        Membership.objects.for_org(member.org_id).filter(role=Role.OWNER, is_active=True).select_for_update()
    )
    ids = {owner.pk for owner in owners}
    if ids == {member.pk}:
        raise DomainError(
            "last_owner", "An organization keeps at least one active owner; make another first.", field="role"
        )


def named_group(
    *, model: type[Profile] | type[Team], org: Organization, name: str, pk: UUID | None = None
) -> Any:
    """Makes or renames a profile or team; 422 `duplicate` when the name is taken."""
    name = " ".join(name.split())
    if not name:
        raise DomainError("invalid", "Give it a name.", field="name", status=400)
    row = model.objects.for_org(org).filter(pk=pk).first() if pk else model(org=org)
    assert row is not None
    row.name = name
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise DomainError("duplicate", f"There is a {model._meta.model_name} “{name}” already.", field="name")
    audit.note(org_id=org.pk, action=f"{model._meta.model_name}.saved", target=row, text=f"{name} saved")
    return row


def end_membership(*, member: Membership, by: Membership | None = None) -> None:
    """Deactivates; history keeps the name. Signs the person out of this org at once."""
    change_member(member=member, by=by, is_active=False)
    now = timezone.now()
    member.absences.filter(starts_at__gte=now).delete()
    member.absences.filter(ends_at__gt=now).update(ends_at=now)


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
