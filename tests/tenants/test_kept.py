"""Statements whose plans are kept, and the rows that are made without the ORM."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from messaging.models import Conversation, Message
from tenants import kept, rows
from tests.texting import Texting

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]


def test_every_kept_statement_is_a_function_of_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE proname LIKE 'kept%'")
        made = {name for (name,) in cursor.fetchall()}
    assert len(kept.MADE) > 5
    assert set(kept.MADE) <= made


def test_every_module_that_keeps_a_statement_is_read_when_they_are_made() -> None:
    keeping = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for app in ("tenants", "senderid", "messaging", "notifications")
        for path in (ROOT / app).rglob("*.py")
        if re.search(r"= (Kept|rows\.Insert)\(|return Kept\(", path.read_text())
    }
    assert keeping == set(settings.KEPT_STATEMENTS) | {"tenants.rows"}


def test_they_never_read_a_table_from_end_to_end() -> None:
    """A plan that was made while the table was empty would go on doing so."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT proconfig FROM pg_proc WHERE proname = ANY(%s)", [list(kept.MADE)])
        for (config,) in cursor.fetchall():
            assert "enable_seqscan=off" in config


def test_a_changed_statement_gets_a_function_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MADE", {})
    one, other = (
        kept.Kept("one", f"SELECT %(n)s + {more}", takes={"n": "integer"}, gives={"sum": "integer"})
        for more in (1, 2)
    )
    assert one.function != other.function
    with connection.cursor() as cursor:
        for each in (one, other):
            cursor.execute(each.definition)
        assert [each.ask(cursor, {"n": 40}).fetchone() for each in (one, other)] == [(41,), (42,)]


@pytest.mark.parametrize("model", [Message, Conversation])
def test_a_new_row_is_what_the_orm_makes(model: type) -> None:
    texting = Texting()
    contact = texting.contact
    given = {"org": texting.org, "sender": texting.sender, "contact": contact, "created_at": timezone.now()}
    ours, orms = rows.new(model, **given), model(**given)
    for field in model._meta.concrete_fields:
        if field.attname not in ("id", "due_at"):
            assert getattr(ours, field.attname) == getattr(orms, field.attname), field.attname
    assert ours.sender is texting.sender
    assert ours._state.adding
    ours.metadata = {} if model is Message else None
    assert rows.new(model, **given).pk != ours.pk


def test_new_rows_share_no_default() -> None:
    first, second = rows.new(Message), rows.new(Message)
    first.metadata["a"] = 1
    assert second.metadata == {}
