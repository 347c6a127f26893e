"""kill -9 of the worker and of Valkey while 500 texts are queued: each is at the carrier once, none is lost.

The short form runs in `make test` (tests/journeys/test_a_killed_worker.py).
"""

from tests.faults_of_delivery import kill_during_delivery
from tests.stack import Api, Stack


def test_500_texts_survive_kills_of_the_worker_and_of_valkey(stack: Stack, api: Api) -> None:
    kill_during_delivery(stack, api, texts=500, kills=["worker", "valkey", "worker"])


def test_500_texts_survive_kills_of_worker_dispatcher_and_postgres(stack: Stack, api: Api) -> None:
    kill_during_delivery(stack, api, texts=500, kills=["worker", "dispatcher", "postgres", "worker"])
