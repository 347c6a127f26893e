"""However many texts are queued, dispatch asks only its indexes: what a batch costs does not depend on what waits."""

import json
import os
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from bench.queueing import make_scene
from messaging import claiming, recording, scheduled, turns
from messaging.models import Message
from senderid.models import SenderId
from tests.texting import EverythingGranted

QUEUED = int(os.environ.get("QUEUED", "100000"))  # `make faults` runs it with a million
SENDERS = 200


def plan_of(statement: str, parameters: list[Any]) -> dict[str, Any]:
    """What PostgreSQL would do; nothing is done."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (FORMAT JSON) " + statement, parameters)
        found = cursor.fetchone()[0]
    plan: dict[str, Any] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return plan


def scans(plan: dict[str, Any]) -> list[str]:
    """The ways by which the plan reads texts."""
    own = (
        [plan["Node Type"]]
        if plan.get("Relation Name") == "messaging_message" and "Scan" in plan["Node Type"]
        else []
    )
    return own + [way for part in plan.get("Plans", []) for way in scans(part)]


@pytest.mark.timeout(300)
@pytest.mark.django_db(transaction=True)
def test_no_statement_of_dispatch_reads_the_queue_from_end_to_end() -> None:
    scene = make_scene("Long queue", letter="a", senders=SENDERS)
    scene.fill(texts=QUEUED, senders=SENDERS)
    senders = [str(pk) for pk in SenderId.objects.for_org(scene.org).values_list("pk", flat=True)]
    ids = [str(pk) for pk in Message.objects.for_org(scene.org).values_list("pk", flat=True)[:500]]
    new = [str(uuid4()) for _ in ids]
    words = [[""] * len(ids)] * 3
    statements: dict[str, tuple[str, list[Any]]] = {
        "who waits, interactive": (turns.INTERACTIVE, []),
        "who waits": (turns.BULK, []),
        "pick": (claiming.PICK, [senders, [1] * SENDERS, [2] * SENDERS]),
        "look": (claiming.LOOK, [ids]),
        "claim": (claiming.CLAIM, ["60 seconds", ids, new]),
        "promote": (scheduled.PROMOTE, []),
        "record": (
            recording.WRITE,
            [ids, [1] * len(ids), ["accepted"] * len(ids), *words, [None] * len(ids)],
        ),
    }
    for name, (statement, parameters) in statements.items():
        ways = scans(plan_of(statement, parameters))
        assert ways, name
        assert "Seq Scan" not in ways, (name, ways)
    even = SENDERS * (claiming.BATCH // SENDERS)
    assert len(claiming.claim(EverythingGranted())) == even  # type: ignore[arg-type]
