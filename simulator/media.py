"""Pictures and other files of texts: those that handsets send and those that we send to them. They survive a restart."""

import secrets
from dataclasses import dataclass

from simulator import clock
from simulator.storage import Storage

INSERT = "INSERT INTO media VALUES (?, ?, ?, ?, ?, ?)"
SHOWN_AS_PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
MAX_FILES, MAX_BYTES = 10, 5 * 2**20


@dataclass(frozen=True, slots=True)
class File:
    """What a handset attaches."""

    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Media:
    sid: str
    message_sid: str
    account_sid: str
    content_type: str
    content: bytes
    created: float

    @property
    def path(self) -> str:
        """Where the API serves it, with the account's credentials."""
        return f"/2010-04-01/Accounts/{self.account_sid}/Messages/{self.message_sid}/Media/{self.sid}"

    @property
    def is_picture(self) -> bool:
        return self.content_type in SHOWN_AS_PICTURES


class MediaStore:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._by_sid: dict[str, Media] = {}
        self._by_message: dict[str, list[Media]] = {}
        for row in storage.rows("SELECT * FROM media ORDER BY created"):
            self._keep(Media(*row))

    def _keep(self, media: Media) -> None:
        self._by_sid[media.sid] = media
        self._by_message.setdefault(media.message_sid, []).append(media)

    def add(self, *, message_sid: str, account_sid: str, file: File) -> Media:
        sid = "ME" + secrets.token_hex(16)
        media = Media(sid, message_sid, account_sid, file.content_type, file.content, clock.now())
        self._keep(media)
        row = (sid, message_sid, account_sid, media.content_type, media.content, media.created)
        self._storage.write(INSERT, row)
        return media

    def find(self, sid: str) -> Media | None:
        return self._by_sid.get(sid)

    def of_message(self, message_sid: str) -> list[Media]:
        return self._by_message.get(message_sid, [])

    def clear(self) -> None:
        self._by_sid.clear()
        self._by_message.clear()
        self._storage.write("DELETE FROM media")
