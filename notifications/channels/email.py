"""Mail by SMTP: HTML and text, one per person, never several on one To line."""

from django.core.mail import EmailMultiAlternatives


def send_mail(*, to: str, subject: str, html: str, text: str) -> None:
    """Hands one mail to the mail server; raises what SMTP raises."""
    mail = EmailMultiAlternatives(subject=subject, body=text, to=[to])
    mail.attach_alternative(html, "text/html")
    mail.send()
