"""The platform's operator sees organizations and people here; nobody else comes here."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group
from unfold.admin import ModelAdmin

from tenants.models import Organization, User

# allauth's own pages would show second factors, and change addresses past every check; nothing asks for groups.
admin.site.unregister([Authenticator, EmailAddress, Group])


@admin.register(Organization)
class OrganizationAdmin(ModelAdmin):
    list_display = ("name", "country", "is_active", "created_at")
    search_fields = ("name",)
    readonly_fields = ("assignee",)


@admin.register(User)
class UserAdmin(ModelAdmin):
    list_display = ("email", "name", "is_active", "is_staff")
    search_fields = ("email", "name")
    fields = ("email", "name", "is_active", "is_staff")
