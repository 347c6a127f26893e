from tests.faults_of_delivery import kill_during_delivery
from tests.stack import Api, Stack


def test_texts_survive_a_killed_worker_and_a_killed_valkey(stack: Stack, api: Api) -> None:
    kill_during_delivery(stack, api, texts=120, kills=["worker", "valkey"])
