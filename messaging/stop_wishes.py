"""Wishes to stop in a contact's own words: data/stop_wishes.csv, a regular expression a row, compared with the folded
text in lower case.

`means` is `part` (a wish wherever it occurs) or `whole` (only as the whole message); `not` takes words out that look
like a wish and are none; `again` says, as the whole message, that messages are wanted after all. `receiving` asks.
"""

import csv
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "stop_wishes.csv"
MAX_LENGTH = 500  # a wish is short; a long text that has one at its end is read to here from both ends
QUOTED = re.compile(r"[“„«\"]([^“”„«»\"]+)[”“»\"]")
ALONE = frozenset(["stop", "stopp", "stopall", "unsubscribe", "optout", "arret", "baja", "abmelden"])


def fold(text: str) -> str:
    """For comparing whole messages: capitals, no accents, no punctuation, single spaces."""
    plain = unicodedata.normalize("NFKD", text)
    kept = "".join(c for c in plain if c.isalnum() or c.isspace())
    return " ".join(kept.split()).upper()


def stop_wish_in(body: str) -> str:
    """The language of a reasonable wish to get no more messages; '' where there is none. A keyword alone is none."""
    text = _own_words(body)
    if _whole()[0].fullmatch(text) or _leads_with_stop(body):
        return "en" if _leads_with_stop(body) else _language(text, "whole")
    return _language(without_lookalikes(text), "part")


def wants_messages_again(body: str) -> bool:
    """Whether the whole message says that messages are wanted after all."""
    text = _own_words(body)
    return bool(_whole()[1].fullmatch(text)) and not stop_wish_in(body)


def without_lookalikes(text: str) -> str:
    """A folded text without words that look like a wish to stop and are none (“don't stop”, “stop by the office”)."""
    return _lookalikes().sub(" ; ", text.lower())


def _own_words(body: str) -> str:
    """Folded, lower case, without what it quotes of somebody else's."""
    if len(body) > 2 * MAX_LENGTH:
        body = f"{body[:MAX_LENGTH]} ; {body[-MAX_LENGTH:]}"
    own = fold(QUOTED.sub(lambda quote: " " if " " in quote[1].strip() else quote[0], body))
    return (own or fold(body)).lower()


def _leads_with_stop(body: str) -> bool:
    """A STOP word on a line of its own, with a signature below."""
    first, _, rest = body.strip().partition("\n")
    return bool(rest.strip()) and fold(first).replace(" ", "").lower() in ALONE


def _language(text: str, means: str) -> str:
    for language, of_row, pattern in _rows():
        if of_row == means and (pattern.fullmatch(text) if means == "whole" else pattern.search(text)):
            return language
    return ""


@lru_cache(maxsize=1)
def _rows() -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    with DATA.open(newline="", encoding="utf-8") as file:
        return tuple(
            (row["language"], row["means"], re.compile(rf"\b(?:{row['pattern']})(?!\w)"))
            for row in csv.DictReader(file)
        )


@lru_cache(maxsize=1)
def _whole() -> tuple[re.Pattern[str], re.Pattern[str]]:
    return _joined("whole"), _joined("again")


@lru_cache(maxsize=1)
def _lookalikes() -> re.Pattern[str]:
    return _joined("not")


def _joined(means: str) -> re.Pattern[str]:
    return re.compile("|".join(pattern.pattern for _, of_row, pattern in _rows() if of_row == means))
