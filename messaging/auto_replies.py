"""Recognizing automatic replies (driving, out of office): data/auto_reply_patterns.csv, a regular expression a row."""

import csv
import re
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "auto_reply_patterns.csv"


def looks_automatic(body: str) -> bool:
    """Whether a text looks like a phone's or a mailbox's automatic reply, in any listed language."""
    return _pattern().search(body) is not None


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    with DATA.open(newline="", encoding="utf-8") as file:
        patterns = [row["pattern"] for row in csv.DictReader(file)]
    return re.compile(rf"\b(?:{'|'.join(f'(?:{pattern})' for pattern in patterns)})\b", re.I)
