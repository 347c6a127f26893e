"""The second step of a login: its secrets are sealed, its codes limited like passwords, and operators need it."""

from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from tenants.auth.login_limits import TooManyAttempts, begin_attempt
from tenants.sealing import open_secret, seal


class SealedFactors(DefaultMFAAdapter):
    """TOTP secrets and the seed of recovery codes are sealed in the database."""

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return open_secret(encrypted_text)


class LimitedCodes:
    """Mixed into allauth's forms that take a code."""

    user: Any

    def clean_code(self) -> str:
        adapter = get_account_adapter()
        try:
            attempt = begin_attempt(adapter.request, login=self.user.email, step="code")
        except TooManyAttempts:
            raise adapter.validation_error("too_many_login_attempts")
        code: str = super().clean_code()  # type: ignore[misc]
        attempt.succeeded()
        return code


class LimitedAuthenticate(LimitedCodes, AuthenticateForm):
    pass


class LimitedReauthenticate(LimitedCodes, ReauthenticateForm):
    pass


class OperatorsOnly:
    """Opens /admin/ to the platform's operators who gave a second factor in this session.

    Its own login page is never reached, so there is one way in: allauth's, with its limits.
    """

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        return response

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        match = request.resolver_match
        if match is None or "admin" not in match.app_names:
            return None
        user = request.user
        if not user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not (user.is_staff and user.is_active):
            raise PermissionDenied
        if not is_mfa_enabled(user, [Authenticator.Type.TOTP]):
            messages.warning(request, "Set up two-step verification to open the operator console.")
            return redirect_to_login(request.get_full_path(), reverse("mfa_activate_totp"))
        if not any(r["method"] == "mfa" for r in get_authentication_records(request, user)):
            return redirect_to_login(request.get_full_path(), reverse("mfa_reauthenticate"))
        return None
