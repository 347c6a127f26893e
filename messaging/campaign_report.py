"""The pre-send report: what starting a campaign would do. It decides as fan-out does, and writes nothing."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from messaging.audience import cut_up, named_again
from messaging.deciding import Decision, decide, people_of, surroundings
from messaging.models import Campaign, Message
from messaging.statuses import WAITING
from senderid.models import SenderId

REPORTED = [
    "total",
    "will_be_sent",
    "opted_out",
    "no_consent",
    "blocked_country",
    "invalid",
    "duplicate",
    "no_eligible_sender",
    "deferred",
    "segments",
    "cost",
    "finishes_at",
]
KEPT = 50  # contacts of each reason
SAMPLES = 2


@dataclass
class Tally:
    """What was decided so far; of the decisions themselves only a few are kept."""

    starts_at: datetime
    total: int = 0
    deferred: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    kept: dict[str, list[Decision]] = field(default_factory=dict)
    samples: list[Decision] = field(default_factory=list)
    per_sender: Counter[SenderId] = field(default_factory=Counter)
    later: Counter[SenderId] = field(default_factory=Counter)
    latest: dict[SenderId, datetime] = field(default_factory=dict)

    def add(self, decision: Decision) -> None:
        self.total += 1
        if decision.code:
            self.skipped[decision.code] += 1
            kept = self.kept.setdefault(decision.code, [])
            if len(kept) < KEPT:
                kept.append(decision)
            return
        sender, cut, due = decision.sender, decision.cut, decision.due_at
        assert sender and cut and due
        if len(self.samples) < SAMPLES:
            self.samples.append(decision)
        self.per_sender[sender] += cut.segments
        if due > self.starts_at:
            self.deferred += 1
            self.later[sender] += cut.segments
            self.latest[sender] = max(due, self.latest.get(sender, due))


def report(campaign: Campaign) -> dict[str, Any]:
    """`REPORTED`, with a few decisions of each kind; `cost` is null until prices are set.

    The audience is worked through in portions, so that memory stays the same however many are in it.
    """
    now = timezone.now()
    tally = Tally(starts_at=max(now, campaign.send_at or now))
    for ids in cut_up(campaign):
        people = people_of(campaign.org_id, ids)
        around = surroundings(campaign, ids, people, now=tally.starts_at)
        for person in people:
            tally.add(decide(around, person))
    skipped = tally.skipped
    return {
        "total": tally.total,
        "will_be_sent": tally.total - skipped.total(),
        "opted_out": skipped["opted_out"] + skipped["possible_opt_out"],
        **{code: skipped[code] for code in ("no_consent", "blocked_country")},
        "invalid": skipped["invalid"] + skipped["template_error"],
        "duplicate": named_again(campaign, tally.total),
        "no_eligible_sender": skipped["no_eligible_sender"],
        "deferred": tally.deferred,
        "segments": tally.per_sender.total(),
        "cost": None,
        "finishes_at": _finishes_at(tally, now),
        "skipped": [(code, n, tally.kept[code]) for code, n in skipped.most_common()],
        "samples": tally.samples,
        "per_sender": tally.per_sender,
    }


def _finishes_at(tally: Tally, now: datetime) -> datetime | None:
    """When the slowest sender is through, with what waits in its queue already."""
    ahead = _ahead(list(tally.per_sender))
    ends = []
    for sender, segments in tally.per_sender.items():
        is_free = max(tally.starts_at, now + timedelta(seconds=ahead.get(sender.pk, 0) / sender.mps))
        ends.append(is_free + timedelta(seconds=segments / sender.mps))
        if sender in tally.latest:
            ends.append(tally.latest[sender] + timedelta(seconds=tally.later[sender] / sender.mps))
    return max(ends, default=None)


def _ahead(senders: list[SenderId]) -> dict[Any, int]:
    """{sender id: segments that wait already}."""
    if not senders:
        return {}
    queued = Message.objects.for_org(senders[0].org_id).filter(sender__in=senders, status__in=WAITING)
    return dict(queued.values_list("sender").annotate(n=Sum("segments")))
