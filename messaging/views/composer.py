"""The composer's addresses: the hints beside it, submitting it, keeping a draft, cancelling a scheduled message.

A browser with our scripts asks for JSON (`X-Composer`) and changes its composer itself, so that nothing that is being
typed is replaced; without scripts the same addresses answer with pages.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from messaging import segments
from messaging.composing import Preview, preview_of, usable_senders
from messaging.conversations import readable_by
from messaging.forms import ComposerForm, NewMessageForm
from messaging.inbox import drafts
from messaging.inbox.submissions import Question, Submission, request_of, submit
from messaging.inbox.unseen import seen_marker, unseen_changes
from messaging.models import Conversation, Message
from messaging.opened import conversation_for
from messaging.sending import cancel as cancel_message
from messaging.statuses import Status
from messaging.views.inbox import changed, composer_of, conversation_page, look_of
from tenants import roles
from tenants.errors import DomainError, NotFound, unreadable
from tenants.views.doors import MemberRequest, page


@page(needs=roles.SEND)
@require_POST
def preview(request: MemberRequest) -> HttpResponse:
    """The hints beside a composer as it stands: the sender and why, segments, warnings, what others did meanwhile."""
    conversation = _conversation_typed(request)
    form = _form(request, conversation)
    form.is_valid()
    submission = _submission(request, conversation, form.cleaned_data | {"body": _body(request)})
    if conversation is None and not submission.to:
        return render(request, "inbox/preview.html", {"preview": None})
    plan = (
        preview_of(request=request_of(submission))
        if "sender" not in form.errors
        else _sender_gone(submission)
    )
    context: dict[str, Any] = {"preview": plan, "open": conversation}
    if conversation is not None and submission.seen:
        context["changes"] = unseen_changes(
            conversation=conversation, member=request.member, seen=submission.seen
        )
    return render(request, "inbox/preview.html", context)


@page()
@require_GET
def composer(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The composer of a conversation, with the newest draft in it."""
    return render(request, "inbox/composer.html", conversation_page(request, pk, look_of(request)))


