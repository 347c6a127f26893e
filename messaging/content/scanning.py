"""Before a template is parsed: one pass over its source, in linear time, that refuses what a parser chokes on.

python-liquid's lexer takes quadratic time where a delimiter is never closed; here each one is looked for once. It
also says where a block is not closed, which the parser does not know.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from messaging.content.faults import Fault, fault_at

LONGEST_SOURCE = 50_000  # characters
DEEPEST = 10  # blocks in one another
BLOCKS = ("if", "unless", "case", "for", "comment")
INNER = ("else", "elsif", "when", "break", "continue")
TAGS = (*BLOCKS, *INNER, "raw", "#")

OPENS = re.compile(r"\{\{|\{%")
NAME = re.compile(r"\{%-?\s*(#|\w+)")
RAW = re.compile(r"\{%-?\s*raw\s*-?%\}")
BLANKS = re.compile(r"\s{100}")  # inside a tag they cost the lexer quadratic time
END_OF_RAW = re.compile(r"\{%-?\s*endraw\s*-?%\}")


@dataclass(frozen=True)
class Piece:
    """One `{{ … }}` or `{% … %}`; `name` is the tag's, empty for output."""

    start: int
    end: int
    name: str = ""


def scan(source: str) -> list[Piece]:
    """The pieces between the words; raises Fault for what is not closed, not known or nested too deeply."""
    if len(source) > LONGEST_SOURCE:
        text = f"The template is too long: {len(source):,} characters; the limit is {LONGEST_SOURCE:,}."
        raise Fault("syntax", text)
    pieces = list(_pieces(source))
    _demand_closed_blocks(source, pieces)
    return pieces


def _pieces(source: str) -> Iterator[Piece]:
    place = 0
    while (found := OPENS.search(source, place)) is not None:
        start = found.start()
        if found.group() == "{%" and (raw := RAW.match(source, start)):
            place = _end_of_raw(source, start, raw.end())
            continue
        piece = _piece(source, start, found.group())
        yield piece
        place = piece.end


def _end_of_raw(source: str, start: int, after: int) -> int:
    ends = END_OF_RAW.search(source, after)
    if ends is None:
        raise fault_at(source, start, "“raw” is never closed: “{% endraw %}” is missing.", "raw")
    return ends.end()


def _piece(source: str, start: int, opens: str) -> Piece:
    closes = "}}" if opens == "{{" else "%}"
    end = source.find(closes, start + 2)
    if end < 0:
        raise fault_at(source, start, f"“{opens}” is never closed: “{closes}” is missing.", opens)
    if BLANKS.search(source, start, end):
        raise fault_at(source, start, "there is too much space inside the braces.", opens)
    if opens == "{{":
        return Piece(start, end + 2)
    name = NAME.match(source, start)
    if name is None:
        raise fault_at(source, start, "the tag has no name after “{%”.", "{%")
    return Piece(start, end + 2, name.group(1))


def _demand_closed_blocks(source: str, pieces: list[Piece]) -> None:
    is_open: list[Piece] = []
    for piece in pieces:
        in_comment = bool(is_open) and is_open[-1].name == "comment"
        if piece.name.startswith("end"):
            _close(source, piece, is_open, in_comment)
        elif in_comment and piece.name not in ("comment", "doc"):
            continue
        elif piece.name in BLOCKS:
            is_open.append(piece)
            if len(is_open) > DEEPEST:
                text = f"“{piece.name}” is nested too deeply; the limit is {DEEPEST} blocks."
                raise fault_at(source, piece.start, text, piece.name)
        elif piece.name and piece.name not in TAGS:
            text = f"“{piece.name}” isn’t a tag that can be used here."
            raise fault_at(source, piece.start, text, piece.name)
    if is_open:
        name, start = is_open[-1].name, is_open[-1].start
        raise fault_at(source, start, f"“{name}” is never closed: “{{% end{name} %}}” is missing.", name)


def _close(source: str, piece: Piece, is_open: list[Piece], in_comment: bool) -> None:
    name = piece.name.removeprefix("end")
    if is_open and is_open[-1].name == name:
        is_open.pop()
    elif not in_comment:
        wanted = f"; “{{% end{is_open[-1].name} %}}” is expected" if is_open else ", but nothing is open"
        raise fault_at(source, piece.start, f"“{piece.name}” can’t stand here{wanted}.", piece.name)
