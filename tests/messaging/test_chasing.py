"""Receipts that never came are asked for, at the simulator as at Twilio."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.utils import timezone

from messaging import chasing
from messaging.models import Attempt, Message, ReceiptEvent
from tests.simulator.running import RunningSimulator, wait_until
from tests.texting import Texting

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
ENDS = ("delivered", "undelivered")
UNREACHABLE = "+12025550030"  # one of the simulator’s magic numbers


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    running = RunningSimulator(Path(tmp_path_factory.mktemp("simulator")))
    running.start()
    running.post("/_sim/faults", {"callbacks": {"delay_ms": 5, "drop": 1}})
    yield running
    running.stop()


@pytest.fixture
def texting(carrier: RunningSimulator, settings: Any) -> Texting:
    settings.SIMULATOR_BASE_URL = carrier.url
    made = Texting()
    made.account.is_simulator = True
    made.account.save(update_fields=["is_simulator"])
    account = {"account_sid": made.account.account_sid, "auth_token": made.account.auth_token}
    carrier.post("/_sim/accounts", account | {"inbound_url": "http://127.0.0.1:9/"})
    return made


class Taken:
    """A text that the carrier took some time ago, and of which it told nothing since."""

    def __init__(self, texting: Texting, carrier: RunningSimulator, *, age: timedelta, **fields: Any) -> None:
        self.texting, self.carrier = texting, carrier
        sid = self._post(fields.get("to", "+14155550199"))
        at = timezone.now() - age
        plain = {"status": "accepted", "accepted_at": at, "attempt_no": 1, "provider_sid": sid}
        self.message = texting.row(**(plain | fields))
        Attempt.objects.for_org(texting.org).create(
            message=self.message,
            no=1,
            sender_value=self.message.from_value,
            outcome="accepted",
            provider_sid=sid,
        )

    def _post(self, to: str) -> str:
        account = self.texting.account
        url = f"{self.carrier.url}/2010-04-01/Accounts/{account.account_sid}/Messages"
        auth = (account.account_sid, account.auth_token)
        form = {"To": to, "From": self.texting.sender.value, "Body": "Hello"}
        sid = requests.post(f"{url}.json", data=form, auth=auth, timeout=10).json()["sid"]
        wait_until(lambda: requests.get(f"{url}/{sid}.json", auth=auth, timeout=10).json()["status"] in ENDS)
        return str(sid)

    @property
    def row(self) -> Message:
        return Message.objects.for_org(self.texting.org).get(pk=self.message.pk)


def test_a_text_without_a_receipt_is_asked_for_and_moves(texting: Texting, carrier: RunningSimulator) -> None:
    taken = Taken(texting, carrier, age=20 * MINUTE)
    assert chasing.ask_for_the_lost() == 1
    assert (taken.row.status, taken.row.final_at is not None) == ("delivered", True)
    assert ReceiptEvent.objects.for_org(texting.org).get().raw_status == "delivered"
    assert chasing.ask_for_the_lost() == 0


def test_a_failure_comes_with_its_reason(texting: Texting, carrier: RunningSimulator) -> None:
    taken = Taken(texting, carrier, age=20 * MINUTE, to=UNREACHABLE)
    chasing.ask_for_the_lost()
    assert taken.row.status in ("undelivered", "failed")
    assert taken.row.error_code
    assert taken.row.error_text


@pytest.mark.parametrize("age", [5 * MINUTE, timedelta(days=4)])
def test_young_and_very_old_ones_are_left_alone(
    texting: Texting, carrier: RunningSimulator, age: timedelta
) -> None:
    taken = Taken(texting, carrier, age=age)
    assert chasing.ask_for_the_lost() == 0
    assert taken.row.status == "accepted"


def test_it_is_asked_for_again_when_its_age_has_grown_fourfold(
    texting: Texting, carrier: RunningSimulator, time_machine: Any
) -> None:
    taken = Taken(texting, carrier, age=15 * MINUTE, provider_sid="SM" + "0" * 32)
    start, asked = timezone.now(), []
    for minutes in range(0, 300, 5):
        time_machine.move_to(start + minutes * MINUTE, tick=False)
        if chasing.due_attempts(timezone.now()):
            asked.append(15 + minutes)
            assert (
                chasing.ask_for_the_lost() == 0
            )  # the carrier knows no such text: that is no reason to give up
    assert asked == [15, 65, 265]
    assert taken.row.status == "accepted"


def test_a_carrier_that_is_away_is_asked_again_later(
    texting: Texting, carrier: RunningSimulator, settings: Any
) -> None:
    taken = Taken(texting, carrier, age=30 * MINUTE)
    settings.SIMULATOR_BASE_URL = "http://127.0.0.1:9"
    assert chasing.ask_for_the_lost() == 0
    assert chasing.due_attempts(timezone.now()) == []
    assert len(chasing.due_attempts(timezone.now() + 120 * MINUTE)) == 1
    assert taken.row.status == "accepted"
