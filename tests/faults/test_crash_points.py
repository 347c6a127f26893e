"""Every crash point, at its first, second, third … hit until it is not hit any more; each heals without a hand.

N = 1 of each runs in `make test` (tests/journeys/test_under_fire.py).
"""

from pathlib import Path

from tests.faults.beside_a_simulator import crash_everywhere


def test_a_process_may_die_at_every_crash_point(tmp_path: Path) -> None:
    crash_everywhere(tmp_path)
