"""What was decided about one person and one text; `recipients` makes decisions, `notify.record` writes them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from notifications.models import Notification, NotificationRule
from senderid.models import Assignment
from tenants.models import Membership

Outcome = Notification.Outcome


@dataclass(frozen=True)
class Decision:
    """One person (or plain address): told or not, by which rule, why. `settings` is the rule's row, saved or not."""

    rule: str
    reason: str
    outcome: str = Outcome.PENDING
    member: Membership | None = None
    email: str = ""
    assignment: Assignment | None = None
    settings: NotificationRule | None = None
    turn_of: Assignment | None = (
        None  # round robin: this assignment's turn, which also gives them the conversation
    )

    @property
    def address(self) -> str:
        return self.email or (self.member.email if self.member else "")

    @property
    def is_told(self) -> bool:
        return self.outcome == Outcome.PENDING


def one_each(found: Iterable[Decision]) -> list[Decision]:
    """One per person per text: being told goes before being left out, and a turn is never lost."""
    kept: dict[str, Decision] = {}
    for decision in found:
        key = decision.address.casefold()
        known = kept.get(key)
        if known is None:
            kept[key] = decision
            continue
        winner = decision if decision.is_told and not known.is_told else known
        kept[key] = replace(winner, turn_of=known.turn_of or decision.turn_of)
    return list(kept.values())
