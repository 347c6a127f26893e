from tenants.models.api_keys import ApiKey
from tenants.models.assignees import Assignable, Assignee
from tenants.models.audit import AuditEntry
from tenants.models.fields import NameField
from tenants.models.idempotency import IdempotencyKey
from tenants.models.invitations import Invitation
from tenants.models.organizations import Organization
from tenants.models.people import Delegation, Membership, Profile, Team, TeamMember, User
from tenants.models.sessions import Session

__all__ = [
    "ApiKey",
    "Assignable",
    "Assignee",
    "AuditEntry",
    "Delegation",
    "IdempotencyKey",
    "Invitation",
    "Membership",
    "NameField",
    "Organization",
    "Profile",
    "Session",
    "Team",
    "TeamMember",
    "User",
]
