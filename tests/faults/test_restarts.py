"""SIGTERM of the worker, ten times under load: what is under way is recorded, nothing is lost, nothing goes twice."""

from tests.faults.restarting import restart_worker_under_load
from tests.stack import Api, Stack


def test_ten_restarts_of_the_worker_lose_nothing(fire: Stack, fire_api: Api) -> None:
    restart_worker_under_load(fire, fire_api, times=10, texts=1500)
