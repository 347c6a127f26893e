"""A reset of the password that tells nobody which addresses have a login: the look-up waits for the response."""

import logging
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ResetPasswordForm, ResetPasswordKeyForm
from allauth.core.context import request_context
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from tenants.auth.headers import after_response
from tenants.models import User

log = logging.getLogger(__name__)


class QuietResetForm(ResetPasswordForm):
    """Asks the database nothing while somebody waits, whatever the address."""

    def clean_email(self) -> str:
        email: str = get_adapter().clean_email(self.cleaned_data["email"].lower())
        return email

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        email: str = self.cleaned_data["email"]
        after_response(request, lambda: _mail_link(request, email))
        return email


class SingleUseResetForm(ResetPasswordKeyForm):
    """The link was checked as the page was asked for; of several submissions at one moment the first uses it up."""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            before, after = self.user.password, make_password(data["password1"])
            if not User.objects.filter(pk=self.user.pk, password=before).update(password=after):
                raise ValidationError("This link has been used already. Ask for a new one.", "used")
            self.user.password = after
        return data


def _mail_link(request: HttpRequest, email: str) -> None:
    """Mails the link if the address has a login; else nothing at all."""
    form = ResetPasswordForm(data={"email": email})
    try:
        with request_context(request):
            if form.is_valid() and form.users:
                form.save(request)
    except Exception as error:
        log.warning("a password reset was not mailed: %s", type(error).__name__)
