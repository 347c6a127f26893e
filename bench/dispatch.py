"""Texts handed to the simulator by one worker, against a bare aiohttp loop that posts the same."""

import asyncio
import time
from typing import Any

import aiohttp
import psutil
from django.conf import settings
from django.db import connection
from django.utils import timezone

from messaging import dispatching, segments
from messaging.models import Contact, Message
from messaging.statuses import Status
from senderid.models import ProviderAccount, SenderId
from senderid.providers.twilio import announce_account
from tests.world import make_org

IN_FLIGHT = 64
BODY = "Your parcel arrives today between 9 and 11."


def measure(*, texts: int, senders: int) -> dict[str, dict[str, Any]]:
    org = make_org("Bench")
    account = ProviderAccount(org=org, label="Simulator", account_sid="AC" + "b" * 32, is_simulator=True)
    account.set_token("b" * 32)
    account.save()
    announce_account(account)
    bare = asyncio.run(_bare(account, texts))
    _queue(org, account, texts, senders)
    before, began = _cpu(), time.perf_counter()
    sent = dispatching.drain(longest=600)
    took = time.perf_counter() - began - dispatching.IDLE_SECONDS
    cpu = _cpu() - before
    assert sent == texts, (sent, texts)
    assert not Message.unscoped.exclude(status=Status.ACCEPTED).exists()
    rate = texts / took
    return {
        "dispatch_vs_client": {
            "value": round(rate / bare, 2),
            "unit": "ratio",
            "must": ">= 0.60",
            "note": f"{rate:.0f} texts/s against {bare:.0f} of bare aiohttp",
        },
        "dispatch_cpu_s_per_1000": {
            "value": round(cpu / texts * 1000, 2),
            "unit": "CPU s",
            "must": "<= 2.5",
            "note": "worker and database",
        },
    }


async def _bare(account: ProviderAccount, texts: int) -> float:
    url = f"{settings.SIMULATOR_BASE_URL}/2010-04-01/Accounts/{account.account_sid}/Messages.json"
    auth = aiohttp.BasicAuth(account.account_sid, account.auth_token)
    connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
    numbers = iter(range(texts))
    async with aiohttp.ClientSession(auth=auth, connector=connector) as session:

        async def worker() -> None:
            for n in numbers:
                form = {
                    "To": f"+1628{n:07d}",
                    "From": "+14155550100",
                    "Body": BODY,
                    "ValidityPeriod": "36000",
                }
                async with session.post(url, data=form) as answer:
                    await answer.json()

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        return texts / (time.perf_counter() - began)


def _queue(org: Any, account: ProviderAccount, texts: int, senders: int) -> None:
    rows = [
        SenderId(
            org=org,
            kind="long_code",
            value=f"+1415{n:07d}",
            country="US",
            label=str(n),
            provider_account=account,
            mps=100_000,
        )
        for n in range(senders)
    ]
    SenderId.objects.for_org(org).bulk_create(rows)
    contact = Contact.objects.for_org(org).create(number="+16285550100", country="US")
    cut, now = segments.cut(BODY), timezone.now()
    messages = (
        Message(
            org=org,
            sender=rows[n % senders],
            account=account,
            contact=contact,
            direction="outbound",
            origin="api",
            status=Status.QUEUED,
            to=f"+1628{n:07d}",
            from_value=rows[n % senders].value,
            country="US",
            body=BODY,
            encoding=cut.encoding,
            segments=1,
            due_at=now,
            expires_at=now + settings.MESSAGE_VALIDITY,
        )
        for n in range(texts)
    )
    Message.objects.for_org(org).bulk_create(messages, batch_size=2000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE messaging_message")


def _cpu() -> float:
    """CPU seconds of this process and of PostgreSQL so far."""
    total = sum(psutil.Process().cpu_times()[:2])
    data_dir = str(settings.DATA_DIR)
    for process in psutil.process_iter(["name", "cmdline"]):
        if "postgres" in (process.info["name"] or ""):
            try:
                if data_dir in " ".join(process.info["cmdline"] or []) or _below(process, data_dir):
                    total += sum(process.cpu_times()[:2])
            except psutil.Error:
                continue
    return total


def _below(process: psutil.Process, data_dir: str) -> bool:
    """A backend's parent is the server that has DATA_DIR as its working folder."""
    return process.cwd().startswith(data_dir)
