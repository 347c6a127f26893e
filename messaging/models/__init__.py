from messaging.models.campaigns import Campaign, CampaignCount, CampaignPortion, CampaignSkip
from messaging.models.consent import ConsentEntry, OptOut, Usage
from messaging.models.contacts import Contact, ContactList, ContactListEntry
from messaging.models.conversations import Conversation, ConversationRead, TimelineEntry
from messaging.models.drafts import Draft
from messaging.models.media import MessageMedia
from messaging.models.messages import Attempt, InboundEvent, Message, ReceiptEvent
from messaging.models.possible_opt_outs import PossibleOptOut
from messaging.models.programs import Program, ProgramKeyword, Subscription
from messaging.models.reactions import Reaction

__all__ = [
    "Attempt",
    "Campaign",
    "CampaignCount",
    "CampaignPortion",
    "CampaignSkip",
    "ConsentEntry",
    "Contact",
    "ContactList",
    "ContactListEntry",
    "Conversation",
    "ConversationRead",
    "Draft",
    "InboundEvent",
    "Message",
    "MessageMedia",
    "OptOut",
    "PossibleOptOut",
    "Program",
    "ProgramKeyword",
    "Reaction",
    "ReceiptEvent",
    "Subscription",
    "TimelineEntry",
    "Usage",
]
