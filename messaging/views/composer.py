"""Writing: the preview as one types, sending in a conversation, a new text, notes, taking a scheduled text back."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from messaging.composing import answer_to, new_client_ref, preview_of, send_once, usable_senders, write_note
from messaging.conversations import readable_by
from messaging.forms import NewTextForm, TextForm
from messaging.models import Message
from messaging.opened import conversation_for
from messaging.planning import Request
from messaging.sending import cancel as cancel_text
from messaging.views.inbox import CHANGED, changed, conversation_page, look_of
from tenants import roles
from tenants.errors import DomainError, NotFound, unreadable
from tenants.views.doors import MemberRequest, page


@page(needs=roles.SEND)
@require_POST
def preview(request: MemberRequest) -> HttpResponse:
    """Who will speak and why, segments, warnings; for a conversation, or for a new text."""
    if pk := request.POST.get("conversation"):
        conversation = conversation_for(member=request.member, pk=_uuid(pk))
        form = TextForm(request.POST)
        form.is_valid()
        asked = answer_to(
            conversation=conversation,
            member=request.member,
            body=request.POST.get("body", "")[:20_000],
            send_at=form.cleaned_data.get("send_at"),
        )
    else:
        asked = _new_request(request, _new_form(request))
        if not asked.to:
            return render(request, "inbox/preview.html", {"preview": None, "htmx": True})
    return render(request, "inbox/preview.html", {"preview": preview_of(request=asked), "htmx": True})


@page()
@require_GET
def composer(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The composer again, empty: after something changed who may speak."""
    context = conversation_page(request, pk, look_of(request), focus="focus" in request.GET)
    return render(request, "inbox/composer.html", context)


@page(needs=roles.SEND)
@require_POST
def send(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Sends once; a refusal comes back in words beside what was typed."""
    conversation = conversation_for(member=request.member, pk=pk)
    form = TextForm(request.POST)
    body = request.POST.get("body", "")
    try:
        asked = answer_to(
            conversation=conversation, member=request.member, body=body, send_at=_read(form).get("send_at")
        )
        send_once(request=asked, client_ref=form.cleaned_data["client_ref"] or new_client_ref())
    except DomainError as error:
        return _kept(request, pk, error, body, client_ref=request.POST.get("client_ref", ""))
    return _sent(request, pk)


@page(needs=roles.SEND)
@require_POST
def note(request: MemberRequest, pk: UUID) -> HttpResponse:
    conversation = conversation_for(member=request.member, pk=pk)
    body = request.POST.get("body", "")
    try:
        write_note(conversation=conversation, text=body, by=request.member)
    except DomainError as error:
        return _kept(request, pk, error, body, client_ref=request.POST.get("client_ref", ""))
    return _sent(request, pk)


@page(needs=roles.SEND)
@require_POST
def send_or_note(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The composer's one address: `mode` says whether it is a text or a note."""
    return note(request, pk) if request.POST.get("mode") == "note" else send(request, pk)


@page(needs=roles.SEND)
@require_POST
def cancel(request: MemberRequest, pk: UUID, message_pk: UUID) -> HttpResponse:
    """Takes back a text that has not left."""
    conversation = conversation_for(member=request.member, pk=pk)
    texts = Message.objects.for_org(request.org).filter(conversation=conversation, pk=message_pk)
    message = texts.first()
    if message is None:
        raise NotFound("text")
    cancel_text(message=message, by=request.member)
    return changed(request, pk)


@page(needs=roles.SEND)
@require_http_methods(["GET", "POST"])
def new(request: MemberRequest) -> HttpResponse:
    """A text to a number: GET shows the form, POST sends."""
    if request.method == "GET":
        form = _new_form(
            request, initial={"to": request.GET.get("to", ""), "sender": request.GET.get("sender")}
        )
        return _new_page(request, form, client_ref=new_client_ref())
    form = _new_form(request)
    client_ref = request.POST.get("client_ref") or new_client_ref()
    try:
        _read(form)
        message = send_once(request=_new_request(request, form), client_ref=client_ref)
    except DomainError as error:
        return _new_page(request, form, client_ref=client_ref, error=error, status=422)
    talk = message.conversation
    if talk is not None and readable_by(request.member).filter(pk=talk.pk).exists():
        return redirect(f"/inbox/{talk.pk}/?folder=all")
    messages.success(request, "The text is on its way; its conversation is not yours to read.")
    return redirect("inbox")


def _new_form(request: MemberRequest, **options: Any) -> NewTextForm:
    data = request.POST if request.method == "POST" else None
    return NewTextForm(data, org=request.org, senders=usable_senders(member=request.member), **options)


def _new_page(
    request: MemberRequest, form: NewTextForm, *, status: int = 200, **context: Any
) -> HttpResponse:
    return render(request, "inbox/new.html", {"form": form, **context}, status=status)


def _new_request(request: MemberRequest, form: NewTextForm) -> Request:
    form.is_valid()
    given = form.cleaned_data
    return Request(
        org=request.org,
        to=given.get("to", ""),
        body=given.get("body", ""),
        as_member=request.member,
        named=given.get("sender"),
        wants_reply=given.get("wants_reply", False),
        send_at=given.get("send_at"),
    )


def _read(form: TextForm) -> dict[str, Any]:
    if form.is_valid():
        return form.cleaned_data
    field, errors = next(iter(form.errors.items()))
    raise unreadable(str(field), str(errors[0]))


def _sent(request: MemberRequest, pk: UUID) -> HttpResponse:
    """An empty composer; the page fetches the thread again."""
    if not request.htmx:  # type: ignore[attr-defined]
        return changed(request, pk)
    context = conversation_page(request, pk, look_of(request), focus=True)
    response = render(request, "inbox/composer.html", context)
    response["HX-Trigger-After-Swap"] = CHANGED
    return response


def _kept(request: MemberRequest, pk: UUID, error: DomainError, body: str, client_ref: str) -> HttpResponse:
    """The composer as it was, with the refusal in words."""
    draft = {
        "error": error,
        "body": body,
        "client_ref": client_ref,
        "focus": True,
        "mode": request.POST.get("mode"),
    }
    context = conversation_page(request, pk, look_of(request), **draft)
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "inbox/composer.html", context, status=422)
    return render(request, "inbox/alone.html", context, status=422)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("conversation")
