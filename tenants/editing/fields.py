"""Values of form fields as the browser posts them, so that stored and typed ones can be compared; fields that are sets."""

import re
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.utils import timezone
from django.utils.crypto import salted_hmac

Posted = str | list[str]  # a list for a set


class SetText(forms.CharField):
    """Several words in one text field, in no order that matters; cleans to a list of them."""

    separators = r"[,;\n]"
    joiner = ", "

    def prepare_value(self, value: Any) -> str:
        return value if isinstance(value, str) else self.joiner.join(value or [])

    def split(self, text: Any) -> list[str]:
        """Its elements, each once."""
        parts = [" ".join(part.split()) for part in re.split(self.separators, text or "")]
        return list(dict.fromkeys(part for part in parts if part))

    def clean(self, value: Any) -> list[str]:  # type: ignore[override]
        return self.split(super().clean(value))


class SetLines(SetText):
    """One a line."""

    joiner = "\n"
    widget = forms.Textarea(attrs={"rows": 2})


class SecretText(forms.CharField):
    """Compared by a keyed digest, never drawn, never repeated."""

    widget = forms.PasswordInput(attrs={"autocomplete": "off"})


def is_set(field: forms.Field) -> bool:
    """Whether changes of two people to it can be added up."""
    return isinstance(field, SetText | forms.MultipleChoiceField | forms.ModelMultipleChoiceField)


def stored(bound: BoundField) -> Posted:
    """What a browser would post for the stored value if nobody touched the field."""
    return _posted(bound.field, bound.initial)


def typed(bound: BoundField) -> Posted:
    """What was posted, in the same form as `stored`."""
    return _raw(bound.field, bound.data)


def cleaned(bound: BoundField) -> Posted:
    """The same with spelling evened out ("us" as "US"); as typed when the field refuses it."""
    try:
        return _posted(bound.field, bound.field.clean(bound.data))
    except ValidationError:
        return typed(bound)


def write(data: Any, bound: BoundField, value: Posted) -> None:
    """Puts a value into posted data, as if it had been typed."""
    field = bound.field
    if isinstance(field, SecretText):
        return
    if isinstance(field, SetText):
        data[bound.html_name] = field.joiner.join(value)
    elif is_set(field):
        data.setlist(bound.html_name, list(value))
    elif isinstance(field, forms.BooleanField) and not value:
        data.pop(bound.html_name, None)
    else:
        data[bound.html_name] = value


def spoken(bound: BoundField) -> str:
    """The stored value in words, for a sentence about it."""
    field, value = bound.field, stored(bound)
    if isinstance(field, forms.BooleanField):
        return "on" if value else "off"
    if isinstance(field, SecretText):
        return "(another secret)"
    if isinstance(bound.initial, datetime):
        local = timezone.localtime(bound.initial)
        return f"{local.day} {local:%b %Y, %H:%M}"
    values = value if isinstance(value, list) else [value]
    if hasattr(field, "choices"):
        labels = _labels(field.choices)
        values = [labels.get(one, one) for one in values]
    return ", ".join(values)


def _posted(field: forms.Field, value: Any) -> Posted:
    prepared = field.prepare_value(value)
    if isinstance(field, SetText | SecretText | forms.BooleanField):
        return _raw(field, prepared)
    if is_set(field):
        return [str(one) for one in prepared or []]
    text = field.widget.format_value(prepared)
    return _raw(field, text[0] if isinstance(text, list) and text else text)


def _raw(field: forms.Field, value: Any) -> Posted:
    if isinstance(field, SetText):
        return field.split(value)
    if is_set(field):
        return [str(one) for one in value or []]
    if isinstance(field, forms.BooleanField):
        return "on" if value else ""
    if isinstance(field, SecretText):
        return salted_hmac("tenants.editing.secret", str(value or "").strip()).hexdigest()
    return "" if value is None else str(value).replace("\r\n", "\n").strip()


def _labels(choices: Any) -> dict[str, str]:
    labels: dict[str, str] = {}
    for value, label in choices:
        if isinstance(label, list | tuple):
            labels |= _labels(label)
        else:
            labels[str(value)] = str(label)
    return labels
