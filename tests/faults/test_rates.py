from pathlib import Path

from tests.faults.beside_a_simulator import keep_rates


def test_senders_keep_their_rates_over_a_minute_with_three_processes(tmp_path: Path) -> None:
    keep_rates(tmp_path, seconds=60)
