"""The yardstick's Celery app: one task per text, the synchronous twilio client, connections that are reused."""

import os
from typing import Any

from celery import Celery

app = Celery("naive", broker=os.environ.get("REDIS_URL"))
app.conf.task_default_queue = "naive"
app.conf.CELERY_DB_REUSE_MAX = 1_000_000
_clients: dict[Any, Any] = {}


@app.task(ignore_result=True)
def send(pk: str) -> None:
    """One text: read, post, write."""
    from django.utils import timezone

    from messaging.models import Message

    text = Message.unscoped.select_related("account").get(pk=pk)
    taken = _client(text.account).messages.create(
        to=text.to,
        from_=text.from_value,
        body=text.body,
        validity_period=36_000,
        status_callback=f"http://127.0.0.1:9/webhooks/twilio/{text.account.account_key}/status/{pk}",
    )
    Message.unscoped.filter(pk=pk).update(
        status="accepted", provider_sid=taken.sid, accepted_at=timezone.now()
    )


def _client(account: Any) -> Any:
    from twilio.rest import Client

    if account.pk not in _clients:
        _clients[account.pk] = Client(account.account_sid, account.auth_token)
        _clients[account.pk].api.base_url = account.url
    return _clients[account.pk]
