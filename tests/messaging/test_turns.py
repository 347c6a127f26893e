"""Whose turn it is: interactive first, orgs in turn, senders in turn; nobody is asked twice for what is not there."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from messaging.throttle import bucket_of
from messaging.turns import Turns, wants_of
from senderid.models import SenderId
from tests.texting import EverythingGranted, Texting, claim
from tests.world import make_sender

pytestmark = pytest.mark.django_db
AN_HOUR = timedelta(hours=1)


@pytest.fixture
def texting() -> Texting:
    return Texting()


def ask(turns: Turns, most: int = 10) -> list[tuple[object, int, int]]:
    return [(turn.sender.pk, turn.lane, turn.most) for turn in turns.next(most)]


def waits(texting: Texting, sender: SenderId | None = None, **fields: object) -> SenderId:
    sender = sender or texting.sender
    texting.row(sender=sender, from_value=sender.value, **({"due_at": timezone.now() - AN_HOUR} | fields))
    return sender


def test_who_has_nothing_due_is_not_asked(texting: Texting) -> None:
    waits(texting, due_at=timezone.now() + AN_HOUR)
    waits(texting, make_sender(texting.org, "+14155550135"), lane=1, due_at=timezone.now() + AN_HOUR)
    waits(texting, make_sender(texting.org, "+14155550136"), status="accepted")
    assert ask(Turns()) == []


def test_a_sender_is_asked_for_its_interactive_texts_first(texting: Texting) -> None:
    bulk = waits(texting, make_sender(texting.org, "+14155550135"), lane=1)
    both = waits(texting, lane=1)
    waits(texting, both)
    first, *rest = ask(Turns())
    assert first == (both.pk, 0, 10)
    assert sorted(rest) == sorted([(bulk.pk, 1, 5), (both.pk, 1, 5)])


def test_when_more_wait_than_a_batch_holds_each_has_its_turn(texting: Texting) -> None:
    senders = {waits(texting, make_sender(texting.org, f"+141555502{n:02d}"), lane=1).pk for n in range(7)}
    turns, asked = Turns(), []
    for _ in range(4):
        batch = ask(turns, most=2)
        assert [most for _, _, most in batch] == [1, 1]
        asked += [pk for pk, _, _ in batch]
    assert set(asked[:7]) == senders
    assert asked[7] == asked[0]


def test_orgs_have_equal_parts_and_when_they_are_too_many_take_turns(texting: Texting) -> None:
    waits(texting)
    others = [Texting(f"Org {n}") for n in range(3)]
    for other in others:
        waits(other)
    assert sorted(most for _, _, most in ask(Turns(), most=40)) == [10, 10, 10, 10]
    turns = Turns()
    first, second = ask(turns, most=2), ask(turns, most=2)
    assert len({pk for pk, _, _ in first + second}) == 4


def test_who_ran_dry_is_asked_again_only_after_a_look(texting: Texting) -> None:
    waits(texting)
    turns = Turns()
    turns.ran_dry(turns.next(10))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert [pk for pk, _, _ in ask(turns)] == [texting.sender.pk]
    assert len(queries) == 2, "both lanes are empty: they are read again"


def test_what_was_read_is_kept_for_a_moment(texting: Texting) -> None:
    waits(texting)
    waits(texting, lane=1)
    turns = Turns()
    turns.next(10)
    with CaptureQueriesContext(connection) as queries:
        turns.next(10)
    assert len(queries) == 0


def test_a_sender_draws_on_the_rates_of_its_org_and_account(texting: Texting) -> None:
    texting.org.mps = 7
    texting.org.save()
    waits(texting)
    waits(texting, lane=1)
    [(bucket, want)] = wants_of(Turns().next(10)).items()
    assert bucket == bucket_of("sender", texting.sender.pk)
    assert (want.rate, want.wanted) == (texting.sender.mps, 20)
    assert want.shares == ((bucket_of("org", texting.org.pk), 7.0),)


def test_the_rate_of_an_account_holds_for_its_senders_together(texting: Texting) -> None:
    from messaging import claiming
    from messaging.throttle import Throttle

    texting.account.mps = 3
    texting.account.save()
    for n in range(4):
        sender = make_sender(texting.org, f"+141555502{n:02d}", mps=100)
        for m in range(4):
            waits(texting, sender, body=f"{m}")
    assert len(claiming.claim(Throttle())) == 3


def test_an_account_without_room_is_left_alone_and_others_are_not(texting: Texting) -> None:
    from messaging import claiming

    other = Texting("Outsiders")
    for n in range(5):
        waits(texting, body=f"{n}")
        waits(other, body=f"{n}")
    room = {texting.account.pk: 2, other.account.pk: 0}
    left = claiming.claim(EverythingGranted(), room=lambda pk: room[pk])
    assert [c.org_id for c in left] == [texting.org.pk] * 2
    assert len(claim(EverythingGranted())) == 8
