from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from tenants.models.assignees import Assignable, Assignee
from tenants.models.fields import NameField
from tenants.scoping import TenantForeignKey, TenantOwned, new_id


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A login. What it may do is said by its memberships."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(unique=True)
    name = NameField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="the platform's operator")
    date_joined = models.DateTimeField(auto_now_add=True)
    objects = UserManager()
    USERNAME_FIELD = EMAIL_FIELD = "email"

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_user_per_email")]

    def __str__(self) -> str:
        return self.name or self.email


class Profile(Assignable, TenantOwned):
    """A named group; a member has at most one (like "EMEA sales")."""

    assignee_kind = Assignee.Kind.PROFILE
    name = NameField(max_length=120)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint("org", Lower("name"), name="one_profile_of_a_name")]

    def __str__(self) -> str:
        return self.name


class Team(Assignable, TenantOwned):
    """A named group; a member may be in any number."""

    assignee_kind = Assignee.Kind.TEAM
    name = NameField(max_length=120)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint("org", Lower("name"), name="one_team_of_a_name")]

    def __str__(self) -> str:
        return self.name


class Membership(Assignable, TenantOwned):
    """A person as one org knows them: begins with the invitation, becomes a login's once that login accepts it.

    Name, title and address are the org's own; nothing here is shared with the login or with its other orgs.
    """

    class Role(models.TextChoices):
        OWNER = "owner"
        ADMIN = "admin"
        REP = "rep"
        VIEWER = "viewer"

    class Status(models.TextChoices):
        INVITED = "invited"
        ACTIVE = "active"
        DEACTIVATED = "deactivated"

    assignee_kind = Assignee.Kind.MEMBER
    user = models.ForeignKey(
        User,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="memberships",
        help_text="empty until accepted",
    )
    email = models.EmailField()
    name = NameField(max_length=120)
    title = NameField(max_length=120, blank=True)
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.REP)
    profile = TenantForeignKey(Profile, models.SET_NULL, null=True, blank=True, related_name="members")
    teams = models.ManyToManyField(Team, through="TeamMember", related_name="members", blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["org", "user"], name="one_membership_per_org"),
            models.UniqueConstraint("org", Lower("email"), name="one_member_per_address"),
            models.CheckConstraint(
                condition=Q(user__isnull=True, accepted_at__isnull=True)
                | Q(user__isnull=False, accepted_at__isnull=False),
                name="a_login_belongs_to_who_accepted",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> str:
        if not self.is_active:
            return self.Status.DEACTIVATED
        return self.Status.ACTIVE if self.accepted_at else self.Status.INVITED

    @property
    def is_admin(self) -> bool:
        return self.role in (self.Role.OWNER, self.Role.ADMIN)

    @property
    def may_write(self) -> bool:
        return self.role != self.Role.VIEWER


class TeamMember(TenantOwned):
    team = TenantForeignKey(Team, models.CASCADE, related_name="places")
    member = TenantForeignKey(Membership, models.CASCADE, related_name="places")

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["team", "member"], name="once_in_a_team")]


class Delegation(TenantOwned):
    """An absence, with a stand-in or without, for a time. Nothing changes owner."""

    absent = TenantForeignKey(Membership, models.CASCADE, related_name="absences")
    stand_in = TenantForeignKey(Membership, models.CASCADE, null=True, blank=True, related_name="stands_in")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    all_senders = models.BooleanField(default=True)
    copy_absent = models.BooleanField(default=False)
    reason = NameField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=models.F("starts_at")), name="absence_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(stand_in__isnull=True) | ~Q(stand_in=models.F("absent")),
                name="nobody_stands_in_for_self",
            ),
        ]
        indexes = [
            models.Index(fields=["org", "absent", "ends_at"]),
            models.Index(fields=["org", "stand_in", "ends_at"]),
        ]
