"""Letting a new member in: a mail with a link at which they choose their password (allauth's own)."""

import logging

from allauth.account.forms import ResetPasswordForm
from allauth.core.context import request_context
from django.db import transaction
from django.http import HttpRequest

from tenants.models import Membership

log = logging.getLogger(__name__)


def invite(request: HttpRequest, member: Membership) -> None:
    """Mails the link after this request's transaction; a mail server that is away is logged, not raised."""
    transaction.on_commit(lambda: _mail(request, member), robust=True)


def _mail(request: HttpRequest, member: Membership) -> None:
    form = ResetPasswordForm(data={"email": member.email})
    try:
        with request_context(request):
            if form.is_valid():
                form.save(request)
    except OSError as error:
        log.warning("invitation of member %s was not mailed: %s", member.pk, type(error).__name__)
