"""From a frozen audience to queued texts, in bulk: a portion of contacts becomes texts and skips in one transaction.

`campaigns.prepare` calls `write_portion` until none is left. It sees all orgs (`tenants.rls`) and names the org itself.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import uuid_utils
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum
from django.utils import timezone

from messaging import usage
from messaging.deciding import Decision, decide, people_of, surroundings
from messaging.failpoints import failpoint
from messaging.models import Campaign, CampaignPortion, CampaignSkip, Message
from messaging.sending import DISPATCH
from messaging.statuses import Status
from senderid.models import SenderId
from tenants import hints

LOOK_AGAIN = timedelta(minutes=1)  # whose sender's queue is full; it holds ten hours, so that none runs dry
COLUMNS = (
    "id", "org_id", "sender_id", "account_id", "contact_id", "direction", "origin", "status", "lane", "to",
    "from_value", "country", "body", "encoding", "segments", "rule", "rule_text", "campaign_id", "client_ref",
    "metadata", "due_at", "expires_at", "attempt_no", "provider_sid", "error_code", "error_text", "hushed", "created_at",
)  # fmt: skip
VARYING = (
    "id", "contact_id", "to", "country", "body", "encoding", "segments", "rule", "rule_text", "due_at", "sender_id",
    "account_id", "from_value",
)  # fmt: skip
# In a table of this transaction first: PostgreSQL takes no COPY into one under row-level security.
NAMES = ", ".join(f'"{name}"' for name in VARYING)
CREATE = f"CREATE TEMPORARY TABLE written AS SELECT {NAMES} FROM messaging_message WITH NO DATA"  # noqa: S608
COPY = f"COPY written ({NAMES}) FROM STDIN"
WRITE = """
INSERT INTO messaging_message ({})
SELECT id, %(org)s, sender_id, account_id, contact_id, 'outbound', 'campaign',
  CASE WHEN due_at > %(now)s THEN 'scheduled' ELSE 'queued' END, %(lane)s, "to", from_value, country, body, encoding,
  segments, rule, rule_text, %(campaign)s, '', '{{}}', due_at, due_at + %(validity)s, 0, '', '', '', '', %(now)s
FROM written
""".format(", ".join(f'"{name}"' for name in COLUMNS))
NEXT = """
SELECT id, contacts::text, size FROM messaging_campaignportion
WHERE org_id = %s AND campaign_id = %s AND look_at <= %s ORDER BY look_at, place LIMIT 1
"""
WRITTEN_ALREADY = """
SELECT contact_id::text FROM messaging_message
WHERE campaign_id = %s AND contact_id = ANY(%s::uuid[]) AND origin = 'campaign'
"""
DELETED = ("contact_deleted", "The contact was deleted before its text was written.")


@dataclass
class Rooms:
    """How many segments each sender's queue still takes: asked of the database once for each run of a job."""

    left: dict[UUID, int] = field(default_factory=dict)

    def of(self, sender: SenderId) -> int:
        """Ten hours of the sender's rate, less what waits."""
        if sender.pk not in self.left:
            queued = Message.objects.for_org(sender.org_id).filter(
                sender=sender, status__in=[Status.QUEUED, Status.SCHEDULED]
            )
            held = queued.aggregate(n=Sum("segments"))["n"] or 0
            self.left[sender.pk] = sender.queue_limit - held
        return self.left[sender.pk]

    def take(self, taken: Counter[UUID]) -> None:
        """Notes what a portion that was written has added."""
        for pk, segments in taken.items():
            self.left[pk] -= segments


@dataclass
class Outcome:
    """What becomes of one portion: texts, skips, and those who wait because their sender's queue is full."""

    texts: list[Decision] = field(default_factory=list)
    skips: list[tuple[str | None, str, str]] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    taken: Counter[UUID] = field(default_factory=Counter)


def write_portion(campaign: Campaign, rooms: Rooms | None = None) -> int:
    """Turns the next portion into texts and skips, whole or not at all; returns how many contacts it looked at.

    0 when none is left or due, when someone else is at it, or when the campaign is not sending.
    """
    rooms = rooms or Rooms()
    try:
        looked_at = _write_portion(campaign, rooms)
    except IntegrityError:
        # Meanwhile someone asked for the text of one of these contacts singly, or deleted one: it is seen now.
        looked_at = _write_portion(campaign, rooms)
    failpoint("portion_written")
    return looked_at


@transaction.atomic
def _write_portion(campaign: Campaign, rooms: Rooms) -> int:
    # NO KEY: texts and counts that point to the campaign are written meanwhile.
    held = Campaign.objects.for_org(campaign.org_id).select_for_update(skip_locked=True, no_key=True)
    if not held.filter(pk=campaign.pk, status=Campaign.Status.SENDING).exists():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(NEXT, [campaign.org_id, campaign.pk, timezone.now()])
        portion = cursor.fetchone()
    if portion is None:
        return 0
    pk, ids, size = portion
    outcome = _decide(campaign, ids, size, rooms)
    _heed_caps(campaign, outcome)
    _write_skips(campaign, outcome.skips)
    copy_texts(campaign, outcome.texts)
    _close(campaign, pk, outcome.waiting)
    failpoint("portion_writing")
    rooms.take(outcome.taken)
    hints.after_commit(DISPATCH)
    return int(size)


