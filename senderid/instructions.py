"""Numbers that a text tells people to reply to: "text JOIN to 56767", "reply to (888) 555-0123".

A set-up or a text that names another number than the one that will send loses the replies; `named_elsewhere` finds
those for the warnings of senders, programs, campaigns and previews.
"""

import re
from collections.abc import Iterable

from senderid.models import SenderId
from senderid.phone_numbers import national, parse

# A verb, then "to", "at" or "on" and a number within the same sentence.
INSTRUCTION = re.compile(
    r"\b(?:text|txt|reply|respond|answer|send|sms|message)\b[^.!?;\n]{0,60}?\b(?:to|at|on)\s+"
    r"(?P<number>\+?\(?\d(?:[\d ().-]{1,18})\d)(?![\d:])",
    re.IGNORECASE,
)


def named_elsewhere(text: str, *, senders: Iterable[SenderId], country: str) -> str:
    """The first number the text tells people to reply to that reaches none of `senders`; '' when there is none.

    A number in national format is read as one of `country`. Where replies go: the sender, or its reply number.
    """
    named = numbers_named(text, country=country)
    if not named:
        return ""
    reached = {value for sender in senders for value in _reply_values(sender)}
    return next((national(value) for value in named if value not in reached), "")


def numbers_named(text: str, *, country: str) -> list[str]:
    """The E.164 numbers and short codes that the text tells people to reply to."""
    found = []
    for match in INSTRUCTION.finditer(text):
        written = match["number"]
        number = parse(written.strip(), country, line=True)
        digits = re.sub(r"\D", "", written)
        if number is not None:
            found.append(number.e164)
        elif 3 <= len(digits) <= 8 and digits == written.strip():
            found.append(digits)
    return found


def _reply_values(sender: SenderId) -> list[str]:
    values = [sender.value] if sender.receives else []
    reply = sender.reply_number if sender.reply_number_id else None
    return [*values, reply.value] if reply is not None else values
