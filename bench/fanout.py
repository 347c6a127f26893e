"""Campaign start to rows queued, against a plain COPY of the same rows into the same table with the same indexes."""

import gc
import os
import threading
import time
from io import BytesIO
from pathlib import Path
from typing import Any

from django.db import connection

from bench.engine import as_engine
from messaging import campaigns, fanout
from messaging.campaign_figures import progress
from messaging.models import Campaign, Message
from senderid.models import ProviderAccount, SenderId
from tests.world import give, make_org, register_rows

BODY = (
    "Hi {{ contact.first_name }}, your order {{ contact.attributes.order }} from {{ org.name }} is ready in "
    "{{ contact.attributes.city }}. Reply STOP to end."
)
CITIES = ("Oakland", "Fresno", "Sacramento", "San José", "Long Beach")
CONTACTS = """
INSERT INTO messaging_contact (id, org_id, number, name, country, timezone, tags, attributes, created_at)
SELECT uuidv7(), %s, '+1415' || (2000000 + n), 'Carla' || n || ' Smith', 'US', 'America/Los_Angeles', '{customer}',
  jsonb_build_object('order', 'A-' || n, 'city', (%s::text[])[1 + n %% %s]), now()
FROM generate_series(1, %s) AS n
"""
SMALL_SHARE = 5  # memory is compared with an audience a fifth as large


def measure(*, contacts: int) -> dict[str, dict[str, Any]]:
    small_peak, *_ = _fan_out("Small", contacts // SMALL_SHARE)
    peak, took, campaign = _fan_out("Bench", contacts)
    copied = _copy_the_same(campaign, contacts)
    return {
        "fanout_vs_copy": {
            "value": round(copied / took, 2),
            "unit": "ratio",
            "must": ">= 0.35",
            "note": f"{contacts} texts in {took:.1f} s against {copied:.1f} s of COPY",
        },
        "fanout_memory_growth_mb": {
            "value": round(peak - small_peak, 1),
            "unit": "MB",
            "must": "<= 10",
            "note": f"peak of {peak:.0f} with {contacts} contacts, of {small_peak:.0f} with {contacts // SMALL_SHARE}",
        },
    }


def _fan_out(name: str, contacts: int) -> tuple[float, float, Campaign]:
    """(peak of this process in MB, seconds from start to the last row, the campaign)."""
    campaign = _campaign(name, contacts)
    _empty()
    gc.collect()
    with _Peak() as peak:
        began = time.perf_counter()
        campaigns.start(campaign=campaign)
        with as_engine():
            while (
                campaigns.prepare() and progress(campaign)["counts"]["queued"] and campaign.portions.exists()
            ):
                pass
        took = time.perf_counter() - began
    written = Message.objects.for_org(campaign.org_id).filter(campaign=campaign).count()
    assert written == contacts, (written, contacts)
    return peak.reached, took, campaign


def _copy_the_same(campaign: Campaign, contacts: int) -> float:
    """Seconds to COPY the rows that the campaign wrote, after the table was emptied."""
    columns = ", ".join(f'"{name}"' for name in fanout.COLUMNS)
    with connection.cursor() as cursor:
        rows = BytesIO()
        cursor.copy_expert(f"COPY (SELECT {columns} FROM messaging_message ORDER BY id) TO STDOUT", rows)
        rows.seek(0)
        _empty()
        began = time.perf_counter()
        cursor.copy_expert(f"COPY messaging_message ({columns}) FROM STDIN", rows)
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
    register_rows(org, [sender])
    with connection.cursor() as cursor:  # by the server itself: this process's memory is watched
        cursor.execute(CONTACTS, [org.pk, list(CITIES), len(CITIES), contacts])
    campaign = campaigns.save_campaign(
        org=org, name=name, body=BODY, audience={"tags": ["customer"]}, category="transactional"
    )
    give(sender, campaign)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE messaging_contact")
    return campaign


class _Peak:
    """The most memory that this process had, looked at 50 times a second."""

    reached = 0.0

    def __enter__(self) -> "_Peak":
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.reached = max(self.reached, _resident())


def _resident() -> float:
    """MB of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
