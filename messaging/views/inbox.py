"""The inbox: folders, list, one conversation. The same addresses give the whole page or, to htmx, its parts."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from messaging import conversations
from messaging.composing import answer_to, preview_of
from messaging.contact_facts import facts_of
from messaging.contacts import clean_tags
from messaging.folders import FOLDERS
from messaging.forms import LookForm, SnoozeForm, TagsForm
from messaging.inbox.drafts import as_dict, drafts_of, new_client_ref
from messaging.inbox.unseen import seen_marker
from messaging.listing import PAGE as ROWS
from messaging.listing import Listed, list_conversations
from messaging.live_events import events_url, token_for
from messaging.models import Conversation
from messaging.opened import PAGE as LINES
from messaging.opened import (
    absence_behind,
    assign_menu,
    conversation_for,
    people_of,
    snooze_times,
    thread_for,
)
from messaging.possible_opt_outs import recent_decision, undecided
from messaging.rail import rail_of
from messaging.views.palette import pages_and_conversations
from senderid.delegated import readable_sender_ids
from senderid.models import SenderId
from tenants import roles
from tenants.access import standing_of
from tenants.errors import unreadable
from tenants.models import Membership
from tenants.views.doors import MemberRequest, page

CHANGED = "conversation-changed"


@dataclass(frozen=True)
class Look:
    """Which folder and filters the address names; `query` is the same as text, for links that stay here."""

    folder: str
    group: UUID | None
    filters: dict[str, Any]
    query: str
    title: str

    @property
    def is_narrowed(self) -> bool:
        return bool(self.filters)


def look_of(request: HttpRequest) -> Look:
    """Reads the address; 400 for a filter that can't be read."""
    form = LookForm(request.GET)
    if not form.is_valid():
        name = next(iter(form.errors))
        raise unreadable(name, "This address can’t be read; choose a folder on the left.")
    given = {name: value for name, value in form.cleaned_data.items() if value}
    folder = given.get("folder") or "mine"
    filters = {name: value for name, value in given.items() if name not in ("folder", "group")}
    query = urlencode({"folder": folder} | {name: given[name] for name in given if name != "folder"})
    return Look(folder, given.get("group"), filters, query, FOLDERS[folder][0])


@page()
@require_GET
def home(request: MemberRequest) -> HttpResponse:
    return redirect("inbox")


@page()
@require_GET
def inbox(request: MemberRequest, pk: UUID | None = None) -> HttpResponse:
    """The whole page; to htmx only the open conversation."""
    look = look_of(request)
    opened: dict[str, Any] = conversation_page(request, pk, look) if pk else {"look": look}
    if pk and opened["open"].pk != pk:
        return redirect(f"/inbox/{opened['open'].pk}/?{look.query}")
    if request.htmx and not request.htmx.history_restore_request:  # type: ignore[attr-defined]
        return _varies(render(request, "inbox/conversation.html", opened))
    listed = listed_for(request, look)
    title = next((one.name for one in listed.inboxes if one.id == look.group), look.title)
    return _varies(render(request, "inbox/page.html", {**opened, "listed": listed, "title": title}))


def listed_for(request: MemberRequest, look: Look) -> Listed:
    """The rows of a look, with what the address says about paging."""
    return list_conversations(
        member=request.member,
        folder=look.folder,
        group=look.group,
        filters=look.filters,
        after=request.GET.get("after", ""),
        most=most_of(request, ROWS),
    )


def most_of(request: HttpRequest, usual: int) -> int:
    """How many rows the page asks for."""
    given = request.GET.get("most", "")[:4]
    return int(given) if given.isdecimal() else usual


def conversation_page(request: MemberRequest, pk: UUID, look: Look, **typed: Any) -> dict[str, Any]:
    """Everything the panes of one conversation show; `typed` is a composer that was refused."""
    conversation = conversation_for(member=request.member, pk=pk)
    parts = thread_parts(request, conversation, look)
    return {
        **parts,
        **composer_of(request, conversation),
        "preview": preview_of(request=answer_to(conversation=conversation, member=request.member, body="")),
        **typed,
    }


def composer_of(request: MemberRequest, conversation: Conversation | None) -> dict[str, Any]:
    """The composer's contents: the newest draft, else an empty message."""
    if not roles.may(request.member, roles.SEND):
        return {}
    drafts = [as_dict(draft) for draft in drafts_of(member=request.member, conversation=conversation)]
    newest = drafts[0] if drafts else {}
    return {
        "drafts_json": json.dumps(drafts),
        "client_ref": newest.get("ref") or new_client_ref(),
        "revision": newest.get("revision", 0),
        "mode": newest.get("mode", ""),
        "body": newest.get("body", ""),
        "later": newest.get("later", False),
        "send_at": newest.get("send_at", ""),
    }


def thread_parts(request: MemberRequest, conversation: Conversation, look: Look) -> dict[str, Any]:
    """What changes while a conversation is open: head, time line, details."""
    lines = thread_for(conversation=conversation, member=request.member, most=most_of(request, LINES))
    return {
        "look": look,
        "open": conversation,
        "thread": lines,
        "seen": seen_marker(lines.lines),
        "facts": facts_of(contact=conversation.contact, member=request.member),
        "possible_opt_out": undecided(conversation),
        "undoable_decision": recent_decision(conversation, request.member),
        "absence": absence_behind(member=request.member, conversation=conversation),
        "assign_menu": assign_menu(conversation=conversation, member=request.member),
        "snooze_times": snooze_times(timezone.localtime()),
        "may_write": roles.may(request.member, roles.SEND),
        "tags_form": TagsForm(conversation=conversation),
    }


