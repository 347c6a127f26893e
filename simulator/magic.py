"""Destination numbers that give Twilio's common errors on purpose.

A magic number is a prefix followed by 55500NN, where NN says what happens. All of them are valid for
libphonenumber, so that a product that checks numbers lets them through. NN 01, 02, 03, 04 and 09 match
Twilio's own test numbers.
"""

from dataclasses import dataclass

PREFIXES = {"+1500": "US, Twilio's own", "+1202": "US", "+44740": "GB", "+49171": "DE"}


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to a text: an error at once, or the (status, error code) steps it goes through."""

    meaning: str
    refusal: int | None = None
    steps: tuple[tuple[str, int | None], ...] = ()


def _refused(code: int, meaning: str) -> Fate:
    return Fate(meaning, refusal=code)


def _ends(status: str, code: int, meaning: str) -> Fate:
    before: tuple[tuple[str, int | None], ...] = () if status == "failed" else (("sent", None),)
    return Fate(meaning, steps=(*before, (status, code)))


NORMAL = Fate("sent, then delivered", steps=(("sent", None), ("delivered", None)))

FATES: dict[str, Fate] = {
    "01": _refused(21211, "invalid To number"),
    "02": _refused(21612, "this sender cannot reach this number"),
    "03": _refused(21408, "country not enabled in geo permissions"),
    "04": _refused(21610, "recipient opted out"),
    "05": _refused(21611, "the sender's queue is full"),
    "06": _refused(21606, "From cannot send texts to this number"),
    "09": _refused(21614, "not a mobile number"),
    "30": _ends("undelivered", 30003, "handset unreachable"),
    "50": _ends("undelivered", 30005, "unknown handset"),
    "60": _ends("undelivered", 30006, "landline or unreachable carrier"),
    "70": _ends("undelivered", 30007, "filtered by the carrier"),
    "80": _ends("undelivered", 30008, "unknown error"),
    "34": _ends("undelivered", 30034, "sent from an unregistered number"),
    "10": _ends("failed", 30001, "queue overflow"),
    "36": _ends("failed", 30036, "validity period expired"),
    "20": Fate("stays sent for ever: no receipt from the carrier", steps=(("sent", None),)),
    "21": Fate("accepted, and then never heard of again", steps=()),
}

REFUSALS = {
    21211: "Invalid 'To' Phone Number: {to}",
    21408: "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {to}",
    21606: "The 'From' phone number {sender} is not a valid, SMS-capable inbound phone number or short code "
    "for your account.",
    21610: "Attempt to send to unsubscribed recipient",
    21611: "This 'From' number has exceeded the maximum number of queued messages",
    21612: "Message cannot be sent with the current combination of 'To' ({to}) and/or 'From' ({sender}) "
    "parameters",
    21614: "To number: {to}, is not a mobile number",
}


def fate_of(number: str) -> Fate:
    if number[-7:-2] != "55500" or number[:-7] not in PREFIXES:
        return NORMAL
    return FATES.get(number[-2:], NORMAL)


def magic_numbers(nn: str) -> list[str]:
    return [f"{prefix}55500{nn}" for prefix in PREFIXES]
