"""docs/security.md promises only what a named test holds, and each finding of the security reviews has its test."""

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
ROWS = [
    [cell.strip() for cell in line.strip("| \n").split(" | ")]
    for line in (ROOT / "docs/security.md").read_text().splitlines()
    if line.startswith("|") and not line.startswith(("| ---", "| promise"))
]
# Of the reviews: the tests that were red before say the number in a docstring or comment, as in "security F7".
FINDINGS = {
    "security": [*(f"F{n}" for n in range(1, 23)), "S1", "S2", "S3", "S6", "S7", "S8", "S9"],
    "console": [1, 4, 5, 6, 7, 8, 10, 13, 33],
    "inbox": [1, 2, 3, 4, 5, 6, 9, 10, 14, 16, 20, 21],
    "api": [2, 3, 4, 5, 10, 11, 13, 19, 20, 21, 24],
}


def words_of_tests() -> str:
    """Test files, that is what collects tests: helpers hold nothing."""
    files = [path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    return "\n".join(path.read_text() for path in files)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_promise_names_the_tests_that_hold_it(row: list[str]) -> None:
    assert len(row) == 3, row
    named = re.findall(r"`([^`]+)`", row[2])
    assert named and re.sub(r"`[^`]+`|[, ]", "", row[2]) == "", (
        f"only tests stand in the last column: {row[2]}"
    )
    for name in named:
        assert re.fullmatch(r"tests/[\w/]+/test_\w+\.py", name) and (ROOT / name).is_file(), name


def test_there_are_promises() -> None:
    assert len(ROWS) > 20


@pytest.mark.parametrize(
    "name", [f"{area} {number}" for area, numbers in FINDINGS.items() for number in numbers]
)
def test_each_finding_is_named_by_a_test(name: str) -> None:
    assert re.search(rf"\b{name}\b", words_of_tests()), f"no test says “{name}”"