@page()
@require_GET
def rows(request: MemberRequest) -> HttpResponse:
    """The list again, or with `after` the rows that follow."""
    look = look_of(request)
    context = {"look": look, "listed": listed_for(request, look), "open_id": request.GET.get("open", "")}
    return render(request, "inbox/more_rows.html" if request.GET.get("after") else "inbox/rows.html", context)


@page()
@require_GET
def rail(request: MemberRequest) -> HttpResponse:
    here = request.GET.get("here", "/inbox/")
    parts = rail_of(member=request.member, path=here, query=request.GET.urlencode())
    return render(request, "inbox/rail.html", {"rail": {"parts": parts}})


@page()
@require_GET
def filters(request: MemberRequest) -> HttpResponse:
    """What the list can be narrowed by, fetched when the menu opens."""
    readable = SenderId.objects.for_org(request.org).order_by("label", "value")
    if not request.member.is_admin:
        readable = readable.filter(pk__in=readable_sender_ids(standing_of(request.member)))
    context = {"look": look_of(request), "senders": readable[:200], "people": people_of(request.member)}
    return render(request, "inbox/filters.html", {**context, "statuses": Conversation.Status.values})


@page()
@require_GET
def thread(request: MemberRequest, pk: UUID) -> HttpResponse:
    """The parts that change, again; with `before` the lines above."""
    conversation = conversation_for(member=request.member, pk=pk)
    if conversation.pk != pk:
        return redirect(f"/inbox/{conversation.pk}/thread?{request.GET.urlencode()}")
    before = request.GET.get("before", "")
    if before:
        lines = thread_for(conversation=conversation, member=request.member, before=_uuid(before))
        return render(request, "inbox/earlier.html", {"open": conversation, "thread": lines})
    return render(request, "inbox/thread.html", thread_parts(request, conversation, look_of(request)))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise unreadable("before", "This address can’t be read; reload the page.")


@page()
@require_GET
def palette(request: MemberRequest) -> HttpResponse:
    found = pages_and_conversations(member=request.member, words=request.GET.get("q", "")[:200])
    return render(request, "inbox/palette.html", found)


@page()
@require_POST
def read(request: MemberRequest, pk: UUID) -> HttpResponse:
    conversations.mark_read(
        conversation=conversation_for(member=request.member, pk=pk), member=request.member
    )
    return HttpResponse(status=204)


@page(needs=roles.SEND)
@require_POST
def assign(request: MemberRequest, pk: UUID) -> HttpResponse:
    """To the member `to`; to nobody when it is empty."""
    conversation = conversation_for(member=request.member, pk=pk)
    to = _member(request, request.POST.get("to", ""))
    conversations.assign_conversation(conversation=conversation, to=to, by=request.member)
    return changed(request, pk)


def _member(request: MemberRequest, given: str) -> Membership | None:
    if not given:
        return None
    found = next((person for person in people_of(request.member) if str(person.pk) == given), None)
    if found is None:
        raise unreadable("to", "Choose someone of your organization who may write.")
    return found


@page(needs=roles.SEND)
@require_POST
def status(request: MemberRequest, pk: UUID) -> HttpResponse:
    conversation = conversation_for(member=request.member, pk=pk)
    form = SnoozeForm(request.POST)
    if not form.is_valid():
        raise unreadable("snoozed_until", "This time can’t be read; choose a day and a time.")
    conversations.set_status(
        conversation=conversation,
        status=request.POST.get("status", ""),
        snoozed_until=form.cleaned_data["snoozed_until"],
        by=request.member,
    )
    return changed(request, pk)


@page(needs=roles.SEND)
@require_POST
def tags(request: MemberRequest, pk: UUID) -> HttpResponse:
    conversation = conversation_for(member=request.member, pk=pk)
    rows = Conversation.objects.for_org(request.org).select_for_update(no_key=True)
    form = TagsForm(request.POST, conversation=rows.get(pk=conversation.pk))
    if not form.is_valid():
        raise unreadable("tags", "These tags can’t be read; enter words with commas between.")
    conversations.set_tags(conversation=conversation, tags=clean_tags(form.cleaned_data["tags"])[:50])
    return changed(request, pk)


@page()
@require_POST
def live_token(request: MemberRequest) -> HttpResponse:
    """Where to listen, with a fresh token that says what may be heard."""
    key = request.session.session_key
    token = token_for(member=request.member, session_key=key, issued=request.began_at)
    return JsonResponse({"url": events_url(token), "renew_seconds": settings.LIVE_TOKEN_SECONDS * 0.8})


def changed(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Done: htmx fetches the parts again, anyone else sees the page again."""
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204, headers={"HX-Trigger": CHANGED})
    return redirect(f"/inbox/{pk}/?{look_of(request).query}")


def _varies(response: HttpResponse) -> HttpResponse:
    response["Vary"] = "HX-Request, Cookie"
    response["Cache-Control"] = "no-store"
    return response
