"""Each kind of thing enters at one place: names, bodies, times, search words (numbers: `test_phone_numbers`)."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

from django import forms
from django.apps import apps
from django.db import models
from rest_framework import serializers

from messaging.api.fields import BodyField as BodyOfApi
from messaging.forms import BodyField
from tenants.forms import LocalTime
from tenants.models.fields import NameField
from tenants.rest import fields as rest

ROOT = Path(__file__).parents[2]
APPS = ("tenants", "senderid", "messaging", "notifications")
SINGLE_LINES = {
    "name",
    "label",
    "title",
    "subject",
    "reason",
    "reference",
    "reply_instruction",
    "quiet_hours_reason",
}
# Written by us, never by people.
OURS = {
    "CountryRule.name",
    "Assignee.name",
    "InboundEvent.reason",
    "Notification.reason",
    "VerdictOverride.reason",
}
EMAIL_BODIES = {"TemplateForm.text", "TemplateSerializer.text"}
SENTENCES = {"ReasonSerializer.text", "ReceiptSerializer.text", "MessageSerializer.body"}  # read only


def test_names_and_reasons_are_stored_as_single_lines() -> None:
    """field: mail and people; a line break in a name broke lists and mail headers."""
    wrong = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        if model.__module__.startswith(APPS)
        for field in model._meta.local_fields
        if isinstance(field, models.CharField)
        and field.name in SINGLE_LINES
        and not isinstance(field, NameField)
    ]
    assert sorted(set(wrong) - OURS) == []


def test_bodies_and_times_of_forms_and_serializers() -> None:
    """field: segments, time"""
    wrong = []
    for form, name, field in _fields_of(forms.BaseForm, "base_fields"):
        if isinstance(field, forms.DateTimeField) and not isinstance(field, LocalTime):
            wrong.append(f"{form}.{name}")
        if name in ("body", "text") and not isinstance(field, BodyField):
            wrong.append(f"{form}.{name}")
    for serializer, name, field in _fields_of(serializers.BaseSerializer, "_declared_fields"):
        if isinstance(field, serializers.DateTimeField) and not isinstance(field, rest.DateTimeField):
            wrong.append(f"{serializer}.{name}")
        if name in ("body", "text") and not isinstance(field, BodyOfApi):
            wrong.append(f"{serializer}.{name}")
    assert sorted(set(wrong) - EMAIL_BODIES - SENTENCES) == []


def test_search_words_are_looked_for_in_one_way() -> None:
    """field: search"""
    users = {
        str(path.relative_to(ROOT))
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        if "migrations" not in path.parts
        and re.search(r"__i?(contains|startswith)=(words|q)\b", path.read_text())
    }
    assert users == {"messaging/folders.py"}  # words of the last message, as they stand


def _fields_of(base: type, where: str) -> Iterator[tuple[str, str, Any]]:
    _load_all()
    for cls in _subclasses(base):
        if cls.__module__.startswith(APPS):
            for name, field in getattr(cls, where, {}).items():
                yield cls.__name__, name, field


def _subclasses(base: type) -> Iterator[type]:
    for cls in base.__subclasses__():
        yield cls
        yield from _subclasses(cls)


def _load_all() -> None:
    for app in APPS:
        package = import_module(app)
        for module in walk_packages(package.__path__, f"{app}."):
            if not re.search(r"\.(migrations|management|content)\b", module.name):
                import_module(module.name)
