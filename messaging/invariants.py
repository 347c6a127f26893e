"""What must always hold, asked of the database and, where an account is the simulator's, of its ledger.

`broken()` judges a system at work. `broken(settled=True)` judges one that is at rest, as after a fault test: then
nothing may be under way any more, and a ledger that can't be read is a fault itself.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import requests
from django.conf import settings
from django.db import connection
from django.utils import timezone

from senderid.models import ProviderAccount

# Each finds rows that break the rule named beside it: the first column is what is shown.
QUERIES = {
    "an accepted request has no row": """
        SELECT k.id FROM messaging_idempotencykey k WHERE k.status = 202 AND k.answer ? 'direction'
        AND NOT EXISTS (SELECT FROM messaging_message m WHERE m.id::text = k.answer ->> 'id')""",
    "a text stays “sending” over 5 minutes": """
        SELECT id FROM messaging_message WHERE status = 'sending'
        AND (lease_until IS NULL OR lease_until < now() - interval '4 minutes')""",
    "a text is queued and due for over 60 s though its sender’s rate has room": """
        SELECT min(m.id::text) FROM messaging_message m JOIN senderid_senderid s ON s.id = m.sender_id
        JOIN senderid_provideraccount a ON a.id = s.provider_account_id
        WHERE m.status = 'queued' AND m.due_at < now() - interval '60 seconds'
          AND (a.paused_until IS NULL OR a.paused_until < now() - interval '60 seconds')
        GROUP BY s.id, s.mps
        HAVING sum(m.segments) < s.mps * extract(epoch FROM now() - min(m.due_at)) * 0.5""",
    "a text is scheduled though its time came over 60 s ago": """
        SELECT id FROM messaging_message WHERE status = 'scheduled' AND due_at < now() - interval '60 seconds'""",
    "one provider id stands on two texts": """
        SELECT provider_sid FROM messaging_message WHERE provider_sid <> ''
        GROUP BY account_id, provider_sid HAVING count(*) > 1
        UNION ALL
        SELECT a.provider_sid FROM messaging_attempt a JOIN messaging_message m ON m.id = a.message_id
        WHERE a.provider_sid <> '' GROUP BY m.account_id, a.provider_sid HAVING count(DISTINCT m.id) > 1""",
    "a text was taken twice by the carrier": """
        SELECT message_id FROM (
          SELECT message_id, provider_sid FROM messaging_attempt WHERE provider_sid <> ''
          UNION SELECT message_id, provider_sid FROM messaging_receiptevent
            WHERE provider_sid <> '' AND message_id IS NOT NULL) t
        GROUP BY message_id HAVING count(*) > 1""",
    "a text was handed over without an attempt": """
        SELECT m.id FROM messaging_message m WHERE m.direction = 'outbound' AND m.provider_sid <> ''
        AND m.status IN ('accepted', 'sent', 'delivered', 'undelivered', 'failed')
        AND NOT EXISTS (SELECT FROM messaging_attempt a WHERE a.message_id = m.id)""",
    "a receipt is older than the attempt it speaks of": """
        SELECT r.message_id FROM messaging_receiptevent r JOIN messaging_attempt a
          ON a.message_id = r.message_id AND a.provider_sid = r.provider_sid
        WHERE r.provider_sid <> '' AND r.received_at < a.started_at""",
    "a text left for a number that had opted out before its claim": """
        SELECT a.message_id FROM messaging_attempt a JOIN messaging_message m ON m.id = a.message_id
        JOIN messaging_optout o ON o.org_id = m.org_id AND o.number = m.to
          AND o.created_at < a.started_at - interval '1 second'  -- while both commit, neither is before the other
        WHERE m.origin <> 'compliance' AND (o.scope = 'org' OR (o.scope = 'sender' AND o.sender_id = m.sender_id)
          OR (o.scope = 'program' AND o.program_id = m.program_id))""",
    "a text stands lower than a receipt of it": """
        SELECT m.id FROM messaging_message m JOIN messaging_receiptevent r
          ON r.message_id = m.id AND r.provider_sid = m.provider_sid
        WHERE m.provider_sid <> '' AND m.final_at IS NULL AND (
          r.raw_status IN ('delivered', 'read', 'undelivered', 'failed', 'canceled')
          OR (r.raw_status = 'sent' AND m.status <> 'sent')
          OR (r.raw_status IN ('accepted', 'queued', 'sending') AND m.status NOT IN ('accepted', 'sent')))""",
    "a final state was overwritten": """
        SELECT m.id FROM messaging_message m JOIN LATERAL (
          SELECT r.received_at, said.state FROM messaging_receiptevent r
          JOIN (VALUES ('delivered', 'delivered'), ('read', 'delivered'), ('undelivered', 'undelivered'),
            ('failed', 'failed'), ('canceled', 'failed')) said(raw, state) ON said.raw = r.raw_status
          WHERE r.message_id = m.id AND r.provider_sid = m.provider_sid
          ORDER BY r.received_at LIMIT 1) first ON true
        WHERE m.provider_sid <> '' AND m.status <> first.state AND m.final_at > first.received_at""",
    "a final text has no time at which it became so, or an open one has": """
        SELECT id FROM messaging_message WHERE (final_at IS NULL) = (status IN
          ('delivered', 'undelivered', 'failed', 'blocked', 'cancelled', 'expired', 'received'))""",
    "an inbound text is done but in no conversation": """
        SELECT e.id FROM messaging_inboundevent e LEFT JOIN messaging_message m ON m.id = e.message_id
        WHERE e.state = 'done' AND (m.id IS NULL OR m.conversation_id IS NULL)""",
    "an inbound text is in an inbox and in quarantine": """
        SELECT id FROM messaging_inboundevent WHERE state <> 'done' AND message_id IS NOT NULL""",
    "two inbound events became one text": """
        SELECT message_id FROM messaging_inboundevent WHERE message_id IS NOT NULL
        GROUP BY message_id HAVING count(*) > 1""",
    "an inbound text came from no event": """
        SELECT m.id FROM messaging_message m WHERE m.direction = 'inbound' AND m.provider_sid <> ''
        AND NOT EXISTS (SELECT FROM messaging_inboundevent e WHERE e.message_id = m.id)""",
    "an inbound event waits for over 60 s": """
        SELECT id FROM messaging_inboundevent WHERE state = 'waiting' AND received_at < now() - interval '60 seconds'""",
    "a campaign texted a contact twice": """
        SELECT campaign_id FROM messaging_message WHERE origin = 'campaign'
        GROUP BY campaign_id, contact_id HAVING count(*) > 1""",
    "someone of a campaign’s audience has neither a text nor a reason, nor waits": """
        SELECT c.id FROM messaging_campaign c WHERE c.status IN ('sending', 'paused', 'done') AND c.total >
          (SELECT count(*) FROM messaging_message m WHERE m.campaign_id = c.id AND m.origin = 'campaign')
          + (SELECT count(*) FROM messaging_campaignskip s WHERE s.campaign_id = c.id)
          + (SELECT COALESCE(sum(p.size), 0) FROM messaging_campaignportion p WHERE p.campaign_id = c.id)""",
    "a campaign’s figures differ from its texts and skips": """
        SELECT t.campaign_id FROM (
          SELECT campaign_id,
            count(*) FILTER (WHERE status IN ('scheduled', 'queued', 'sending', 'unknown')) AS queued,
            count(*) FILTER (WHERE status IN ('accepted', 'sent')) AS sent,
            count(*) FILTER (WHERE status = 'delivered') AS delivered,
            count(*) FILTER (WHERE status = 'undelivered') AS undelivered,
            count(*) FILTER (WHERE status IN ('failed', 'blocked', 'expired')) AS failed,
            count(*) FILTER (WHERE status = 'cancelled') AS cancelled, 0 AS skipped
          FROM messaging_message WHERE campaign_id IS NOT NULL AND origin = 'campaign' GROUP BY campaign_id
          UNION ALL
          SELECT campaign_id, 0, 0, 0, 0, 0, 0, count(*) FROM messaging_campaignskip GROUP BY campaign_id
          UNION ALL
          SELECT campaign_id, -queued, -sent, -delivered, -undelivered, -failed, -cancelled, -skipped
          FROM messaging_campaigncount) t
        GROUP BY t.campaign_id
        HAVING (sum(queued), sum(sent), sum(delivered), sum(undelivered), sum(failed), sum(cancelled), sum(skipped))
          <> (0, 0, 0, 0, 0, 0, 0)""",
    "someone was skipped by a campaign without a reason": """
        SELECT id FROM messaging_campaignskip WHERE code = ''""",
    "a campaign ended though some of its audience wait": """
        SELECT p.id FROM messaging_campaignportion p JOIN messaging_campaign c ON c.id = p.campaign_id
        WHERE c.status IN ('done', 'cancelled') AND NOT c.is_unsettled""",
    "a row points into another organization": """
        SELECT m.id FROM messaging_message m JOIN senderid_senderid s ON s.id = m.sender_id WHERE s.org_id <> m.org_id
        UNION ALL
        SELECT a.id FROM messaging_attempt a JOIN messaging_message m ON m.id = a.message_id WHERE a.org_id <> m.org_id""",
}
# Only of a system at rest: nothing is under way any more.
AT_REST = {
    "a text is neither with the carrier, nor final, nor visibly unknown": """
        SELECT id FROM messaging_message WHERE status = 'sending'
        OR (status = 'queued' AND due_at < now() + interval '10 minutes')  -- a pause’s is far away
        OR (status = 'scheduled' AND due_at < now() - interval '10 seconds')""",
    "an inbound event waits": "SELECT id FROM messaging_inboundevent WHERE state = 'waiting'",
    "some of the audience of a campaign that is sending wait": """
        SELECT p.id FROM messaging_campaignportion p JOIN messaging_campaign c ON c.id = p.campaign_id
        WHERE c.status = 'sending'""",
}
ATTEMPTS = """
SELECT a.id::text, a.message_id::text, a.started_at FROM messaging_attempt a
JOIN messaging_message m ON m.id = a.message_id WHERE m.account_id = %s
"""
HANDED = """
SELECT id::text, provider_sid FROM messaging_message
WHERE account_id = %s AND direction = 'outbound' AND provider_sid <> ''
  AND status IN ('accepted', 'sent', 'delivered', 'undelivered', 'failed')
