"""How many segments a text takes on the air: GSM 7-bit (GSM 03.38) or UCS-2."""

import re

GSM_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = "\f^{}\\[~]|€"
IN_GSM = re.compile(f"[{re.escape(GSM_BASIC + GSM_EXTENDED)}]*")
EXTENDED = re.compile(f"[{re.escape(GSM_EXTENDED)}]")


def count_segments(body: str) -> int:
    if IN_GSM.fullmatch(body):
        return _parts(len(body) + len(EXTENDED.findall(body)), whole=160, part=153)
    return _parts(len(body.encode("utf-16-be")) // 2, whole=70, part=67)


def _parts(length: int, whole: int, part: int) -> int:
    return 1 if length <= whole else -(-length // part)
