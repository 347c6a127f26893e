"""SIGTERM of the worker, ten times under load: what is under way is recorded, nothing is lost, nothing goes twice."""

from tests.faults.restarting import end_worker_as_it_begins, restart_worker_under_load
from tests.stack import Api, Stack


def test_ten_restarts_of_the_worker_lose_nothing(fire: Stack, fire_api: Api) -> None:
    restart_worker_under_load(fire, fire_api, times=10, texts=1500)


def test_a_worker_may_be_ended_as_it_begins(fire: Stack) -> None:
    end_worker_as_it_begins(fire, waits=[0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0])