"""
EVENTS = "SELECT provider_sid FROM messaging_inboundevent WHERE account_id = %s"
OF_LEDGER = (
    "the carrier has a text twice",
    "the carrier has a text without an attempt of ours",
    "the carrier had a text before its attempt was written",
    "a text carries the provider id of another",
    "a text counts as handed over but the carrier has none",
    "an inbound text of the carrier’s reached nobody",
)
# A webhook that failed is made good by the next reconciliation, every 5 minutes.
RECONCILED_AFTER = timedelta(minutes=12)


def broken(*, settled: bool = False) -> list[str]:
    """One line per broken rule, with up to five ids; empty when all hold."""
    found: list[str] = []
    with connection.cursor() as cursor:
        for rule, query in (QUERIES | AT_REST if settled else QUERIES).items():
            cursor.execute(query)
            found += _line(rule, [str(row[0]) for row in cursor.fetchall()])
    ledger = read_ledger()
    if ledger.unread:
        return found + ([ledger.unread] if settled else [])
    for account in ProviderAccount.unscoped.filter(is_simulator=True):
        for rule, ids in _against_ledger(account, ledger, settled=settled):
            found += _line(rule, ids)
    return found


def how_many(*, settled: bool = False) -> int:
    return len(QUERIES) + len(OF_LEDGER) + (len(AT_REST) if settled else 0)


def _line(rule: str, ids: list[str]) -> list[str]:
    return [f"{rule}: {len(ids)} ({', '.join(ids[:5])})"] if ids else []


@dataclass
class Ledger:
    """What the simulator took and brought, by account; `unread` says why it could not be asked."""

    taken: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    brought: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    unread: str = ""


def read_ledger() -> Ledger:
    """Asks the simulator, when an account is its own; no account, no question."""
    if not ProviderAccount.unscoped.filter(is_simulator=True).exists():
        return Ledger()
    url = f"{settings.SIMULATOR_BASE_URL}/_sim/ledger"
    try:
        taken, brought = (
            requests.get(url, params={"direction": direction}, timeout=60).json()["messages"]
            for direction in ("outbound", "inbound")
        )
    except (requests.RequestException, ValueError, KeyError) as error:
        return Ledger(unread=f"the simulator’s ledger can’t be read at {url}: {type(error).__name__}")
    return Ledger(_by_account(taken), _by_account(brought))


def _by_account(entries: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        found.setdefault(entry["account_sid"], []).append(entry)
    return found


def _against_ledger(
    account: ProviderAccount, ledger: Ledger, *, settled: bool
) -> Iterator[tuple[str, list[str]]]:
    """(rule, ids) of one account, each of OF_LEDGER."""
    with connection.cursor() as cursor:
        cursor.execute(ATTEMPTS, [account.pk])
        attempts = {attempt: (message, started) for attempt, message, started in cursor.fetchall()}
        cursor.execute(HANDED, [account.pk])
        message_of_sid = {sid: message for message, sid in cursor.fetchall()}
        cursor.execute(EVENTS, [account.pk])
        stored = {row[0] for row in cursor.fetchall()}
    taken = ledger.taken.get(account.account_sid, [])
    times, strangers, early, swapped = Counter[str](), [], [], []
    for entry in taken:
        message, started = attempts.get(_attempt_of(entry), ("", None))
        if not message:
            strangers.append(entry["sid"])
            continue
        times[message] += 1
        if datetime.fromisoformat(entry["received_at"]) < started:
            early.append(message)
        if message_of_sid.get(entry["sid"], message) != message:
            swapped.append(message)
    there = {entry["sid"] for entry in taken}
    missing = [message for sid, message in message_of_sid.items() if sid not in there] if settled else []
    unheard = _unheard(ledger.brought.get(account.account_sid, []), stored, settled=settled)
    twice = [message for message, n in times.items() if n > 1]
    yield from zip(OF_LEDGER, (twice, strangers, early, swapped, missing, unheard), strict=True)


def _attempt_of(entry: dict[str, Any]) -> str:
    """The attempt's id stands at the end of the address for receipts."""
    return str(entry.get("status_callback") or "").rsplit("/", 1)[-1]


def _unheard(brought: list[dict[str, Any]], stored: set[str], *, settled: bool) -> list[str]:
    before = timezone.now() - (timedelta() if settled else RECONCILED_AFTER)
    late = [entry for entry in brought if datetime.fromisoformat(entry["received_at"]) < before]
    return [entry["sid"] for entry in late if entry["sid"] not in stored]
