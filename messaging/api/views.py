"""The table of messaging's REST doors."""

from messaging.api.campaigns import CampaignViewSet, ProgramViewSet
from messaging.api.contacts import ContactListViewSet, ContactViewSet, OptOutViewSet
from messaging.api.conversations import ConversationViewSet
from messaging.api.messages import MessageViewSet

ROUTES = [
    ("messages", MessageViewSet),
    ("conversations", ConversationViewSet),
    ("contacts", ContactViewSet),
    ("contact-lists", ContactListViewSet),
    ("opt-outs", OptOutViewSet),
    ("campaigns", CampaignViewSet),
    ("programs", ProgramViewSet),
]
