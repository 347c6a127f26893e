"""Nothing of ours is killed here: the carrier alone fails, and its webhooks find nobody."""

from tests.faults.campaign import campaign_under_fire
from tests.faults.losing_inbound import take_in_what_was_missed
from tests.stack import Api, Stack


def test_a_bad_carrier_alone_loses_and_doubles_nothing(fire: Stack, fire_api: Api) -> None:
    campaign_under_fire(fire, fire_api, seed=5, senders=40, texts=800, kills=0)


def test_texts_that_came_in_while_nobody_could_take_them_are_listed_later(fire: Stack, fire_api: Api) -> None:
    take_in_what_was_missed(fire, fire_api)
