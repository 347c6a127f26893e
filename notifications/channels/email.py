"""Email by SMTP: HTML and text, one per person, never several on one To line.

It names itself automatic (RFC 3834), so that no absence message answers it. Emails of one conversation share a thread
(RFC 5322 References), and one that is sent again after a crash keeps its Message-ID, so that mail programs show one.
"""

from email.utils import parseaddr
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


def send_mail(
    *,
    to: str,
    subject: str,
    html: str,
    text: str,
    notification: UUID | None = None,
    conversation: UUID | None = None,
) -> None:
    """Hands one email to the mail server; raises what SMTP raises."""
    headers = dict(AUTOMATIC)
    if notification is not None:
        headers["Message-ID"] = _message_id("notification", notification)
    if conversation is not None:
        thread = _message_id("conversation", conversation)
        headers |= {"In-Reply-To": thread, "References": thread}
    mail = EmailMultiAlternatives(subject=subject, body=text, to=[to], headers=headers)
    mail.attach_alternative(html, "text/html")
    mail.send()


def _message_id(what: str, pk: UUID) -> str:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{what}.{pk}@{domain}>"
