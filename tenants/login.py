"""Login is by invitation: an org's admins add people; nobody signs up alone."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse

from tenants.auth.addresses import client_address
from tenants.auth.devices import remember_device
from tenants.auth.login_limits import TooManyAttempts, begin_attempt, forget_failures


class InvitedOnly(DefaultAccountAdapter):
    """Closes allauth's sign-up page, limits failed logins, remembers devices."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "Incorrect email or password.",
        "too_many_login_attempts": "Too many failed attempts. Wait 15 minutes, or reset your password.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """allauth counts here, for an address from everywhere; `authenticate` counts instead."""

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        try:
            attempt = begin_attempt(request, login=credentials.get("email") or "")
        except TooManyAttempts:
            raise self.validation_error("too_many_login_attempts")
        user = super().authenticate(request, **credentials)
        if user is not None:
            attempt.succeeded()
        return user

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        remember_device(request, response, user.email)
        return response

    def set_password(self, user: Any, password: str) -> None:
        super().set_password(user, password)
        forget_failures(self.request, login=user.email)
