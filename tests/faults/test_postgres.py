"""PostgreSQL is killed three times while the API is asked. A small form runs in `make test`."""

from tests.faults.losing_postgres import kill_postgres
from tests.stack import Api, Stack


def test_three_kills_keep_every_202_and_nothing_goes_twice(fire: Stack, fire_api: Api) -> None:
    kill_postgres(fire, fire_api, times=3, pause=8)
