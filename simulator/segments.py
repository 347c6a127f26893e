"""How many segments a text takes on the air: GSM 7-bit (GSM 03.38) or UCS-2."""

import re

GSM_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = "\f^{}\\[~]|€"
IN_GSM = re.compile(f"[{re.escape(GSM_BASIC + GSM_EXTENDED)}]*")
HIGH_SURROGATE = re.compile("[\ud800-\udbff]")
EXTENDED = re.compile(f"[{re.escape(GSM_EXTENDED)}]")


def count_segments(body: str) -> int:
    if IN_GSM.fullmatch(body):
        return _parts(EXTENDED.sub("\x1b\\g<0>", body), whole=160, part=153, leads=re.compile("\x1b"))
    units = body.encode("utf-16-be", "surrogatepass")
    wide = "".join(chr(units[at] * 256 + units[at + 1]) for at in range(0, len(units), 2))
    return _parts(wide, whole=70, part=67, leads=HIGH_SURROGATE)


def _parts(units: str, whole: int, part: int, leads: re.Pattern[str]) -> int:
    """How many parts of whole characters: a unit that leads a pair never ends one."""
    if len(units) <= whole:
        return 1
    count = 0
    while units:
        length = part - 1 if len(units) > part and leads.fullmatch(units[part - 1]) else part
        units, count = units[length:], count + 1
    return count
