"""Columns with rules of their own."""

from typing import Any

from django.db import models

from tenants.errors import DomainError
from tenants.names import single_line


class NameField(models.CharField):
    """A CharField stored as `single_line` makes it, whichever way it came: form, API, import or code.

    A name that must not be blank and has nothing visible left raises DomainError `blank`.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        if not isinstance(value, str):
            return value
        value = single_line(value)
        if not value and not self.blank:
            raise DomainError("blank", f"Enter a {self.verbose_name}.", field=self.name)
        setattr(model_instance, self.attname, value)
        return value

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return single_line(value) if isinstance(value, str) else value

    def deconstruct(self) -> Any:
        """As a plain CharField: the column is the same."""
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.CharField", args, options
