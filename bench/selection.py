"""Explaining who speaks in an org with many senders and assignments."""

import statistics
import time
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from messaging.planning import Request, plan_text
from senderid.eligibility import Ask
from senderid.models import Assignment, AssignmentCountry, ProviderAccount, SenderId
from senderid.selection import choose_sender
from tenants.access import standing_of
from tests.world import make_member, make_org, register_rows


def measure(*, senders: int) -> dict[str, dict[str, Any]]:
    org = make_org("Bench selection")
    account = ProviderAccount(org=org, label="Simulator", account_sid="AC" + "e" * 32, is_simulator=True)
    account.set_token("e" * 32)
    account.save()
    members = [make_member(org, f"Member{n}") for n in range(100)]
    rows = [
        SenderId(
            org=org,
            kind="long_code",
            value=f"+1628{n:07d}",
            country="US",
            label=str(n),
            provider_account=account,
            mps=1,
        )
        for n in range(senders)
    ]
    SenderId.objects.for_org(org).bulk_create(rows, batch_size=2000)
    register_rows(org, rows)
    given = [
        Assignment(org=org, sender=sender, assignee_id=members[(n + shift) % 100].pk)
        for n, sender in enumerate(rows)
        for shift in (0, 1)
    ]
    Assignment.objects.for_org(org).bulk_create(given, batch_size=2000)
    countries = [AssignmentCountry(org=org, assignment=a, assignee_id=a.assignee_id) for a in given]
    AssignmentCountry.objects.for_org(org).bulk_create(countries, batch_size=2000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    request = Request(org=org, to="+16285550199", body="Hello", as_member=members[0])
    plan_text(request=request)
    ask = Ask(org_id=org.pk, country="US", standing=standing_of(members[0]))
    with CaptureQueriesContext(connection) as selecting:
        choose_sender(ask=ask)
    with CaptureQueriesContext(connection) as queries:
        plan_text(request=request)
    times = []
    for _ in range(200):
        began = time.perf_counter()
        plan_text(request=request)
        times.append((time.perf_counter() - began) * 1000)
    p95 = statistics.quantiles(times, n=20)[-1]
    return {
        "selection_p95_ms": {
            "value": round(p95, 1),
            "unit": "ms",
            "must": "<= 5",
            "note": f"{senders} senders, {2 * senders} assignments; median {statistics.median(times):.1f} ms; selection "
            f"{len(selecting)} queries, {len(queries)} with contact, opt-outs and standing",
        }
    }
