"""The platform's operator sees organizations and people here; nobody else comes here."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from tenants.models import Organization, User

# allauth's own pages would show second factors, and change addresses past every check; nothing asks for groups.
admin.site.unregister([Authenticator, EmailAddress, Group])


class KeptAdmin(ModelAdmin):
    """What an operator makes inactive but never deletes: it would take customers' rows along."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Organization)
class OrganizationAdmin(KeptAdmin):
    list_display = ("name", "country", "is_active", "created_at")
    search_fields = ("name",)
    readonly_fields = ("assignee",)


@admin.register(User)
class UserAdmin(KeptAdmin):
    list_display = ("email", "name", "is_active", "is_staff")
    search_fields = ("email", "name")
    fields = ("email", "name", "is_active", "is_staff")
