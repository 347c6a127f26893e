"""Queues of any size for the dispatch benchmarks, written by the server itself; and what it costs to drain them."""

import asyncio
import os
import time
from dataclasses import dataclass

import psutil
from django.conf import settings
from django.db import connection

from bench.engine import as_engine
from messaging.draining import Drain
from messaging.models import Contact
from senderid.models import ProviderAccount, SenderId
from senderid.providers.twilio import announce_account
from tenants.models import Organization
from tests.world import make_org

BODY = "Your parcel arrives today between 9 and 11."
IDLE = 0.2
FILL = """
INSERT INTO messaging_message (id, org_id, sender_id, account_id, contact_id, direction, origin, status, lane, "to",
  from_value, country, body, encoding, segments, rule, rule_text, client_ref, metadata, due_at, expires_at, attempt_no,
  provider_sid, error_code, error_text, hushed, created_at)
SELECT uuidv7(), %(org)s, s.id, %(account)s, %(contact)s, 'outbound', 'api', 'queued', %(lane)s,
  '+1628' || lpad(n::text, 7, '0'), s.value, 'US', %(body)s, 'GSM-7', 1, '', '', '', '{}', now(),
  now() + interval '10 hours', 0, '', '', '', '', now()
FROM generate_series(0, %(texts)s - 1) n
JOIN (SELECT id, value, row_number() OVER (ORDER BY id) - 1 AS place FROM senderid_senderid
      WHERE org_id = %(org)s AND mps = 100000 ORDER BY id LIMIT %(senders)s) s ON s.place = n %% %(senders)s
ORDER BY n
"""


@dataclass(frozen=True)
class Scene:
    """An org with an account at the simulator and fast senders."""

    org: Organization
    account: ProviderAccount
    contact: Contact

    def fill(self, *, texts: int, senders: int, lane: int = 1) -> None:
        """Queues texts, the senders in turn; the server has nothing left to do with them after."""
        given = {"org": self.org.pk, "account": self.account.pk, "contact": self.contact.pk}
        with connection.cursor() as cursor:
            cursor.execute(FILL, {**given, "lane": lane, "body": BODY, "texts": texts, "senders": senders})
            cursor.execute("VACUUM ANALYZE messaging_message")  # or autovacuum does it while the clock runs


def make_scene(name: str, *, letter: str, senders: int) -> Scene:
    org = make_org(name)
    account = ProviderAccount(org=org, label="Simulator", account_sid="AC" + letter * 32, is_simulator=True)
    account.set_token(letter * 32)
    account.save()
    announce_account(account)
    rows = (
        SenderId(
            org=org, kind="long_code", value=f"+1415{n:07d}", country="US", label=str(n),
            provider_account=account, mps=100_000,
        )
        for n in range(senders)
    )  # fmt: skip
    SenderId.objects.for_org(org).bulk_create(rows, batch_size=2000)
    contact = Contact.objects.for_org(org).create(
        number="+16285550100", country="US", timezone="America/Los_Angeles"
    )
    return Scene(org, account, contact)


def clear() -> None:
    """No texts at all."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE messaging_message CASCADE")


@dataclass(frozen=True)
class Drained:
    """What a drain did: texts, seconds, CPU seconds of this process and the database."""

    texts: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        return self.texts / self.seconds

    @property
    def cpu_per_1000(self) -> float:
        return self.cpu / self.texts * 1000


def drain(*, longest: float = 600.0) -> Drained:
    """Drains in this process until nothing is left, or for so long."""
    before, began = cpu(), time.perf_counter()
    with as_engine():
        texts = asyncio.run(Drain(longest=longest, idle=IDLE).run())
    took = time.perf_counter() - began
    return Drained(texts, took - IDLE if took < longest else took, cpu() - before)


def cpu() -> float:
    """CPU seconds of this process and of PostgreSQL so far."""
    total = sum(psutil.Process().cpu_times()[:2])
    for process in psutil.process_iter(["name"]):
        if "postgres" in (process.info["name"] or ""):
            try:
                if process.cwd().startswith(str(settings.DATA_DIR)):
                    times = process.cpu_times()
                    total += times.user + times.system + times.children_user + times.children_system
            except (psutil.Error, OSError):
                continue
    return total


def accepted() -> int:
    """How many texts the carrier took."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM messaging_message WHERE accepted_at IS NOT NULL")
        return int(cursor.fetchone()[0])


def worker_environ() -> dict[str, str]:
    """For processes of a benchmark: the servers of this run."""
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
