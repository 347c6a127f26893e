"""A reset of the password that tells nobody which addresses have a login: the look-up waits for the response."""

import logging
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ResetPasswordForm
from allauth.core.context import request_context
from django.http import HttpRequest

from tenants.auth.headers import after_response

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


def _mail_link(request: HttpRequest, email: str) -> None:
    """Mails the link if the address has a login; else nothing at all."""
    form = ResetPasswordForm(data={"email": email})
    try:
        with request_context(request):
            if form.is_valid() and form.users:
                form.save(request)
    except Exception as error:
        log.warning("a password reset was not mailed: %s", type(error).__name__)
