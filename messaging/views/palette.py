"""What the palette offers: pages of the rail, then conversations, that fit the words."""

from typing import Any

from messaging.listing import list_conversations
from messaging.rail import rail_of
from tenants.models import Membership
from tenants.names import folded

MOST = 8


def pages_and_conversations(*, member: Membership, words: str) -> dict[str, Any]:
    """{pages, conversations}; all pages and none of the conversations without words."""
    wanted = folded(words.strip())
    items = [item for part in rail_of(member=member, path="") for item in part.items]
    pages = [item for item in items if wanted in folded(item.name)]
    if len(wanted) < 2:
        return {"pages": pages, "conversations": []}
    listed = list_conversations(member=member, folder="all", filters={"q": words}, most=MOST)
    return {"pages": pages[:MOST], "conversations": listed.rows}
