"""What must always hold, asked of the database and, where an account is the simulator's, of its ledger."""

from collections import Counter
from typing import Any

import requests
from django.conf import settings
from django.db import connection

from senderid.models import ProviderAccount

# Each finds rows that break the rule named beside it.
QUERIES = {
    "a text stays “sending” over 5 minutes": """
        SELECT id FROM messaging_message WHERE status = 'sending' AND lease_until < now() - interval '4 minutes'""",
    "a text is queued and due for over 60 s though its sender’s rate has room": """
        SELECT min(m.id::text) FROM messaging_message m JOIN senderid_senderid s ON s.id = m.sender_id
        JOIN senderid_provideraccount a ON a.id = s.provider_account_id
        WHERE m.status = 'queued' AND m.due_at < now() - interval '60 seconds' AND m.attempt_no = 0
          AND (a.paused_until IS NULL OR a.paused_until < now() - interval '60 seconds')
        GROUP BY s.id, s.mps
        HAVING sum(m.segments) < s.mps * extract(epoch FROM now() - min(m.due_at)) * 0.5""",
    "one provider id stands on two texts": """
        SELECT provider_sid FROM messaging_message WHERE provider_sid <> ''
        GROUP BY account_id, provider_sid HAVING count(*) > 1""",
    "a text was accepted without an attempt": """
        SELECT m.id FROM messaging_message m WHERE m.direction = 'outbound' AND m.provider_sid <> ''
        AND NOT EXISTS (SELECT FROM messaging_attempt a WHERE a.message_id = m.id)""",
    "a text left for a number that had opted out before its claim": """
        SELECT a.message_id FROM messaging_attempt a JOIN messaging_message m ON m.id = a.message_id
        JOIN messaging_optout o ON o.org_id = m.org_id AND o.number = m.to AND o.created_at < a.started_at
        WHERE m.origin <> 'compliance' AND (o.scope = 'org' OR (o.scope = 'sender' AND o.sender_id = m.sender_id)
          OR (o.scope = 'program' AND o.program_id = m.program_id))""",
    "a final text has no time at which it became so": """
        SELECT id FROM messaging_message WHERE final_at IS NULL
        AND status IN ('delivered', 'undelivered', 'failed', 'blocked', 'cancelled', 'expired')""",
    "an inbound text is done but in no conversation": """
        SELECT e.id FROM messaging_inboundevent e LEFT JOIN messaging_message m ON m.id = e.message_id
        WHERE e.state = 'done' AND (m.id IS NULL OR m.conversation_id IS NULL)""",
    "an inbound event waits for over 60 s": """
        SELECT id FROM messaging_inboundevent WHERE state = 'waiting' AND received_at < now() - interval '60 seconds'""",
    "a campaign texted a contact twice": """
        SELECT campaign_id FROM messaging_message WHERE origin = 'campaign'
        GROUP BY campaign_id, contact_id HAVING count(*) > 1""",
    "a row points into another organization": """
        SELECT m.id FROM messaging_message m JOIN senderid_senderid s ON s.id = m.sender_id WHERE s.org_id <> m.org_id""",
}
ATTEMPTS = """
SELECT a.id::text, a.message_id::text, a.provider_sid, a.started_at FROM messaging_attempt a
JOIN messaging_message m ON m.id = a.message_id WHERE m.account_id = %s
"""


def broken() -> list[str]:
    """One line per broken rule, with up to five ids; empty when all hold."""
    found = []
    with connection.cursor() as cursor:
        for rule, query in QUERIES.items():
            cursor.execute(query)
            rows = [str(row[0]) for row in cursor.fetchall()]
            if rows:
                found.append(f"{rule}: {len(rows)} ({', '.join(rows[:5])})")
    return found + _against_ledger()


def _against_ledger() -> list[str]:
    accounts = list(ProviderAccount.unscoped.filter(is_simulator=True))
    if not accounts:
        return []
    try:
        answer = requests.get(f"{settings.SIMULATOR_BASE_URL}/_sim/ledger", timeout=60)
        ledger: list[dict[str, Any]] = answer.json()["messages"]
    except (requests.RequestException, ValueError, KeyError):
        return []  # no simulator runs: the database alone is judged
    return [line for account in accounts for line in _account_against_ledger(account, ledger)]


def _account_against_ledger(account: ProviderAccount, ledger: list[dict[str, Any]]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(ATTEMPTS, [account.pk])
        rows = cursor.fetchall()
    message_of = {attempt: message for attempt, message, _, _ in rows}
    mine = [entry for entry in ledger if entry["account_sid"] == account.account_sid]
    reached: Counter[str] = Counter()
    strangers = []
    for entry in mine:
        attempt = str(entry.get("status_callback") or "").rsplit("/", 1)[-1]
        if attempt in message_of:
            reached[message_of[attempt]] += 1
        else:
            strangers.append(entry["sid"])
    twice = [message for message, n in reached.items() if n > 1]
    found = [f"the carrier has a text twice: {len(twice)} ({', '.join(twice[:5])})"] if twice else []
    if strangers:
        found.append(
            f"the carrier has texts without an attempt of ours: {len(strangers)} ({', '.join(strangers[:5])})"
        )
    return found
