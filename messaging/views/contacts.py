"""Contacts: the list, one contact with its conversations, add and edit."""

from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from messaging import contacts as rules
from messaging.contact_changes import change_contact, may_change_owner
from messaging.contact_facts import facts_of
from messaging.forms import ContactForm
from messaging.models import Contact
from tenants import roles
from tenants.errors import DomainError, NotFound
from tenants.views.doors import MemberRequest, in_pages, page, show
from tenants.views.editing import row_to_edit, save_edit


@page()
@require_GET
def contacts(request: MemberRequest) -> HttpResponse:
    words, tag, owner = (request.GET.get(name, "").strip() for name in ("q", "tag", "owner"))
    rows = rules.find_contacts(
        org=request.org, words=words, tag=tag, owner=request.member if owner == "me" else None
    )
    here = {"q": words, "tag": tag, "owner": owner}
    return show(request, "contacts/list.html", page=in_pages(request, rows), here=here)


@page()
@require_GET
def contact(request: MemberRequest, pk: UUID) -> HttpResponse:
    row = _contact(request, pk)
    return show(request, "contacts/one.html", contact=row, facts=facts_of(contact=row, member=request.member))


@page(needs=roles.SEND)
@require_http_methods(["GET", "POST"])
def add(request: MemberRequest) -> HttpResponse:
    form = ContactForm(
        request.POST or None, org_id=request.org.pk, initial={"number": request.GET.get("number", "")}
    )
    if request.method == "POST" and form.is_valid():
        try:
            row = rules.save_contact(org=request.org, **form.cleaned_data)
            return redirect("contact", pk=row.pk)
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, error.text)
    return show(request, "contacts/form.html", form, contact=None)


@page(needs=roles.SEND)
@require_http_methods(["GET", "POST"])
def change(request: MemberRequest, pk: UUID) -> HttpResponse:
    row = row_to_edit(request, _whole(request), pk, "contact", ContactForm)
    form = ContactForm(request.POST or None, org_id=request.org.pk, contact=row)
    if not may_change_owner(contact=row, by=request.member):
        form.lock_owner()
    try:
        if save_edit(request, form, save=lambda: _save(request, form, row)):
            messages.success(request, "Saved.")
            return redirect("contact", pk=row.pk)
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, error.text)
    return show(request, "contacts/form.html", form, contact=row)


def _save(request: MemberRequest, form: ContactForm, row: Contact) -> Contact:
    return change_contact(contact=row, by=request.member, **form.cleaned_data)


def _contact(request: MemberRequest, pk: UUID) -> Contact:
    row = _whole(request).filter(pk=pk).first()
    if row is None:
        raise NotFound("contact")
    return row


def _whole(request: MemberRequest) -> QuerySet[Contact]:
    return Contact.objects.for_org(request.org).select_related("owner__user")
