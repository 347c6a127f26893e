"""Sessions of which a copy of the database logs nobody in: rows hold the SHA-256 of the cookie's key, and sealed data.

The engine named by SESSION_ENGINE.
"""

import hashlib
from typing import Any

from celery import shared_task
from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import connection
from django.utils import timezone

from tenants.database import ENGINE
from tenants.kept import Kept
from tenants.sealing import InvalidToken, open_secret, seal

# The engine may not even read the table.
FORGET = Kept(
    "forget_expired_sessions",
    "DELETE FROM tenants_session WHERE expire_date < now() RETURNING 1",
    takes={},
    gives={"one": "integer"},
    across_orgs=[ENGINE],
)


class SessionStore(db.SessionStore):
    """Django's database sessions, found by a digest."""

    @classmethod
    def get_model_class(cls) -> type[AbstractBaseSession]:
        from tenants.models import Session

        return Session

    def exists(self, session_key: str) -> bool:
        return self._rows(session_key).exists()

    async def aexists(self, session_key: str) -> bool:
        return await self._rows(session_key).aexists()

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        return self._with_digest(super().create_model_instance(data))

    async def acreate_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        return self._with_digest(await super().acreate_model_instance(data))

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            self._rows(key).delete()

    async def adelete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            await self._rows(key).adelete()

    def encode(self, session_dict: dict[str, Any]) -> str:
        return seal(super().encode(session_dict))

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        try:
            return super().decode(open_secret(str(session_data)))
        except InvalidToken:  # its key is no longer among FIELD_KEYS: the session ends
            return {}

    def _get_session_from_db(self) -> AbstractBaseSession | None:
        row = self._valid_rows().first()
        if row is None:
            self._session_key = None
        return row

    async def _aget_session_from_db(self) -> AbstractBaseSession | None:
        row = await self._valid_rows().afirst()
        if row is None:
            self._session_key = None
        return row

    def _valid_rows(self) -> Any:
        return self._rows(self.session_key or "").filter(expire_date__gt=timezone.now())

    def _rows(self, session_key: str) -> Any:
        return self.model._default_manager.filter(session_key=digest(session_key))

    def _with_digest(self, row: Any) -> AbstractBaseSession:
        row.session_key = digest(row.session_key)
        return row  # type: ignore[no-any-return]


@shared_task
def forget_expired() -> None:
    """Deletes the sessions that are over."""
    with connection.cursor() as cursor:
        FORGET.ask(cursor, {})


def digest(session_key: str) -> str:
    return hashlib.sha256(session_key.encode()).hexdigest()
