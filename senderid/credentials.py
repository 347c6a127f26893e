"""Secrets at rest: MultiFernet over FIELD_KEYS, the first key seals, any opens."""

from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def seal(secret: str) -> str:
    return _box(tuple(settings.FIELD_KEYS)).encrypt(secret.encode()).decode()


def open_secret(sealed: str) -> str:
    return _open(sealed, tuple(settings.FIELD_KEYS))


@lru_cache(maxsize=1000)
def _open(sealed: str, keys: tuple[str, ...]) -> str:
    """Each webhook asks for its account's token."""
    return _box(keys).decrypt(sealed.encode()).decode()