@page(needs=roles.SEND)
@require_POST
def send(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Sends or schedules a message, or adds a note, as `mode` says; once."""
    try:
        conversation = conversation_for(member=request.member, pk=pk)
        _refuse_another_member(request)
        form = _form(request, conversation)
        done = submit(submission=_submission(request, conversation, _read(form)))
    except DomainError as error:
        if wants_json(request):
            return _refused(error)
        if error.status == 404:
            raise
        return _kept(request, pk, error)
    return _done(done) if wants_json(request) else changed(request, pk)


@page(needs=roles.SEND)
@require_http_methods(["GET", "POST"])
def new(request: MemberRequest) -> HttpResponse:
    """A message to a number: GET shows the form, POST sends."""
    if request.method == "GET":
        return _new_page(request, _new_form(request))
    form = _form(request, None)
    try:
        _refuse_another_member(request)
        done = submit(submission=_submission(request, None, _read(form)))
    except DomainError as error:
        if wants_json(request):
            return _refused(error)
        return _new_page(request, form, error=error, status=error.status)
    return _after_new(request, done)


@page(needs=roles.SEND)
@require_POST
def draft(request: MemberRequest) -> HttpResponse:
    """Keeps what stands in a composer; JSON."""
    try:
        _refuse_another_member(request)
        conversation = _conversation_typed(request, field="draft_of")
        form = _form(request, None)
        form.is_valid()
        typed = _typed(form.cleaned_data | {"body": _body(request)})
        saved = drafts.save_draft(member=request.member, conversation=conversation, typed=typed)
    except DomainError as error:
        return _refused(error)
    return JsonResponse(
        {"ref": saved.client_ref, "revision": saved.revision, "state": saved.state, "sent": saved.sent_body}
    )


@page(needs=roles.SEND)
@require_POST
def cancel(request: MemberRequest, pk: UUID, message_pk: UUID) -> HttpResponse:
    """Cancels a message that has not left."""
    conversation = conversation_for(member=request.member, pk=pk)
    message = Message.objects.for_org(request.org).filter(conversation=conversation, pk=message_pk).first()
    if message is None:
        raise NotFound("message")
    cancel_message(message=message, by=request.member)
    return changed(request, pk)


def _refuse_another_member(request: MemberRequest) -> None:
    """409 when the page was drawn for another member than the one who is logged in by now."""
    if request.POST.get("member", "") != str(request.member.pk):
        text = f"You are now logged in as {request.member.name}. Reload the page; nothing was sent."
        raise DomainError("another_member", text, status=409)


def wants_json(request: MemberRequest) -> bool:
    return "X-Composer" in request.headers


def _conversation_typed(request: MemberRequest, field: str = "conversation") -> Conversation | None:
    """The readable conversation a composer names; None for a new message."""
    typed = request.POST.get(field, "")
    if not typed:
        return None
    try:
        return conversation_for(member=request.member, pk=UUID(typed))
    except ValueError:
        raise NotFound("conversation")


def _form(request: MemberRequest, conversation: Conversation | None) -> ComposerForm:
    if conversation is not None:
        return ComposerForm(request.POST)
    return NewMessageForm(request.POST, org=request.org, senders=usable_senders(member=request.member))


def _sender_gone(submission: Submission) -> Preview:
    return Preview(
        segments.cut(submission.body), refusal="You can’t send from this sender. Choose another one."
    )


def _read(form: ComposerForm) -> dict[str, Any]:
    if form.is_valid():
        return form.cleaned_data
    field, errors = next(iter(form.errors.items()))
    raise unreadable(str(field), str(errors[0]))


def _body(request: MemberRequest) -> str:
    return request.POST.get("body", "")[:20_000]


def _submission(
    request: MemberRequest, conversation: Conversation | None, data: dict[str, Any]
) -> Submission:
    return Submission(
        member=request.member,
        conversation=conversation,
        drawn_for=data.get("conversation") or "",
        to=data.get("to") or "",
        mode=data.get("mode") or "",
        body=data.get("body") or "",
        client_ref=data.get("client_ref") or "",
        seen=data.get("seen") or "",
        when=data.get("when") or "",
        send_at=data.get("send_at"),
        sender=data.get("sender"),
        expected_sender=data.get("expected_sender"),
        wants_reply=bool(data.get("wants_reply")),
        tab=data.get("tab") or "",
        revision=data.get("revision") or 0,
    )


def _typed(data: dict[str, Any]) -> drafts.Typed:
    mode = data.get("mode")
    return drafts.Typed(
        client_ref=drafts.require_ref(data.get("client_ref") or ""),
        mode=mode if mode in drafts.Draft.Mode.values else drafts.Draft.Mode.MESSAGE,
        body=data["body"],
        later=data.get("when") == "later",
        send_at=f"{data['send_at']:%Y-%m-%dT%H:%M}" if data.get("send_at") else "",
        to=data.get("to") or "",
        sender=data.get("sender"),
        tab=data.get("tab") or "",
        edited=data.get("edited") or 0,
        revision=data.get("revision") or 0,
    )


def _done(done: Any) -> HttpResponse:
    """JSON: what became of it."""
    if not isinstance(done, Message):
        return JsonResponse({"state": "noted", "id": str(done.pk)})
    state = "scheduled" if done.status == Status.SCHEDULED else "sent"
    return JsonResponse({"state": state, "id": str(done.pk), "to": done.to})


def _refused(error: DomainError) -> HttpResponse:
    """JSON: the sentence; of a question also the fields that answer it."""
    data = {"code": error.code, "text": error.text, "field": error.field}
    if isinstance(error, Question):
        data |= {"action": error.action, "fields": error.fields}  # type: ignore[dict-item]
    return JsonResponse(data, status=error.status)


def _new_form(request: MemberRequest) -> NewMessageForm:
    initial: dict[str, Any] = {"to": request.GET.get("to", ""), "sender": request.GET.get("sender")}
    return NewMessageForm(initial=initial, org=request.org, senders=usable_senders(member=request.member))


def _new_page(
    request: MemberRequest, form: NewMessageForm | ComposerForm, *, status: int = 200, **context: Any
) -> HttpResponse:
    """The page of a new message; `draft` in its address names the conversation whose draft goes on here."""
    source = _draft_source(request)
    parts = {
        "form": form,
        "draft_of": source,
        "fields": {},
        **composer_of(request, source),
        "seen": seen_marker(),
        **(_typed_again(request, context.get("error")) if request.method == "POST" else {}),
        **context,
    }
    return render(request, "inbox/new.html", parts, status=status)


def _draft_source(request: MemberRequest) -> Conversation | None:
    typed = request.GET.get("draft") or request.POST.get("draft_of") or ""
    try:
        return readable_by(request.member).filter(pk=UUID(typed)).first() if typed else None
    except ValueError:
        return None


def _after_new(request: MemberRequest, done: Any) -> HttpResponse:
    talk = done.conversation
    address = "/inbox/"
    if talk is not None and readable_by(request.member).filter(pk=talk.pk).exists():
        address = f"/inbox/{talk.pk}/?folder=all"
    else:
        messages.success(request, "Message queued. You don't have access to its conversation.")
    if wants_json(request):
        return JsonResponse({"state": "sent", "id": str(done.pk), "location": address})
    return redirect(address)


def _kept(request: MemberRequest, pk: UUID, error: DomainError) -> HttpResponse:
    """Without scripts: the page again, with what was typed and the refusal in words."""
    context = conversation_page(request, pk, look_of(request), **_typed_again(request, error), error=error)
    return render(request, "inbox/alone.html", context, status=error.status)


def _typed_again(request: MemberRequest, error: DomainError | None) -> dict[str, Any]:
    typed = request.POST
    fields = error.fields if isinstance(error, Question) else {}
    again = {
        "body": typed.get("body", ""),
        "mode": typed.get("mode", ""),
        "later": typed.get("when") == "later",
        "send_at": typed.get("send_at", ""),
        "client_ref": typed.get("client_ref", "") or drafts.new_client_ref(),
        "seen": typed.get("seen", "") or seen_marker(),
        "fields": fields,
    }
    return again | fields
