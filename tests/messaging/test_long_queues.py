"""With a million texts queued, dispatch asks only its indexes: what a batch costs does not depend on what waits."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from bench.queueing import make_scene
from messaging import claiming, recording, turns
from messaging.models import Message
from senderid.models import SenderId
from tests.texting import EverythingGranted

QUEUED = 1_000_000
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
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL session_replication_role = replica"
        )  # foreign keys of a million rows take a minute
        scene.fill(texts=QUEUED, senders=SENDERS, tidy=False)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE messaging_message")
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
        "promote": (claiming.PROMOTE, []),
        "record": (
            recording.WRITE,
            [ids, [1] * len(ids), ["accepted"] * len(ids), *words, [None] * len(ids)],
        ),
    }
    for name, (statement, parameters) in statements.items():
        ways = scans(plan_of(statement, parameters))
        assert ways, name
        assert "Seq Scan" not in ways, (name, ways)
    assert len(claiming.claim(EverythingGranted())) == claiming.BATCH  # type: ignore[arg-type]
