"""Why a template is refused: a kind, a sentence, and the place in its source."""

from dataclasses import asdict, dataclass
from typing import Any

SYNTAX = "syntax"  # it can't be read, or uses what is not allowed
LIMIT = "limit"  # it takes too much time, memory or output
DATA = "data"  # it can be read, but this contact's or message's values don't fit it


@dataclass
class Fault(Exception):
    """`line` and `column` count from 1; 0 when there is no one place."""

    kind: str
    text: str
    line: int = 0
    column: int = 0
    word: str = ""

    def __str__(self) -> str:
        return self.sentence

    @property
    def sentence(self) -> str:
        return f"Line {self.line}, column {self.column}: {self.text}" if self.line else self.text

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def fault_at(source: str, index: int, text: str, word: str = "", kind: str = SYNTAX) -> Fault:
    """A fault with its place: `index` counts characters from 0."""
    line = source.count("\n", 0, index) + 1
    return Fault(kind, text, line, index - (source.rfind("\n", 0, index) + 1) + 1, word)
