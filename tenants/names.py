"""Names: stored on one line and composed (NFC), found whatever their accents and capitals.

They go into subjects, headers, lists and greetings, so no line break or reordering control stays in one.
"""

import re
import unicodedata

from django.db import models
from django.db.models import Q

# C0 and C1 controls but white space, and the controls that reorder what follows. Marks of direction stay: Arabic and
# Hebrew names need them.
CONTROLS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]")
BLANK = {  # letters and signs by category, but nothing is seen
    "\u115f",
    "\u1160",
    "\u2800",
    "\u3164",
    "\uffa0",
}
MARKS = "[\u0300-\u036f]"
# Letters that are no base letter with a mark: Unicode does not take them apart.
LETTERS: dict[str, str] = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i"}
FLAT = str.maketrans({**LETTERS})


def single_line(text: str) -> str:
    """The text in NFC, without controls, with every run of white space, line breaks included, as one space;
    '' where it shows nothing."""
    line = " ".join(CONTROLS.sub("", unicodedata.normalize("NFC", text)).split())
    return "" if shows_nothing(line) else line


def shows_nothing(text: str) -> bool:
    """Whether nothing of it is seen: zero-width characters, controls, spaces."""
    return all(map(is_invisible, text))


def is_invisible(sign: str) -> bool:
    """A character by itself."""
    return sign in BLANK or unicodedata.category(sign) in ("Cf", "Mn", "Zs", "Cc")


def folded(text: str) -> str:
    """The text as it is searched: small letters without accents, compatibility forms resolved."""
    text = re.sub(MARKS, "", unicodedata.normalize("NFKD", text)).lower()
    return text.translate(FLAT)


def _folded_in_sql() -> str:
    sql = f"lower(regexp_replace(normalize(%(expressions)s, NFKD), '{MARKS}', '', 'g'))"
    for letter, plain in LETTERS.items():
        sql = f"replace({sql}, '{letter}', '{plain}')"
    return sql


class Folded(models.Transform):
    """`folded` in PostgreSQL, as `name__folded`; immutable, so a generated column can hold it."""

    lookup_name = "folded"
    template = _folded_in_sql()
    output_field = models.TextField()


models.CharField.register_lookup(Folded)


def name_matches(words: str, *fields: str) -> Q:
    """Rows with the words inside one of these fields (or relations' fields), in no order."""
    wanted = folded(single_line(words))
    matches = Q()
    for field in fields:
        matches |= Q(**{f"{field}__folded__contains": wanted})
    return matches
