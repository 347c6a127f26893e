"""Tapbacks as phones send them by SMS (“Liked “See you at 3””): data/tapbacks.csv, a form a row.

In a form, {it} is the quoted text or a picture, {emoji} the reaction where it is not the row's own. `reactions` asks.
"""

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "tapbacks.csv"
PICTURES = (
    "an image|a photo|a picture|a video|a movie|an attachment|ein bild|ein foto|ein video|eine? anhang|une image|une photo|"
    "une vidéo|une pièce jointe|una imagen|una foto|un vídeo|un video|un archivo adjunto|uma imagem|uma foto|um vídeo|"
    "um anexo|un'immagine|una fotografia|un filmato|un allegato"
)
IT = rf"(?:[“”\"„«‘']\s*(?P<quote>.+?)\s*[“”\"»’']|(?P<picture>{PICTURES}))"
EMOJI = r"(?P<emoji>[^\w\s“”\"„«»‘’']{1,24})"
INVISIBLE = re.compile("[\u200b\u200e\u200f\u2060\ufeff]")
SPACES = re.compile(r"\s+")
SIGNS = frozenset("‼⁉❓❔❗❕♥❤☺✔✅")
CUT_OFF = ("…", "...")


@dataclass(frozen=True)
class Tapback:
    """A reaction to the text that begins or reads as `quote`; '' for one to a picture."""

    emoji: str
    quote: str
    language: str
    is_removed: bool = False

    def quotes(self, body: str) -> bool:
        """Whether it quotes this text, whole or cut off."""
        quote, text = plain(self.quote), plain(body)
        if quote == text:
            return bool(quote)
        begun = next((quote.removesuffix(end).rstrip() for end in CUT_OFF if quote.endswith(end)), "")
        return len(begun) >= 3 and text.startswith(begun)


def tapback_in(body: str) -> Tapback | None:
    """What the whole message reacts with, and to what; None for any other text."""
    text = SPACES.sub(" ", INVISIBLE.sub("", body)).strip().replace("’", "'")
    for language, emoji, is_removed, pattern in _forms():
        if match := pattern.fullmatch(text):
            sign = emoji or match["emoji"]
            if not emoji and not _is_emoji(sign):
                continue
            return Tapback(sign, match["quote"] or "", language, is_removed)
    return None


def plain(text: str) -> str:
    """A text as quotes are compared: one kind of apostrophe and quotation mark, single spaces, nothing invisible."""
    text = INVISIBLE.sub("", unicodedata.normalize("NFC", text)).replace("’", "'").replace("‘", "'")
    return SPACES.sub(" ", re.sub("[“”„«»]", '"', text)).strip()


def _is_emoji(sign: str) -> bool:
    return any(unicodedata.category(c) == "So" or c in SIGNS for c in sign)


@lru_cache(maxsize=1)
def _forms() -> list[tuple[str, str, bool, re.Pattern[str]]]:
    with DATA.open(newline="", encoding="utf-8") as file:
        return [
            (row["language"], row["emoji"], row["is_removed"] == "yes", _pattern(row["form"]))
            for row in csv.DictReader(file)
        ]


def _pattern(form: str) -> re.Pattern[str]:
    """Each placeholder stands once in a form; the emoji group is there even where the form has none."""
    written = re.escape(form).replace(r"\{it\}", IT).replace(r"\{emoji\}", EMOJI)
    return re.compile(written if r"?P<emoji>" in written else f"{written}(?P<emoji>)", re.I | re.S)
