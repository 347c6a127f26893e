"""The invitation email: who invites, to which org, as what, until when. Links are built from PUBLIC_BASE_URL."""

import logging
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

from tenants.models import Invitation, Membership
from tenants.scoping import as_org

log = logging.getLogger(__name__)


def send(row: Invitation, member: Membership, secret: str) -> None:
    """Hands the email to the mail server and notes it; a mail server that is away is logged, not raised."""
    email = _email(row, member, secret)
    try:
        email.send()
    except OSError as error:
        log.warning("invitation of member %s was not mailed: %s", member.pk, type(error).__name__)
        return
    with as_org(row.org_id):
        Invitation.objects.for_org(row.org_id).filter(pk=row.pk).update(sent_at=timezone.now())


def _email(row: Invitation, member: Membership, secret: str) -> EmailMultiAlternatives:
    context = _context(row, member, secret)
    with timezone.override(ZoneInfo(member.org.timezone or "UTC")):
        text = render_to_string("invitations/email.txt", context)
        html = render_to_string("invitations/email.html", context)
    email = EmailMultiAlternatives(subject=context["subject"], body=text, to=[member.email])
    email.attach_alternative(html, "text/html")
    return email


def _context(row: Invitation, member: Membership, secret: str) -> dict[str, Any]:
    org, inviter = member.org, row.invited_by
    subject = (
        f"{inviter.name} invited you to {org.name} on Callsign" if inviter else f"Join {org.name} on Callsign"
    )
    return {
        "subject": " ".join(subject.split()),
        "org": org,
        "member": member,
        "inviter": inviter,
        "expires_at": row.expires_at,
        "link": f"{settings.PUBLIC_BASE_URL}/accounts/invitations/{secret}/",
    }
