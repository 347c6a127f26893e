"""Small forms about existing rows: the order of an assignee's senders, the token of a provider account."""

from typing import Any
from uuid import UUID

from django import forms
from django.forms.boundfield import BoundField

from senderid import accounts
from senderid import assignment as assigning
from senderid.models import Assignment, ProviderAccount
from tenants.editing.authors import Author, Authors
from tenants.editing.fields import SecretText
from tenants.editing.forms import EditForm
from tenants.forms import RuleForm
from tenants.models import Assignee


class OrderForm(EditForm, RuleForm):
    """A priority for each sender of one assignee."""

    def __init__(self, *args: Any, assignee: Assignee, assignments: list[Assignment], **kwargs: Any) -> None:
        self.assignments = {f"priority-{row.pk}": row for row in assignments}
        super().__init__(*args, edits=assignee, **kwargs)
        for name, row in self.assignments.items():
            attrs = {"class": "input order-number", "aria-label": f"Priority of {row.sender.display}"}
            self.fields[name] = forms.IntegerField(
                label=row.sender.display,
                min_value=0,
                max_value=32767,
                required=False,
                initial=row.priority,
                widget=forms.NumberInput(attrs=attrs),
            )

    @property
    def lines(self) -> list[tuple[Assignment, BoundField]]:
        return [(row, self[name]) for name, row in self.assignments.items()]

    def about(self) -> list[UUID]:
        return [row.pk for row in self.assignments.values()]

    def author_of(self, name: str, authors: Authors) -> Author:
        return authors.of("priority", self.assignments[name].pk)

    def save(self) -> bool | None:
        return self.carry_out(self._save)

    def _save(self) -> bool:
        for name, row in self.assignments.items():
            priority = self.cleaned_data[name]
            if priority is not None and priority != row.priority:
                assigning.change_assignment(assignment=row, priority=priority)
        return True


class TokenForm(EditForm, RuleForm):
    """A new token; the stored one is never drawn."""

    token = SecretText(label="New token", min_length=8, max_length=200)

    def __init__(self, *args: Any, account: ProviderAccount, **kwargs: Any) -> None:
        self.account = account
        kwargs["initial"] = {"token": account.auth_token}
        super().__init__(*args, edits=account, auto_id=f"token-{account.pk}-%s", **kwargs)

    def save(self) -> bool | None:
        return self.carry_out(self._save)

    def _save(self) -> bool:
        accounts.change_token(account=self.account, token=self.cleaned_data["token"])
        return True
