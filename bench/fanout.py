"""Campaign start to rows queued, against a plain COPY of the same rows into the same table with the same indexes."""

import gc
import os
import threading
import time
from io import BytesIO
from pathlib import Path
from typing import Any

from django.db import connection

from messaging import campaigns, fanout
from messaging.campaign_figures import progress
from messaging.models import Campaign, Contact, Message
from senderid.models import ProviderAccount, SenderId
from tests.world import give, make_org

BODY = (
    "Hi {{ contact.first_name }}, your order {{ contact.attributes.order }} from {{ org.name }} is ready in "
    "{{ contact.attributes.city }}. Reply STOP to end."
)
CITIES = ("Oakland", "Fresno", "Sacramento", "San José", "Long Beach")
SMALL_SHARE = 5  # memory is compared with an audience a fifth as large


def measure(*, contacts: int) -> dict[str, dict[str, Any]]:
    small_growth, *_ = _fan_out("Small", contacts // SMALL_SHARE)
    growth, took, campaign = _fan_out("Bench", contacts)
    copied = _copy_the_same(campaign, contacts)
    return {
        "fanout_vs_copy": {
            "value": round(copied / took, 2),
            "unit": "ratio",
            "must": ">= 0.35",
            "note": f"{contacts} texts in {took:.1f} s against {copied:.1f} s of COPY",
        },
        "fanout_memory_growth_mb": {
            "value": round(growth - small_growth, 1),
            "unit": "MB",
            "must": "<= 10",
            "note": f"peak over {contacts} contacts ({growth:.1f}) less over {contacts // SMALL_SHARE} ({small_growth:.1f})",
        },
    }


def _fan_out(name: str, contacts: int) -> tuple[float, float, Campaign]:
    """(how much this process grew in MB, seconds from start to the last row, the campaign)."""
    campaign = _campaign(name, contacts)
    _empty()
    gc.collect()
    with _Peak() as peak:
        began = time.perf_counter()
        campaigns.start(campaign=campaign)
        while campaigns.prepare() and progress(campaign)["counts"]["queued"] and campaign.portions.exists():
            pass
        took = time.perf_counter() - began
    written = Message.objects.for_org(campaign.org_id).filter(campaign=campaign).count()
    assert written == contacts, (written, contacts)
    return peak.growth, took, campaign


def _copy_the_same(campaign: Campaign, contacts: int) -> float:
    """Seconds to COPY the rows that the campaign wrote, after the table was emptied."""
    columns = ", ".join(f'"{name}"' for name in fanout.COLUMNS)
    with connection.cursor() as cursor:
        rows = BytesIO()
        cursor.copy_expert(f"COPY (SELECT {columns} FROM messaging_message ORDER BY id) TO STDOUT", rows)
        rows.seek(0)
        _empty()
        began = time.perf_counter()
        cursor.copy_expert(fanout.COPY, rows)
        took = time.perf_counter() - began
    assert Message.objects.for_org(campaign.org_id).count() == contacts
    return took


def _empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE messaging_message CASCADE")


def _campaign(name: str, contacts: int) -> Campaign:
    org = make_org(name)
    account = ProviderAccount(
        org=org, label="Carrier", account_sid="AC" + f"{contacts:032d}", is_simulator=True
    )
    account.set_token("b" * 32)
    account.save()
    sender = SenderId.objects.for_org(org).create(
        kind="short_code", value="56767", country="US", label="Bench", provider_account=account, mps=100
    )
    for first in range(0, contacts, 5000):
        rows = [_contact(org, n) for n in range(first, min(first + 5000, contacts))]
        Contact.objects.for_org(org).bulk_create(rows)
    campaign = campaigns.save_campaign(
        org=org, name=name, body=BODY, audience={"tags": ["customer"]}, category="transactional"
    )
    give(sender, campaign)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE messaging_contact")
    return campaign


def _contact(org: Any, n: int) -> Contact:
    return Contact(
        org=org,
        number=f"+1415{2000000 + n}",
        name=f"Carla{n} Smith",
        country="US",
        timezone="America/Los_Angeles",
        tags=["customer"],
        attributes={"order": f"A-{n:06d}", "city": CITIES[n % len(CITIES)]},
    )


class _Peak:
    """The most memory this process took above what it had at first, looked at 50 times a second."""

    growth = 0.0

    def __enter__(self) -> "_Peak":
        self._over = threading.Event()
        self._began = _resident()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.growth = max(self.growth, _resident() - self._began)


def _resident() -> float:
    """MB of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
