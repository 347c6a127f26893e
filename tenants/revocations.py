"""Live streams end when access ends: what a page may hear is signed into its token, so a change of access revokes the
tokens that were issued before it.

A token names its subjects: the login, the session, the org, and every assignee and absence it counted. `connect` makes
each change of one of those rows revoke its subject, whichever entry point changed it. `config.live` hears of it by
pub/sub, and reads what it missed from the sorted set REVOKED once a second.
"""

import hashlib
import hmac
import json
import time
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_delete, post_save

from tenants.hints import insist_after_commit

REVOKED = "live:revoked"  # a sorted set: subject, time of its revocation
SINCE = "live:revoked-since"  # from when on REVOKED is complete: it is lost with Redis
CHANNEL = "live:access"
KEPT_SECONDS = 2 * settings.LIVE_TOKEN_SECONDS


def revoke(*subjects: UUID | str | None) -> None:
    """After commit: no token issued before that names one of these subjects counts any more."""
    for subject in {str(one) for one in subjects if one is not None}:
        insist_after_commit(f"revocation of {subject}", partial(_write, subject))


def _write(subject: str, redis: Any) -> None:
    now = time.time()
    together = redis.pipeline(transaction=True)
    together.zadd(REVOKED, {subject: now})
    together.zremrangebyscore(REVOKED, 0, now - KEPT_SECONDS)
    together.expire(REVOKED, KEPT_SECONDS)
    together.publish(CHANNEL, json.dumps({"subject": subject, "at": now}))
    together.execute()


def session_subject(session_key: str | None) -> str:
    """Names a session without giving its key away."""
    digest = hmac.new(settings.SECRET_KEY.encode(), f"live:{session_key}".encode(), hashlib.sha256)
    return f"session:{digest.hexdigest()[:32]}"


def revoke_on_change(model: Any, *fields: str) -> None:
    """Each save and each deletion of a row of `model` revokes the subjects in its `fields`."""

    def changed(instance: Any, created: bool = False, **_: Any) -> None:
        if not (created and "pk" in fields):  # a new subject is in no token yet
            revoke(*(getattr(instance, field) for field in fields))

    name = f"revoke {model._meta.label}"
    post_save.connect(changed, sender=model, weak=False, dispatch_uid=name)
    post_delete.connect(changed, sender=model, weak=False, dispatch_uid=name)


def connect(*, user: Any, organization: Any) -> None:
    """Logins and organizations are saved for other reasons too; only what ends access counts."""
    post_save.connect(_user_saved, sender=user, dispatch_uid="revoke user")
    post_save.connect(_organization_saved, sender=organization, dispatch_uid="revoke organization")
    user_logged_out.connect(_logged_out, dispatch_uid="revoke session")


def _user_saved(instance: Any, created: bool = False, **_: Any) -> None:
    has_new_password = instance._password is not None  # until `save` has told the validators
    if not created and (has_new_password or not instance.is_active):
        revoke(instance.pk)


def _organization_saved(instance: Any, **_: Any) -> None:
    if not instance.is_active:
        revoke(instance.pk)


def _logged_out(request: Any, **_: Any) -> None:
    if session := getattr(request, "session", None):
        revoke(session_subject(session.session_key))
