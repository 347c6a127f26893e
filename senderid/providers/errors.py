"""Twilio's error codes as one table: what we do, and a sentence for people.

Source: shared research on Twilio's error pages (excerpts, 2026); unlisted codes fall back by HTTP status.
"""

from senderid.providers.base import Outcome

P, N, R = Outcome.PERMANENT, Outcome.NEXT_SENDER, Outcome.RETRY
S, Q, A, O = Outcome.SLOW_DOWN, Outcome.QUARANTINE_SENDER, Outcome.PAUSE_ACCOUNT, Outcome.OPT_OUT  # noqa: E741

CODES: dict[str, tuple[Outcome, str]] = {
    "20003": (A, "The provider refused the account’s credentials; an admin must renew them."),
    "20429": (S, "Too many requests at once; it is sent again."),
    "21211": (P, "The number is not valid."),
    "21401": (Q, "The provider does not know this sender."),
    "21408": (P, "The provider account is not enabled for this country; an admin can enable it there."),
    "21601": (Q, "The sender can’t send texts."),
    "21602": (P, "The text is empty."),
    "21603": (Q, "The sender is missing."),
    "21604": (P, "The recipient is missing."),
    "21606": (Q, "The sender can’t text this destination."),
    "21608": (P, "The provider account may only text verified numbers."),
    "21610": (O, "The recipient opted out of texts from this sender."),
    "21611": (S, "The sender’s queue at the provider is full; it is sent again."),
    "21612": (N, "This sender can’t reach this number."),
    "21614": (P, "The number can’t receive texts."),
    "21617": (P, "The text is longer than 1,600 characters."),
    "21635": (P, "The number is a landline that takes no texts."),
    "21659": (N, "The sender is not the provider’s, or its country does not match."),
    "21669": (Q, "The sender lives in another region of the provider."),
    "21703": (Q, "The messaging service has no sender for this."),
    "21711": (Q, "The sender is not in the messaging service."),
    "21714": (Q, "The messaging service’s pool is full."),
    "21715": (Q, "The sender lacks the capability."),
    "30001": (S, "The provider’s queue overflowed; it is sent again."),
    "30002": (A, "The provider account is suspended."),
    "30003": (P, "The handset could not be reached; it may be off or without signal."),
    "30004": (P, "The recipient blocks texts."),
    "30005": (P, "The number is unknown or no longer in use."),
    "30006": (P, "The number is a landline or its carrier can’t be reached."),
    "30007": (P, "A carrier filtered the text as unwanted."),
    "30008": (P, "The carrier gave no reason."),
    "30022": (S, "The sender’s campaign rate was exceeded."),
    "30024": (Q, "The sender is not set up with the carrier."),
    "30032": (Q, "The toll-free number is not verified yet."),
    "30034": (Q, "The number is not registered for US traffic yet."),
    "30036": (P, "It was not delivered within its validity."),
    "30450": (P, "The provider suspected pumping fraud."),
    "30610": (P, "Local quiet hours blocked it."),
    "30640": (P, "The number belongs to a known litigator."),
    "35111": (P, "The sending time is missing."),
    "35114": (P, "The sending time is outside the provider’s window."),
    "35115": (P, "The sending time can’t be read by the provider."),
    "35117": (P, "The sending time is too far ahead for the provider."),
    "60728": (S, "The account’s hourly limit is reached."),
    "63017": (S, "The account’s rate limit is reached."),
    "63038": (A, "The account’s daily limit is reached."),
}

# How long a slower pace lasts where the provider does not say, in seconds; and whose it is.
PAUSES = {"21611": 5.0, "30001": 5.0, "30022": 5.0, "60728": 30.0, "63017": 2.0}
OF_SENDER = {"21611", "30001", "30022"}


def meaning(code: str, http_status: int | None = None) -> tuple[Outcome, str]:
    """What to do after this code, and the sentence; unknown 4xx are permanent, 429 slows down, the rest is unknown."""
    if code in CODES:
        return CODES[code]
    if http_status == 429:
        return CODES["20429"]
    if http_status is not None and 400 <= http_status < 500:
        return P, f"The provider refused it (code {code or http_status})."
    return Outcome.UNKNOWN, "It is not known whether the provider took it."


def sentence(code: str) -> str:
    """For people: why a text failed."""
    return CODES[code][1] if code in CODES else (f"The carrier refused it (code {code})." if code else "")