def _decide(campaign: Campaign, ids: str, size: int, rooms: Rooms) -> Outcome:
    outcome = Outcome()
    people = people_of(campaign.org_id, ids)
    outcome.skips += [(None, *DELETED)] * (size - len(people))
    written = _written_already(campaign, ids)
    around = surroundings(campaign, ids, people)
    for person in people:
        if person.pk in written:
            continue
        decision = decide(around, person, is_full=_is_full(rooms, outcome.taken))
        if decision.waits:
            outcome.waiting.append(person.pk)
        elif decision.code:
            outcome.skips.append((person.pk, decision.code, decision.text))
        else:
            assert decision.sender and decision.cut
            outcome.texts.append(decision)
            outcome.taken[decision.sender.pk] += decision.cut.segments
    return outcome


def _is_full(rooms: Rooms, taken: Counter[UUID]) -> Callable[[SenderId], bool]:
    return lambda sender: rooms.of(sender) - taken[sender.pk] <= 0


def _written_already(campaign: Campaign, ids: str) -> set[str]:
    """Those whose text was asked for singly, through `POST /messages {campaign}`."""
    with connection.cursor() as cursor:
        cursor.execute(WRITTEN_ALREADY, [campaign.pk, ids])
        return {pk for (pk,) in cursor.fetchall()}


def _heed_caps(campaign: Campaign, outcome: Outcome) -> None:
    """Counts the texts against the org's caps; those beyond are skipped with the reason."""
    sizes = [decision.cut.segments for decision in outcome.texts if decision.cut]
    carried = usage.spend_for_as_many(org=campaign.org, sizes=sizes, at=timezone.now())
    text = "Your organization’s cap of segments was reached."
    for decision in outcome.texts[carried:]:
        assert decision.sender and decision.cut
        outcome.taken[decision.sender.pk] -= decision.cut.segments
        outcome.skips.append((decision.contact.pk, "cap_reached", text))
    del outcome.texts[carried:]


def _write_skips(campaign: Campaign, skips: list[tuple[str | None, str, str]]) -> None:
    rows = [
        CampaignSkip(org_id=campaign.org_id, campaign=campaign, contact_id=pk, code=code, text=text[:300])
        for pk, code, text in skips
    ]
    CampaignSkip.objects.for_org(campaign.org_id).bulk_create(rows, ignore_conflicts=True)


def _close(campaign: Campaign, pk: UUID, waiting: list[str]) -> None:
    """It goes; or keeps those who wait, for later."""
    portion = CampaignPortion.objects.for_org(campaign.org_id).filter(pk=pk)
    if waiting:
        portion.update(contacts=waiting, size=len(waiting), look_at=timezone.now() + LOOK_AGAIN)
    else:
        portion.delete()


def copy_texts(campaign: Campaign, decisions: Iterable[Decision]) -> None:
    """The rows of these texts: what differs by COPY, the rest as the statement's own constants."""
    rows = _Rows()
    lines = StringIO("".join([rows.line(decision) for decision in decisions]))
    constants: dict[str, Any] = {
        "org": campaign.org_id,
        "campaign": campaign.pk,
        "lane": Message.BULK,
        "validity": settings.MESSAGE_VALIDITY,
        "now": timezone.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(CREATE)
        with connection.wrap_database_errors:  # Django leaves those of COPY as they are
            cursor.copy_expert(COPY, lines)
        cursor.execute(WRITE, constants)
        cursor.execute("DROP TABLE written")


ESCAPED = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
TO_ESCAPE = re.compile(r"[\\\n\r\t]")


class _Rows:
    """Lines of a COPY; what is the same for many is written out once."""

    def __init__(self) -> None:
        self.dues: dict[datetime, str] = {}
        self.ends: dict[UUID, str] = {}

    def line(self, decision: Decision) -> str:
        contact, sender, choice, cut, due = (
            decision.contact, decision.sender, decision.choice, decision.cut, decision.due_at,
        )  # fmt: skip
        assert sender and choice and cut and due
        when = self.dues.get(due) or self.dues.setdefault(due, due.isoformat())
        end = self.ends.get(sender.pk) or self._end(sender)
        return (
            f"{uuid_utils.uuid7()}\t{contact.pk}\t{contact.number}\t{contact.country}\t{_escaped(decision.body)}"
            f"\t{cut.encoding}\t{cut.segments}\t{choice.rule}\t{_escaped(choice.text[:200])}\t{when}{end}"
        )

    def _end(self, sender: SenderId) -> str:
        end = f"\t{sender.pk}\t{sender.provider_account_id}\t{_escaped(sender.value)}\n"
        return self.ends.setdefault(sender.pk, end)


def _escaped(text: str) -> str:
    return text.translate(ESCAPED) if TO_ESCAPE.search(text) else text
