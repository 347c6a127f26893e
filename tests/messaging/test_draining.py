"""A drain ends whatever happens to it: what it claimed is recorded, or goes back unsent."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError

from messaging import draining
from messaging.draining import Drain
from messaging.models import Message
from tests.texting import Texting


@pytest.mark.django_db(transaction=True)
def test_when_an_account_can_not_be_read_its_texts_go_back_and_the_drain_ends(monkeypatch: Any) -> None:
    def away(_: UUID) -> None:
        raise OperationalError("the database went away")

    texting = Texting()
    text = texting.row()
    monkeypatch.setattr(draining, "read_account", away)
    asyncio.run(asyncio.wait_for(Drain(longest=0.5, idle=0.1).run(), 20))
    row = Message.objects.for_org(texting.org).get(pk=text.pk)
    assert (row.status, row.error_code, row.attempt_no) == ("queued", "waited_too_long", 1)
