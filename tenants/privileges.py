"""What each login role may do with each table: nothing but what is listed here.

Tenant tables are open to web (its own org's rows), except where EXCEPTIONS says less.
All other tables are closed, except where it says more. A guard test compares the list with the models.
"""

from collections.abc import Iterable

from django.apps import apps
from django.db import models

from tenants.database import OPERATOR, WEB
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


def of(model: type[models.Model]) -> dict[str, str]:
    """{role: privileges} on the table of this model."""
    usual = TENANT if issubclass(model, TenantOwned) else {}
    return EXCEPTIONS.get(model._meta.label, usual)


def managed_models() -> Iterable[type[models.Model]]:
    return (model for model in apps.get_models(include_auto_created=True) if model._meta.managed)


def statements(table: str, privileges: dict[str, str], names: dict[str, str]) -> Iterable[str]:
    """Takes everything from the roles (`names`: by role) and gives them what they may."""
    yield f'REVOKE ALL ON "{table}" FROM {", ".join(sorted(names.values()))}'
    for role, what in privileges.items():
        yield f'GRANT {what} ON "{table}" TO {names[role]}'
