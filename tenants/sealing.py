"""Secrets at rest: MultiFernet over FIELD_KEYS, the first key seals, any opens.

In the lowest layer, because provider credentials, second factors and sessions are all sealed with it.
"""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

__all__ = ["InvalidToken", "open_cached", "open_secret", "seal"]


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def seal(secret: str) -> str:
    return _box(tuple(settings.FIELD_KEYS)).encrypt(secret.encode()).decode()


def open_secret(sealed: str) -> str:
    """Raises InvalidToken for what none of FIELD_KEYS sealed."""
    return _box(tuple(settings.FIELD_KEYS)).decrypt(sealed.encode()).decode()


def open_cached(sealed: str) -> str:
    """`open_secret` for what every webhook needs: the last 1,000 stay open in this process."""
    return _open(sealed, tuple(settings.FIELD_KEYS))


@lru_cache(maxsize=1000)
def _open(sealed: str, keys: tuple[str, ...]) -> str:
    return _box(keys).decrypt(sealed.encode()).decode()
