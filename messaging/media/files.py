"""The media of messages as stored files, and as rows that the thread and the API show."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.http import HttpResponse

from messaging.content_types import EXTENSIONS, INLINE, UNKNOWN, label_of
from messaging.models import Message, MessageMedia

MAX_MEDIA = 10  # of one message
NAMELESS = "default-src 'none'; sandbox; frame-ancestors 'none'"


def storage() -> Storage:
    """Private: nothing in it has an address of its own."""
    return storages["media"]


def save_file(row: MessageMedia, content: bytes) -> str:
    """Its name in the storage. Saving again takes the place of what a killed worker left."""
    name = f"{row.org_id}/{row.pk}"
    with suppress(FileNotFoundError):
        storage().delete(name)
    return storage().save(name, ContentFile(content))


def response_of(row: MessageMedia) -> HttpResponse:
    """The file as a response that no browser runs: strict type, sandbox, and only pictures inline."""
    with storage().open(row.file) as file:
        content = file.read()
    is_inline = row.content_type in INLINE
    name = f"{row.pk}{EXTENSIONS.get(row.content_type, '.bin')}"
    return HttpResponse(
        content,
        content_type=row.content_type if row.content_type in EXTENSIONS else UNKNOWN,
        headers={
            "Content-Disposition": f'{"inline" if is_inline else "attachment"}; filename="{name}"',
            "Content-Security-Policy": NAMELESS,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        },
    )


def media_of(messages: Iterable[Message]) -> dict[UUID, list[MessageMedia]]:
    """By message id, in order; all messages are of one organization. One query for a page of messages."""
    messages = list(messages)
    if not messages:
        return {}
    rows = MessageMedia.objects.for_org(messages[0].org_id).filter(message__in=[one.pk for one in messages])
    found: dict[UUID, list[MessageMedia]] = defaultdict(list)
    for row in rows.order_by("message_id", "position"):
        found[row.message_id].append(row)
    return dict(found)


def words_of(message: Message, media: Iterable[MessageMedia] | None = None) -> str:
    """The body, or what people call its media where it has none: `Photo`."""
    if message.body:
        return message.body
    rows = media_of([message]).get(message.pk, []) if media is None else media
    return label_of([row.content_type or row.declared_type for row in rows])


def with_media(message: Message) -> str:
    """For an email: the body, and what people call its media: `Look at this (Photo)`, `Photo`."""
    rows = media_of([message]).get(message.pk, [])
    label = label_of([row.content_type or row.declared_type for row in rows])
    return f"{message.body} ({label})" if message.body and label else message.body or label


def rows_for(message: Message, payload: Mapping[str, Any]) -> list[MessageMedia]:
    """Unsaved rows of the media that an inbound webhook names (NumMedia, MediaUrl0, MediaContentType0 …)."""
    given = str(payload.get("NumMedia", ""))
    count = min(int(given), MAX_MEDIA) if given.isascii() and given.isdecimal() and len(given) < 5 else 0
    return [
        MessageMedia(
            org_id=message.org_id,
            message=message,
            position=n,
            source_url=str(payload[f"MediaUrl{n}"])[:1000],
            declared_type=str(payload.get(f"MediaContentType{n}", ""))[:100],
        )
        for n in range(count)
        if payload.get(f"MediaUrl{n}")
    ]
