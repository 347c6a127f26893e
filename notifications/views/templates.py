"""E-mail templates: list, write, preview side by side with sample data, send oneself a test."""

import secrets
import smtplib
from typing import Any
from uuid import UUID

from csp.decorators import csp
from django.contrib import messages
from django.core.cache import cache
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.clickjacking import xframe_options_sameorigin

from notifications import email_templates
from notifications.channels.email import send_mail
from notifications.email_templates import BUILT_IN, FIELDS
from notifications.forms import TemplateForm
from notifications.models import EmailTemplate
from tenants import roles
from tenants.api_base import pick
from tenants.views.doors import MemberRequest, page, show
from tenants.views.editing import row_to_edit, save_edit


@page(roles.SET_UP)
def templates(request: MemberRequest) -> HttpResponse:
    rows = EmailTemplate.objects.for_org(request.org).order_by("kind", "name")
    kinds = [
        (kind, word, [row for row in rows if row.kind == kind]) for kind, word in EmailTemplate.Kind.choices
    ]
    return show(request, "notifications/templates.html", kinds=kinds)


@page(roles.SET_UP)
def add_template(request: MemberRequest) -> HttpResponse:
    kind = request.GET.get("kind", "")
    built_in = BUILT_IN.get(kind) or BUILT_IN[EmailTemplate.Kind.NEW_MESSAGE]
    start = {"kind": kind, "subject": built_in.subject, "html": built_in.html, "text": built_in.text}
    return _edit(request, TemplateForm(request.POST or None, org=request.org, initial=start))


@page(roles.SET_UP)
def change_template(request: MemberRequest, pk: UUID) -> HttpResponse:
    rows = EmailTemplate.objects.for_org(request.org)
    row = row_to_edit(request, rows, pk, "template", TemplateForm)
    return _edit(request, TemplateForm(request.POST or None, org=request.org, template=row), template=row)


def _edit(request: MemberRequest, form: TemplateForm, **context: Any) -> HttpResponse:
    if form.is_bound and request.POST.get("what") == "test":
        _mail_test(request, form)
    elif row := save_edit(request, form, save=form.save):
        messages.success(request, f"{row.name} is saved.")
        return redirect("templates")
    return show(request, "notifications/template_form.html", form, fields=sorted(FIELDS), **context)


def _mail_test(request: MemberRequest, form: TemplateForm) -> None:
    parts = form.preview() if form.is_valid() else None
    if parts is None:
        return
    subject, html, text = parts
    try:
        send_mail(to=request.member.email, subject=f"[Test] {subject}", html=html, text=text)
        messages.success(request, f"A test is on its way to {request.member.email}.")
    except (smtplib.SMTPException, OSError):
        messages.error(request, "The mail server did not take the test; try again in a moment.")


@page(roles.SET_UP)
def preview(request: MemberRequest) -> HttpResponse:
    """The mail with sample data, or which field is wrong on which line."""
    form = TemplateForm(request.POST, org=request.org)
    form.full_clean()
    shown = form.preview()
    wrong = [(name, text) for name in ("subject", "html", "text") for text in form.errors.get(name, [])]
    return render(request, "notifications/_preview.html", {"shown": _framed(request, shown), "wrong": wrong})


def _framed(request: MemberRequest, shown: tuple[str, str, str] | None) -> dict[str, str] | None:
    """The HTML part goes into a frame of its own: mails carry styles, which our own pages never do."""
    if shown is None:
        return None
    subject, html, text = shown
    key = secrets.token_urlsafe(12)
    cache.set(_cached(request, key), html, timeout=300)
    return {"subject": subject, "key": key, "text": text}


def _cached(request: MemberRequest, key: str) -> str:
    return f"mail-preview:{request.member.pk}:{key}"


@xframe_options_sameorigin
@csp(
    {
        "default-src": ["'none'"],
        "style-src": ["'unsafe-inline'"],
        "frame-ancestors": ["'self'"],
        "sandbox": [],
    }
)
@page(roles.SET_UP)
def frame(request: MemberRequest, key: str) -> HttpResponse:
    return HttpResponse(cache.get(_cached(request, key), "Preview it again: this one is gone."))


@page(roles.SET_UP)
def delete_template(request: MemberRequest, pk: UUID) -> HttpResponse:
    row = template_of(request, pk)
    if request.method == "POST":
        email_templates.delete_template(template=row)
        messages.success(request, f"{row.name} is deleted; the built-in wording speaks again.")
        return redirect("templates")
    return show(request, "notifications/delete_template.html", template=row)


def template_of(request: MemberRequest, pk: UUID) -> EmailTemplate:
    return pick(EmailTemplate.objects.for_org(request.org), pk, "template")  # type: ignore[no-any-return]
