"""The platform's operator corrects the country table here; a corrected row is left alone by reloads."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from senderid.models import CountryRule


@admin.register(CountryRule)
class CountryRuleAdmin(ModelAdmin):
    list_display = ("country", "name", "alphanumeric", "long_code", "short_code", "toll_free", "corrected")
    search_fields = ("country", "name")
    readonly_fields = ("country", "corrected")

    def has_delete_permission(self, request: HttpRequest, obj: CountryRule | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: CountryRule, form: Any, change: bool) -> None:
        obj.corrected = True
        super().save_model(request, obj, form, change)
