import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import Api, Stack, bootstrap, running

sys.path.insert(0, str(Path(__file__).parents[1] / "config"))  # for `import embedding`

# A call that is given up after 6 s, so that what a kill left open is settled within the minute.
QUICK = {
    "LEASE_SECONDS": "16",
    "SEND_TOTAL_SECONDS": "6",
    "SETTLE_SECONDS": "8",
    "RESOLVE_PAUSE_SECONDS": "2",
}


@pytest.fixture(scope="module")
def fire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One running stack for each file of fault tests."""
    with running(tmp_path_factory.mktemp("fire"), **QUICK) as stack:
        yield stack


@pytest.fixture
def fire_api(fire: Stack) -> Api:
    """A fresh org."""
    return bootstrap(fire)
