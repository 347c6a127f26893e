"""What each login role may do with each table: nothing but what is listed here.

Tenant tables are open to web (its own org's rows), except where EXCEPTIONS says less.
All other tables are closed, except where it says more. The engine may what its tasks do, by ENGINE_MAY; logins it finds
without their passwords (`tenants.rls`). A guard test compares both lists with the models.
"""

from collections.abc import Iterable

from django.apps import apps
from django.db import models

from tenants.database import ENGINE, OPERATOR, WEB
from tenants.scoping import TenantOwned

ALL = "SELECT, INSERT, UPDATE, DELETE"
READ = "SELECT"
TENANT = {WEB: ALL}

# By the model's label; a role that is not named may do nothing there.
EXCEPTIONS: dict[str, dict[str, str]] = {
    "tenants.Organization": {WEB: "SELECT, UPDATE", OPERATOR: "SELECT, INSERT, UPDATE"},
    "tenants.Assignee": {WEB: ALL, OPERATOR: "SELECT, INSERT, UPDATE"},
    "tenants.User": {
        WEB: "SELECT, INSERT, UPDATE",
        OPERATOR: "SELECT, INSERT, UPDATE",
    },
    "tenants.Session": {WEB: ALL, OPERATOR: ALL},
    "tenants.AuditEntry": {WEB: "SELECT, INSERT"},
    "senderid.CountryRule": {WEB: READ, OPERATOR: "SELECT, INSERT, UPDATE"},
    "account.EmailAddress": {WEB: ALL, OPERATOR: READ},
    "account.EmailConfirmation": {WEB: ALL},
    "mfa.Authenticator": {WEB: ALL, OPERATOR: READ},
    "tenants.User_groups": {WEB: READ, OPERATOR: READ},
    "tenants.User_user_permissions": {WEB: READ, OPERATOR: READ},
    "auth.Permission": {WEB: READ, OPERATOR: READ},
    "auth.Group": {WEB: READ, OPERATOR: READ},
    "auth.Group_permissions": {WEB: READ, OPERATOR: READ},
    "admin.LogEntry": {OPERATOR: "SELECT, INSERT"},
    "contenttypes.ContentType": {WEB: READ, OPERATOR: READ},
}


APPEND, CHANGE, WRITE = "SELECT, INSERT", "SELECT, UPDATE", "SELECT, INSERT, UPDATE"
ENGINE_MAY = {
    "tenants.Assignee": CHANGE,  # by Assignable.save
    "tenants.Profile": READ,
    "tenants.Team": READ,
    "tenants.TeamMember": READ,
    "tenants.Membership": READ,
    "tenants.Delegation": READ,
    "tenants.Organization": READ,
    "tenants.ApiKey": "SELECT (id, org_id, sandbox)",
    "tenants.AuditEntry": "INSERT",
    "tenants.IdempotencyKey": "SELECT (expires_at), DELETE",
    "senderid.ProviderAccount": CHANGE,
    "senderid.SenderId": CHANGE,
    "senderid.Assignment": READ,
    "senderid.AssignmentCountry": READ,
    "senderid.DelegatedSender": READ,
    "senderid.CountryRule": READ,
    "senderid.Registration": READ,
    "senderid.VerdictOverride": READ,
    "messaging.Contact": WRITE,
    "messaging.Campaign": CHANGE,
    "messaging.CampaignPortion": "SELECT, UPDATE, DELETE",
    "messaging.CampaignSkip": APPEND,
    "messaging.CampaignCount": ALL,
    "messaging.Program": READ,
    "messaging.ProgramKeyword": READ,
    "messaging.Subscription": WRITE,
    "messaging.OptOut": ALL,
    "messaging.PossibleOptOut": ALL,
    "messaging.Reaction": ALL,
    "messaging.ConsentEntry": APPEND,
    "messaging.Usage": WRITE,
    "messaging.Conversation": ALL,
    "messaging.ConversationRead": ALL,
    "messaging.TimelineEntry": ALL,
    "messaging.Draft": ALL,
    "messaging.Message": WRITE,
    "messaging.MessageMedia": WRITE,
    "messaging.Attempt": WRITE,
    "messaging.ReceiptEvent": WRITE,
    "messaging.InboundEvent": WRITE,
    "notifications.EmailTemplate": CHANGE,
    "notifications.NotificationRule": CHANGE,
    "notifications.RuleMember": READ,
    "notifications.Preference": READ,
    "notifications.Notification": ALL,
    "notifications.Escalation": ALL,
}


def of(model: type[models.Model]) -> dict[str, str]:
    """{role: privileges} on the table of this model."""
    label = model._meta.label
    usual = TENANT if issubclass(model, TenantOwned) else {}
    engine = {ENGINE: ENGINE_MAY[label]} if label in ENGINE_MAY else {}
    return EXCEPTIONS.get(label, usual) | engine


def managed_models() -> Iterable[type[models.Model]]:
    return (model for model in apps.get_models(include_auto_created=True) if model._meta.managed)


def statements(table: str, privileges: dict[str, str], names: dict[str, str]) -> Iterable[str]:
    """Takes everything from the roles (`names`: by role) and gives them what they may."""
    yield f'REVOKE ALL ON "{table}" FROM {", ".join(sorted(names.values()))}'
    for role, what in privileges.items():
        yield f'GRANT {what} ON "{table}" TO {names[role]}'
