from senderid.models.assignments import Assignment, AssignmentCountry, DelegatedSender
from senderid.models.countries import CountryRule, Registration, VerdictOverride, state_of
from senderid.models.providers import ProviderAccount
from senderid.models.senders import Kind, SenderId

__all__ = [
    "Assignment",
    "AssignmentCountry",
    "CountryRule",
    "DelegatedSender",
    "Kind",
    "ProviderAccount",
    "Registration",
    "SenderId",
    "VerdictOverride",
    "state_of",
]
