"""POST /api/v1/messages over real HTTP, against a bare DRF view with one INSERT on a server with the same flags."""

import itertools
import json
import random
import statistics
import uuid
from collections.abc import Iterator
from typing import Any

from django.db import connection

from bench import bare, load
from bench.serving import BARE, PRODUCT, ratio_of, serving
from messaging.models import Contact
from senderid.models import ProviderAccount, SenderId
from tenants import api_keys
from tenants.models import Organization
from tests.world import give, make_member, make_org, register_rows

KEYS = 64  # each is limited to 600 requests in 10 s, and 16 connections ask more than that
BODY = "Your parcel arrives today between 9 and 11."
JSON = "application/json"


def measure(*, rounds: int, seconds: float, contacts: int = 2000) -> dict[str, dict[str, Any]]:
    org = make_org("Bench API")
    _senders(org)
    numbers = _contacts(org, contacts)
    keys = [api_keys.mint(org=org, name=f"Bench {n}")[1] for n in range(KEYS)]
    with connection.cursor() as cursor:
        cursor.execute(bare.TABLE)
        cursor.execute("ANALYZE")
    ours, theirs, waits = [], [], []
    asking = _texts(numbers, keys)
    with serving(PRODUCT) as port, serving(BARE) as bare_port:
        for n in range(rounds + 1):
            enough = int(3000 * seconds) + 16
            plain = load.fire(port=bare_port, requests=[_plain(numbers)] * enough, seconds=seconds)
            found = load.fire(port=port, requests=list(itertools.islice(asking, enough)), seconds=seconds)
            assert {*found["statuses"], *plain["statuses"]} == {"202"}, (found, plain)
            if (
                not n
            ):  # the first round opens connections and fills caches and tables: as autovacuum does in time
                with connection.cursor() as cursor:
                    cursor.execute("ANALYZE")
            else:
                ours.append(found["rate"])
                theirs.append(plain["rate"])
                waits.append(found["p95_ms"])
    return {
        "api_vs_bare": {
            "value": ratio_of(ours, theirs),
            "unit": "ratio",
            "must": ">= 0.40",
            "note": f"{statistics.median(ours):.0f} texts/s (p95 {statistics.median(waits):.0f} ms) against "
            f"{statistics.median(theirs):.0f}/s of a bare DRF view; 16 connections",
        }
    }


def _senders(org: Organization) -> None:
    """Twenty: five of them the organization's, one its default for the country, the rest of ten members."""
    account = ProviderAccount(org=org, label="Simulator", account_sid="AC" + "a" * 32, is_simulator=True)
    account.set_token("a" * 32)
    account.save()
    members = [make_member(org, f"Member{n}") for n in range(10)]
    for n in range(20):
        sender = SenderId.objects.for_org(org).create(
            kind="long_code", value=f"+1415556{n:04d}", country="US", label=f"Line {n}",
            provider_account=account, mps=100,
        )  # fmt: skip
        register_rows(org, [sender])
        give(sender, org if n < 5 else members[n % 10], is_default=n == 0, countries=["US"] if n < 3 else [])


def _contacts(org: Organization, count: int) -> list[str]:
    numbers = [f"+1628{200_0000 + n}" for n in range(count)]
    rows = [
        Contact(org=org, number=number, country="US", timezone="America/Los_Angeles") for number in numbers
    ]
    Contact.objects.for_org(org).bulk_create(rows, batch_size=1000)
    return numbers


def _texts(numbers: list[str], keys: list[str]) -> Iterator[bytes]:
    """Each to the next contact, with the next key and an Idempotency-Key of its own."""
    random.Random(1).shuffle(numbers)
    for number, key in zip(itertools.cycle(numbers), itertools.cycle(keys), strict=False):
        yield load.request(
            "/api/v1/messages",
            json.dumps({"to": number, "body": BODY}).encode(),
            Content_Type=JSON,
            Authorization=f"Bearer {key}",
            Idempotency_Key=str(uuid.uuid4()),
        )


def _plain(numbers: list[str]) -> bytes:
    return load.request("/api", json.dumps({"to": numbers[0], "body": BODY}).encode(), Content_Type=JSON)
