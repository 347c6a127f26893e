"""Whether starting a campaign would send anything. It decides as fan-out does, and stops at the first who gets a text."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.utils import timezone

from messaging.audience import PORTION
from messaging.deciding import Decision, decide, people_of, surroundings
from messaging.models import Campaign
from tenants.errors import DomainError, register

SAMPLE = 20  # looked at first: nearly always one of them gets it
PORTIONS = """
SELECT contacts[1:%s]::text FROM messaging_campaignportion WHERE org_id = %s AND campaign_id = %s
ORDER BY place LIMIT %s
"""
REASONS = {
    "no_eligible_sender": "no eligible sender",
    "opted_out": "opted out",
    "possible_opt_out": "may have opted out",
    "no_consent": "no recorded consent",
    "blocked_country": "country not enabled",
    "invalid": "invalid number or text",
    "template_error": "the text can’t be written",
}


def refuse_nobody(campaign: Campaign) -> None:
    """422 when nobody in its frozen audience would get a text: `no_eligible_sender`, with `rejected`, or `no_recipients`."""
    refused: Counter[str] = Counter()
    unserved: Decision | None = None
    try:
        if any(decision.is_sent for decision in _decisions(campaign, portions=1, size=SAMPLE)):
            return
        for decision in _decisions(campaign):
            if decision.is_sent:
                return
            refused[decision.code] += 1
            if decision.code == "no_eligible_sender":
                unserved = unserved or decision
    except DomainError:  # the renderer is busy: no fault of the text, fan-out comes back to it
        return
    raise _refusal(refused, unserved)


def _decisions(campaign: Campaign, portions: int | None = None, size: int = PORTION) -> Iterator[Decision]:
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(PORTIONS, [size, campaign.org_id, campaign.pk, portions])
        frozen = [ids for (ids,) in cursor.fetchall()]
    for ids in frozen:
        people = people_of(campaign.org_id, ids)
        around = surroundings(campaign, ids, people, now=max(now, campaign.send_at or now))
        for person in people:
            yield decide(around, person)


def _refusal(refused: Counter[str], unserved: Decision | None) -> DomainError:
    reasons = ", ".join(f"{REASONS.get(code, code)} ({n})" for code, n in refused.most_common())
    text = f"Nobody in the audience can be sent this: {reasons}."
    extra: dict[str, Any] = {"skipped_by": dict(refused)}
    if unserved is None or unserved.choice is None:
        return DomainError("no_recipients", text, **extra)
    text += " Assign a sender to the campaign, then start it again."
    extra["rejected"] = [refusal.shown() for refusal in unserved.choice.rejected]
    return DomainError("no_eligible_sender", text, **extra)


register({"no_recipients": "Nobody in the audience would get the text."})
