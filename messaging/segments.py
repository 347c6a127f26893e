"""A text's body as it enters, and how it is cut: GSM-7 (3GPP TS 23.038, with its extension table) or UCS-2; 160/153
and 70/67 units.
"""

import re
import unicodedata
from dataclasses import dataclass

from tenants.names import is_invisible

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")
GSM_7, UCS_2 = "GSM-7", "UCS-2"
FOREIGN = re.compile("[^" + re.escape("".join(sorted(BASIC | EXTENSION))) + "]")
EXTENDED = re.compile("[" + re.escape("".join(sorted(EXTENSION))) + "]")
MOST_CHARACTERS = 1600
LINE_ENDS = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")
PLAIN = re.compile("[\t\n -~]*")
# What word processors and phones write for what GSM-7 has.
PLAIN_FORMS = {
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("‘’‚‛′`´", "'"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\u00a0\u2002\u2003\u2009\u202f\t", " "),
    **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
    "…": "...",
    "•": "-",
}
CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Cut:
    """`units` are septets (an extension character is two) or UTF-16 code units."""

    encoding: str
    units: int
    segments: int
    first_unicode: str = ""

    @property
    def culprit(self) -> str:
        """What makes it Unicode, to be named in a sentence: “é”, or “no-break space” where nothing would be seen."""
        sign = self.first_unicode
        if PLAIN_FORMS.get(sign) in ('"', "'"):  # a quotation mark needs no others around it
            return sign
        if sign.isprintable() and not sign.isspace() and not unicodedata.combining(sign or " "):
            return f"“{sign}”" if sign else ""
        return f"“{unicodedata.name(sign, 'tab' if sign == chr(9) else f'U+{ord(sign):04X}').lower()}”"


def read_body(text: str) -> str:
    """A body as it is counted, stored and sent: line feeds alone end lines, letters are composed (NFC: a decomposed é
    would make the text Unicode), no controls but the tab; one that shows nothing (zero-width characters) is empty.
    Forms, API and what comes in take bodies through here.
    """
    if PLAIN.fullmatch(text):  # most texts
        return text
    text = CONTROLS.sub("", LINE_ENDS.sub("\n", unicodedata.normalize("NFC", text)))
    return "" if all(map(is_invisible, text)) else text


def cut(body: str) -> Cut:
    """Encoding and segments of a text; `first_unicode` is the first character that GSM-7 lacks."""
    if foreign := FOREIGN.search(body):
        widths = [2 if ord(c) > 0xFFFF else 1 for c in body]
        return Cut(UCS_2, sum(widths), _parts(widths, 70, 67), foreign[0])
    if len(body) <= 160 and not EXTENDED.search(body):  # most texts
        return Cut(GSM_7, len(body), 1)
    widths = [2 if c in EXTENSION else 1 for c in body]
    return Cut(GSM_7, sum(widths), _parts(widths, 160, 153))


def plain_forms(body: str) -> dict[str, str]:
    """{character: what GSM-7 has for it}, when these are all that makes the body Unicode; else empty."""
    foreign = set(FOREIGN.findall(body))
    return {sign: PLAIN_FORMS[sign] for sign in sorted(foreign)} if foreign <= PLAIN_FORMS.keys() else {}


def _parts(widths: list[int], single: int, multi: int) -> int:
    """A character is never split over two parts."""
    if sum(widths) <= single:
        return 1
    parts, used = 1, 0
    for width in widths:
        if used + width > multi:
            parts, used = parts + 1, 0
        used += width
    return parts
